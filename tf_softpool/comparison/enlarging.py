"""Pooled pictures, enlarged to their old size."""

from collections.abc import Sequence

import numpy as np

# Methods of `tf.image.resize`. If factors are whole numbers, as here, "area" is "nearest" but for rounding.
ENLARGINGS = ("nearest", "area", "bilinear", "bicubic")


def check_enlarge(enlarge: str) -> None:
    """Raises a ValueError if a name is not one of `ENLARGINGS`."""
    if enlarge not in ENLARGINGS:
        raise ValueError(f"`enlarge` must be one of {', '.join(ENLARGINGS)}, got {enlarge!r}.")


def enlarged(values: np.ndarray, factors: Sequence[int], enlarge: str) -> np.ndarray:
    """Returns a picture or clip, as many times larger as factors say, with values from 0 to 1.

    The rows and columns of all frames are enlarged together, and then the frames. Bicubic interpolation
    leaves the range of values at edges, so values are clipped.

    Args:
        values: float32 array of shape `[height, width, channels]` or `[frames, height, width, channels]`.
        factors: an int for each axis but the channels.
        enlarge: str, one of `ENLARGINGS`.
    """
    import tensorflow as tf

    *_, height, width, channels = values.shape
    size = height * factors[-2], width * factors[-1]
    result = tf.image.resize(values, size, enlarge)
    if len(factors) == 3:
        frames = len(values)
        flat = tf.reshape(result, (1, frames, size[0] * size[1], channels))
        flat = tf.image.resize(flat, (frames * factors[0], size[0] * size[1]), enlarge)
        result = tf.reshape(flat, (frames * factors[0], *size, channels))
    return np.clip(result.numpy(), 0.0, 1.0)
