"""Averages and maxima of windows, by the runtime's own pooling."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tf_softpool.ops.portable.runtimes import LITERT, ONNX, runtime
from tf_softpool.ops.window import PoolWindow


def average(x: Any, window: PoolWindow) -> Any:
    """Returns the average of each window. Padding takes no part.

    Args:
        x: tensor `[batch, *spatial, channels]`.
        window: a `PoolWindow` with channels last that is whole, "valid" or "same".
    """
    if not window.is_whole:
        return _pooled(ops.average_pool, x, window)
    # ONNX Runtime is many times slower over several axes at once.
    for axes in window.spatial_axes if runtime() == ONNX else [window.spatial_axes]:
        x = ops.mean(x, axis=axes, keepdims=True)
    return x


def largest(x: Any, window: PoolWindow) -> Any:
    """Returns the largest value of each window, for a window as in `average`. Some runtimes leave NaN out."""
    if window.is_whole:
        return ops.max(x, axis=window.spatial_axes, keepdims=True)
    return _pooled(ops.max_pool, x, window)


def _pooled(pool: Callable[..., Any], x: Any, window: PoolWindow) -> Any:
    sizes, strides, padding = window.pool_size, window.strides, window.padding
    is_wide = keras.backend.standardize_dtype(x.dtype) == "float64"
    has_gaps = any(stride > size for size, stride in zip(sizes, strides, strict=True))
    if window.rank < 3 or not (is_wide or has_gaps or runtime() == LITERT):
        return pool(x, sizes, strides, padding, data_format="channels_last")
    # LiteRT has no pooling in 3D, and TensorFlow none of float64. On some processors TensorFlow pools wrongly
    # in 3D if strides are larger than windows. A window is a product of one in 1D and one in 2D, which are
    # pooled one after the other.
    batch, depth, height, width, channels = ops.shape(x)
    flat = ops.reshape(x, (-1, height, width, channels))
    flat = pool(flat, sizes[1:], strides[1:], padding, data_format="channels_last")
    _, height, width, _ = ops.shape(flat)
    deep = ops.reshape(flat, (-1, depth, height * width, channels))
    deep = pool(deep, (sizes[0], 1), (strides[0], 1), padding, data_format="channels_last")
    return ops.reshape(deep, (batch, -1, height, width, channels))
