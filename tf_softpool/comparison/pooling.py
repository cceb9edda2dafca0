"""Pictures pooled by entrants."""

from collections.abc import Sequence

import keras
import numpy as np

from tf_softpool.comparison.entrants import ANY, Entrant
from tf_softpool.comparison.picture import Picture
from tf_softpool.comparison.ranges import Scale, scale_of

# The range in which a picture is pooled if the range makes no difference.
_PLAIN = "0..1"


def checked_pool_size(pool_size: int | Sequence[int]) -> tuple[int, ...]:
    """Returns a window as one to three numbers.

    Raises:
        ValueError: if it is not one to three whole numbers above 0.
    """
    sizes = tuple(pool_size) if isinstance(pool_size, Sequence) else (pool_size,)
    is_right = all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0 for n in sizes)
    if not is_right or not 1 <= len(sizes) <= 3:
        raise ValueError(
            "`pool_size` must be a whole number above 0, two for rows and columns, or three for frames, rows "
            f"and columns, got {pool_size!r}."
        )
    return tuple(map(int, sizes))


def window_of(picture: Picture, pool_size: Sequence[int]) -> tuple[int, ...]:
    """Returns the window for a picture, with a number for each axis but the channels.

    One number is for every axis. Two are for rows and columns, and the frames of a clip are then pooled one
    by one. Of three, pictures leave out the first.

    Raises:
        ValueError: if the picture is smaller than its window.
    """
    rank = len(picture.shape) - 1
    sizes = tuple(pool_size) * rank if len(pool_size) == 1 else (1, *pool_size)
    window = sizes[-rank:]
    if any(have < need for have, need in zip(picture.shape, window, strict=False)):
        raise ValueError(
            f"{picture.name} is of size {_sizes(picture.shape[:-1])}, which is smaller than the window of "
            f"{_sizes(window)}."
        )
    return window


def cropped(values: np.ndarray, window: Sequence[int]) -> np.ndarray:
    """Returns a picture without what is left over at the end of an axis after the last whole window."""
    return values[tuple(slice(n // k * k) for n, k in zip(values.shape, window, strict=False))]


def scale_for(entrant: Entrant, values: np.ndarray) -> Scale:
    """Returns the scale of the range that an entrant pools a picture in."""
    return scale_of(_PLAIN if entrant.range == ANY else entrant.range, values)


def pooled(values: np.ndarray, entrant: Entrant, window: tuple[int, ...]) -> np.ndarray:
    """Returns a pooled picture, clipped to values from 0 to 1.

    Args:
        values: float32 array: a picture that consists of whole windows.
        entrant: Entrant: the pooling, and the range of values that it pools.
        window: an int for each axis of the picture but the channels.

    Raises:
        ValueError: if the entrant is not one of ours, and does not pool such a picture over such windows.
    """
    scale = scale_for(entrant, values)
    x = scale.into(values)[np.newaxis]
    y = keras.ops.convert_to_numpy(entrant.make(window)(keras.ops.convert_to_tensor(x)))
    expected = (1, *(n // k for n, k in zip(values.shape, window, strict=False)), values.shape[-1])
    if y.shape != expected:
        raise ValueError(
            f"{entrant.pooling!r} makes {y.shape} of a picture of shape {x.shape}, and not {expected}. Its "
            f"windows must be of size {_sizes(window)}, side by side."
        )
    if np.isnan(y).any():
        raise ValueError(f"{entrant.pooling!r} makes NaN of values in the range {entrant.range}.")
    return np.clip(scale.back(y[0].astype(np.float32)), 0.0, 1.0)


def _sizes(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
