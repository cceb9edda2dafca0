"""`tf_softpool.compare`: poolings compared on pictures."""

import math
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from typing import Any

import keras
import numpy as np

import tf_softpool_cli
from tf_softpool.comparison.enlarging import check_enlarge, enlarged
from tf_softpool.comparison.entrants import AVERAGE, MAX, Entrant, entrants_of
from tf_softpool.comparison.measures import (
    SSIM_WINDOW,
    brightness_shift,
    mean_of_finite,
    nearness,
    require_scikit_image,
    way_of,
)
from tf_softpool.comparison.picture import Picture
from tf_softpool.comparison.pictures import FRAMES, pictures_of
from tf_softpool.comparison.pooling import checked_pool_size, cropped, pooled, window_of
from tf_softpool.comparison.results import Comparison, Row, Score, Settings
from tf_softpool.comparison.timing import Time, times_of
from tf_softpool_cli.ranges import checked

# Poolings that compute the average in another way differ from it by less.
_TIE = 1e-6


def compare(
    images: Any,
    poolings: Any = None,
    pool_size: int | Sequence[int] = 2,
    *,
    ranges: str | Iterable[str] = "0..1",
    enlarge: str = "nearest",
    frames: int = FRAMES,
    seed: int = 0,
    seconds: float = 1.0,
) -> Comparison:
    """Compares poolings on pictures: how much of a picture is left once it has been pooled.

    Each picture is pooled, enlarged to its old size, and held against the original, as in tables 1 and 3 of
    the paper on SoftPool. GIFs and videos are pooled by layers for 3D. Everything is computed on the CPU.

    Args:
        images: a path of an image file, GIF, video or folder, a picture of Pillow, an array, or a list of
            these. An array is a picture of shape `[height, width]` or `[height, width, channels]`, or a batch
            of pictures `[batch, height, width, channels]`. In a list, an array with four axes is a clip
            `[frames, height, width, channels]`. Values are uint8, uint16, or floats from 0 to 1.
        poolings: a pooling, a list of poolings, or a dict of names to poolings. A pooling is a name, such as
            `"soft"`, a Keras layer, or a function of a tensor `[1, height, width, channels]`. Layers of ours
            that learn are shown as they start. Average and max pooling are always compared. Default: all.
        pool_size: int, or an int for rows and one for columns, or an int for frames, rows and columns: the
            window, whose strides are of the same size. If there are two ints, each frame of a clip is pooled
            by itself.
        ranges: str or list of str: the ranges of values that pictures are scaled to before they are pooled:
            `"A..B"`, or `"standard"` for mean 0 and deviation 1 of each picture. SoftPool is always shown at
            0..1, 0..255 and standard too, and poolings that no range changes are shown once.
        enlarge: str: how pooled pictures are enlarged: `"nearest"`, `"area"`, `"bilinear"` or `"bicubic"`.
        frames: int: how many frames of a GIF or video are read, the first ones.
        seed: int: the seed of poolings that draw.
        seconds: float: how long to measure times, which are those for the first picture. 0 measures none.

    Returns:
        A `Comparison`. `print` shows its table. `sheet(path)` draws the pictures, `html(path)` makes a page,
        and `to_json()` returns a dict.

    Raises:
        ValueError: if an argument is not as described, if a file is not a picture or is damaged, or if a
            picture is too large, or smaller than its window or than 7x7.
        FileNotFoundError: if there is no file of a name.
        ImportError: if a package is absent: `pip install "tf_softpool[compare]"` installs all of them.
        RuntimeError: if Keras's backend is not TensorFlow.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> board = np.indices((16, 16)).sum(0) % 2 * 1.0
        >>> found = tsp.compare(board, ["soft"], seconds=0)
        >>> brightness = {row.entrant.label: round(row.brightness) for row in found.rows}
        >>> [brightness[label] for label in ("average", "soft, 0..1", "soft, 0..255", "max")]
        [0, 23, 50, 50]
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"`compare` works with Keras's backend tensorflow, and not with {keras.backend.backend()}."
        )
    require_scikit_image()
    settings = settings_of(pool_size, ranges, enlarge, frames, seed, seconds)
    entrants = entrants_of(poolings, settings.ranges, seed)
    return compared(pictures_of(images, frames), entrants, settings)


def settings_of(
    pool_size: int | Sequence[int],
    ranges: str | Iterable[str],
    enlarge: str,
    frames: int,
    seed: int,
    seconds: float,
) -> Settings:
    """Returns arguments of `compare`, checked.

    Raises:
        ValueError: if one is not as `compare` describes it.
    """
    import tensorflow as tf

    check_enlarge(enlarge)
    if not isinstance(frames, int) or frames < 1:
        raise ValueError(f"`frames` must be a whole number above 0, got {frames!r}.")
    if not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise ValueError(f"`seed` must be a whole number from 0 to 2^31 - 1, got {seed!r}.")
    if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise ValueError(f"`seconds` must be a number from 0 on, got {seconds!r}.")
    versions = {
        "tf_softpool": tf_softpool_cli.__version__,
        "TensorFlow": tf.__version__,
        "Keras": keras.__version__,
        "scikit-image": metadata.version("scikit-image"),
    }
    return Settings(
        checked_pool_size(pool_size), checked(ranges), enlarge, frames, seed, float(seconds), versions
    )


def compared(
    pictures: Sequence[Picture],
    entrants: Sequence[Entrant],
    settings: Settings,
    step: Callable[[str], None] = lambda name: None,
) -> Comparison:
    """Compares entrants on pictures.

    Args:
        pictures: what `pictures_of` returns.
        entrants: what `entrants_of` returns.
        settings: what `settings_of` returns.
        step: function that is called with the name of each picture before it is pooled, and before times are
            measured.

    Raises:
        ValueError: if a picture is too small, or an entrant cannot pool a picture.
    """
    import tensorflow as tf

    windows = [_window(picture, settings) for picture in pictures]
    scores: list[Score] = []
    # On a GPU, TensorFlow returns from a call before the result is there.
    with tf.device("CPU:0"):
        for picture, window in zip(pictures, windows, strict=True):
            step(picture.name)
            scores += _scores(picture, entrants, window, settings.enlarge)
        times = {}
        if settings.seconds:
            step("times")
            original = cropped(pictures[0].values, windows[0])
            times = times_of(original, entrants, windows[0], settings.seconds)
    rows = sorted(
        (_row(each, scores, times.get(each)) for each in entrants), key=lambda row: -round(row.ssim, 6)
    )
    return Comparison(settings, tuple(pictures), tuple(entrants), tuple(scores), tuple(rows))


def _window(picture: Picture, settings: Settings) -> tuple[int, ...]:
    """Returns the window for a picture.

    Raises:
        ValueError: if the picture is smaller than that, or too small for a measure.
    """
    window = window_of(picture, settings.pool_size)
    height, width = (n // k * k for n, k in zip(picture.shape[-3:-1], window[-2:], strict=True))
    if min(height, width) < SSIM_WINDOW:
        raise ValueError(
            f"{picture.name} has {height}x{width} pixels in whole windows, and SSIM compares pictures of at "
            f"least {SSIM_WINDOW}x{SSIM_WINDOW}."
        )
    return window


def _scores(
    picture: Picture, entrants: Sequence[Entrant], window: tuple[int, ...], enlarge: str
) -> list[Score]:
    """Returns how each entrant does on a picture."""
    original = cropped(picture.values, window)
    ends = {
        each.pooling: pooled(original, each, window) for each in entrants if each.pooling in (AVERAGE, MAX)
    }
    scores = []
    for entrant in entrants:
        end = ends.get(entrant.pooling)
        small = pooled(original, entrant, window) if end is None else end
        near = nearness(original, enlarged(small, window, enlarge))
        way = way_of(small, ends[AVERAGE], ends[MAX])
        scores.append(Score(picture.name, entrant, *near, brightness_shift(original, small), way))
    return scores


def _row(entrant: Entrant, scores: Sequence[Score], time: Time | None) -> Row:
    """Returns the means of an entrant's scores."""
    own = [score for score in scores if score.entrant == entrant]
    average = [score.ssim for score in scores if score.entrant.pooling == AVERAGE]
    ways = [score.way for score in own if score.way is not None]
    ssim = float(np.mean([score.ssim for score in own]))
    return Row(
        entrant,
        ssim,
        ssim - float(np.mean(average)),
        sum(score.ssim > other + _TIE for score, other in zip(own, average, strict=True)),
        len(own),
        mean_of_finite(score.psnr for score in own),
        float(np.mean([score.brightness for score in own])),
        float(np.mean(ways)) if ways else None,
        *(time or ()),
    )
