"""How much of a picture or clip is read."""

from collections.abc import Sequence

# How many frames of a GIF or video are read if nobody says otherwise.
FRAMES = 16
# In all frames together. A comparison takes some 110 bytes for each of them in colour.
MOST_PIXELS = 40_000_000


def check_size(name: str, sizes: Sequence[int]) -> None:
    """Raises a ValueError if a picture of these sizes, without channels, has too many pixels, or none."""
    pixels = 1
    for size in sizes:
        pixels *= size
    text = "x".join(map(str, sizes))
    if pixels == 0:
        raise ValueError(f"{name} is empty: its size is {text}.")
    if pixels > MOST_PIXELS:
        advice = "cut a part out" if len(sizes) == 2 else "read fewer frames, with `frames`"
        raise ValueError(
            f"{name} has {text} pixels, and a comparison takes at most {MOST_PIXELS / 1e6:g} million: "
            f"{advice}."
        )
