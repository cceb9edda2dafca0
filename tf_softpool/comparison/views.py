"""What can be seen of a compared picture: stills of clips, maps of errors, pictures of other sizes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from skimage.transform import resize_local_mean

from tf_softpool.comparison.enlarging import enlarged
from tf_softpool.comparison.entrants import Entrant
from tf_softpool.comparison.picture import Picture
from tf_softpool.comparison.pooling import pooled, window_of
from tf_softpool.comparison.regions import Region, checked, where_pictures_differ
from tf_softpool.comparison.results import Comparison

# What an entrant that draws has as its note.
_DRAW = "a draw"
# A pooling is said to lie between average and max pooling if its share of the way from one to the other does.
_BETWEEN = (-0.5, 1.5)
# The share of errors that a scale of colours has room for, so that single pixels do not darken a map.
_SHARE_IN_SCALE = 0.995
# The least upper end of a colour scale: one step of a picture with 8 bits.
_LEAST_SCALE = 1 / 255


@dataclass(frozen=True, eq=False)
class View:
    """How an entrant's picture looks. Of a clip it is the middle frame.

    Attributes:
        entrant: Entrant: the pooling.
        pooled: array `[pooled height, pooled width, channels]`, with values from 0 to 1.
        enlarged: array `[height, width, channels]`: `pooled` at the size of the original.
        error: array `[height, width]`: the mean over the channels of `|enlarged - original|`.
        is_between: bool: whether the pooling lies between average and max pooling, or not far from them. If
            others counted, such as sums, they would hide the differences between the rest.
    """

    entrant: Entrant
    pooled: np.ndarray
    enlarged: np.ndarray
    error: np.ndarray
    is_between: bool


class Views:
    """How a picture looks after each pooling. Of a clip it is the middle frame.

    No more than one pooled picture is in memory at a time. Each is pooled again when it is asked for.

    Attributes:
        original: array `[height, width, channels]`: the picture, without what fills no window.
        pooled_size: tuple of int: the height and width of a pooled picture.
        notes: tuple of str: which frame of a clip it is.
    """

    def __init__(self, comparison: Comparison, picture: Picture):
        """Reads a picture.

        Args:
            comparison: Comparison. What the picture is a part of.
            picture: Picture. One of its pictures.
        """
        self._comparison, self._picture = comparison, picture
        self._window = window_of(picture, comparison.settings.pool_size)
        self._values = comparison.original(picture)
        self.original = _middle(self._values)
        self.pooled_size = tuple(n // k for n, k in zip(self.original.shape, self._window[-2:], strict=False))

        frames = len(self._values)
        self.notes = (f"frame {frames // 2 + 1} of {frames}",) if picture.is_clip else ()

    def __iter__(self) -> Iterator[View]:
        """Yields a view of each entrant, the best structural similarity first."""
        for row in self._comparison.rows:
            small = self._pooled(row.entrant)
            large = _middle(enlarged(small, self._window, self._comparison.settings.enlarge))
            error = np.abs(large - self.original).mean(axis=-1)
            yield View(row.entrant, self._still(small), large, error, self._is_between(row.entrant))

    def region(self, region: Sequence[int] | None) -> Region:
        """Returns the region that was given, or the one in which pooled pictures differ most.

        Poolings that draw do not count, because their noise would decide. Nor do those far beyond average and
        max pooling.

        Raises:
            ValueError: if the region that was given does not lie in the picture, or is too large.
        """
        height, width = self.original.shape[:2]
        if region is not None:
            return checked(region, width, height)
        counted = (
            row.entrant
            for row in self._comparison.rows
            if row.entrant.note != _DRAW and self._is_between(row.entrant)
        )
        return where_pictures_differ((self._still(self._pooled(each)) for each in counted), width, height)

    def _is_between(self, entrant: Entrant) -> bool:
        way = self._comparison.score(self._picture, entrant).way
        return way is None or _BETWEEN[0] <= way <= _BETWEEN[1]

    def _pooled(self, entrant: Entrant) -> np.ndarray:
        return pooled(self._values, entrant, self._window)

    def _still(self, small: np.ndarray) -> np.ndarray:
        """Returns a pooled picture, or the frame of a pooled clip that the middle frame went into."""
        return small if small.ndim == 3 else small[len(self._values) // 2 // self._window[0]]


def _middle(values: np.ndarray) -> np.ndarray:
    """Returns a picture itself, or the middle frame of a clip."""
    return values if values.ndim == 3 else values[len(values) // 2]


def error_scale(errors: Iterable[np.ndarray]) -> float:
    """Returns the error that gets the last colour of all maps: the largest one, apart from rare pixels."""
    return max(_LEAST_SCALE, *(float(np.quantile(error, _SHARE_IN_SCALE)) for error in errors))


def displayable(values: np.ndarray) -> np.ndarray:
    """Returns a picture as it can be drawn: three channels as colours, and any other number as their mean."""
    if values.ndim == 3 and values.shape[-1] != 3:
        return values.mean(axis=-1)
    return values


def fitted(values: np.ndarray, width: int, height: int) -> np.ndarray:
    """Returns a picture at another size, `[height, width]` or `[height, width, channels]`.

    If the picture becomes smaller, a pixel is the mean of what it covers. If it becomes larger, the size must
    be a multiple of its own, and pixels are repeated.
    """
    rows, columns = values.shape[:2]
    if width >= columns and height >= rows:
        return values.repeat(height // rows, axis=0).repeat(width // columns, axis=1)
    axis = -1 if values.ndim == 3 else None
    smaller = resize_local_mean(values, (height, width), channel_axis=axis)
    # A mean of ones can be a little more than one.
    return smaller.clip(0.0, 1.0).astype(values.dtype, copy=False)
