"""Ranges of values, as `tf-softpool compare` and `tf_softpool.compare` name them."""

import math
import re
from collections.abc import Iterable

STANDARD = "standard"
# A number has digits on both sides of its dot, so that "0...1" is not taken for "0..0.1".
_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"


def checked(names: str | Iterable[str]) -> tuple[str, ...]:
    """Returns ranges in the form in which they are printed, each once.

    Args:
        names: str or list of str. `"standard"`, or `"A..B"` with numbers A below B.

    Raises:
        ValueError: if there is none, or one is not as described.

    Example:
        >>> from tf_softpool_cli.ranges import checked
        >>> checked(["0..1", "0.0..255", "standard", "-1..1", "0..1"])
        ('0..1', '0..255', 'standard', '-1..1')
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise ValueError('`ranges` is empty: give at least one range, such as "0..1".')
    return tuple(dict.fromkeys(map(_checked, names)))


def limits_of(name: str) -> tuple[float, float]:
    """Returns the two numbers of a range that `checked` returned and that is not "standard"."""
    low, high = name.split("..")
    return float(low), float(high)


def _checked(name: str) -> str:
    if name == STANDARD:
        return name
    found = re.fullmatch(rf"({_NUMBER})\.\.({_NUMBER})", name) if isinstance(name, str) else None
    low, high = (float(number) for number in found.groups()) if found else (0.0, 0.0)
    # Pictures are float32, in which a range far from 0 would lose its digits.
    if not (low < high and math.isfinite(high - low) and high - low >= 1e-3 * max(abs(low), abs(high))):
        raise ValueError(
            'A range must be "standard" or "A..B" with numbers A below B, such as "0..255", and not far from '
            f"0 for its size, got {name!r}."
        )
    return f"{low:.9g}..{high:.9g}"
