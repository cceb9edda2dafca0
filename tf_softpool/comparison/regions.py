"""The region of a picture that is shown pixel by pixel: checked if it is given, and found if it is not."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

# The sides that a region has if it is not given: so many pixels, at least so many windows, never more pixels.
_SIDE, _WINDOWS, _LARGEST_SIDE = 48, 8, 192
# The largest side of a region that is given. A larger one would not be drawn pixel by pixel.
LARGEST = 400


class Region(NamedTuple):
    """A rectangle of a picture, in pixels from the top left corner."""

    x: int
    y: int
    width: int
    height: int

    def cut(self, values: np.ndarray) -> np.ndarray:
        """Returns the part of a picture that lies in the region."""
        return values[self.y : self.y + self.height, self.x : self.x + self.width]


def checked(region: Sequence[int], width: int, height: int) -> Region:
    """Returns a region that was given, if it lies in a picture.

    Raises:
        ValueError: if it does not, or is too large to be shown pixel by pixel.
    """
    if len(region) != 4 or not all(isinstance(n, (int, np.integer)) for n in region):
        raise ValueError(f"`region` must be four whole numbers, x, y, width and height, got {region!r}.")
    x, y, w, h = region
    if x < 0 or y < 0 or w < 1 or h < 1 or x + w > width or y + h > height:
        raise ValueError(
            f"`region` must lie in the picture, which has {width}x{height} pixels: got x {x}, y {y}, "
            f"width {w}, height {h}."
        )
    if max(w, h) > LARGEST:
        raise ValueError(f"`region` must have at most {LARGEST}x{LARGEST} pixels, got {w}x{h}.")
    return Region(*map(int, region))


def where_pictures_differ(pooled: Iterable[np.ndarray], width: int, height: int) -> Region:
    """Returns the region in which pooled pictures differ most.

    It consists of whole windows. The measure is the variance of a pixel over the pooled pictures, as a mean
    over channels and over the pixels of the region. Of equal regions, the first is taken. If all pictures are
    equal, the region is in the middle.

    Args:
        pooled: arrays `[pooled height, pooled width, channels]`. They are read one after the other.
        width: int. The width of the picture that they were pooled from.
        height: int. Its height.
    """
    variance = _variance(pooled)
    rows, columns = variance.shape
    window_height, window_width = height // rows, width // columns
    high, wide = _windows(rows, window_height), _windows(columns, window_width)
    sums = _box_sums(variance, high, wide)
    if sums.max() <= 0:
        row, column = (rows - high) // 2, (columns - wide) // 2
    else:
        # Sums that should be equal differ in their last digits.
        row, column = np.unravel_index(int(np.argmax(sums >= sums.max() * (1 - 1e-9))), sums.shape)
    return Region(
        int(column) * window_width,
        int(row) * window_height,
        min(wide * window_width, _LARGEST_SIDE),
        min(high * window_height, _LARGEST_SIDE),
    )


def _windows(count: int, size: int) -> int:
    """Returns how many of the windows of an axis a region has: at most half of them, unless they are few."""
    wanted = min(max(_SIDE // size, _WINDOWS), max(1, _LARGEST_SIDE // size))
    return min(wanted, max(count // 2, 4), count)


def _variance(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Returns the variance of each pixel over pictures, as a mean over channels, `[height, width]`."""
    mean = squares = np.zeros(())
    for n, picture in enumerate(pictures, 1):
        # Welford's method needs two arrays, however many pictures there are.
        distance = picture - mean
        mean = mean + distance / n
        squares = squares + distance * (picture - mean)
    return squares.mean(axis=-1)


def _box_sums(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns the sums of all boxes of one size, by the box's first row and column."""
    sums = np.pad(values.astype(float), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
