"""The portable form: windows as tensors of standard operations, for wherever our ops are not."""

import contextlib
import contextvars

import keras
from keras import ops

_forced = contextvars.ContextVar("tf_softpool_portable", default=False)


@contextlib.contextmanager
def portable():
    """Inside, every function and layer of tf_softpool uses standard operations only.

    What is traced inside (a `tf.function`, an export) keeps them for good. Contexts nest, and each
    thread has its own.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> with tsp.portable():
        ...     y = tsp.soft_pool(np.ones((1, 4, 4, 1), "float32"), 2)
        >>> y.shape
        TensorShape([1, 2, 2, 1])
    """
    token = _forced.set(True)
    try:
        yield
    finally:
        _forced.reset(token)


def is_forced():
    """Whether this is inside `portable()`."""
    return _forced.get()


def compute_dtype(dtype):
    """The type that values of a type are computed in: 16-bit ones in float32."""
    return "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"


def windows(x, window, fill):
    """All windows of a tensor, each window's positions along new last axes, in row-major order.

    Args:
        x: tensor `[batch, *spatial, channels]` or `[batch, channels, *spatial]`.
        window: a `PoolWindow`.
        fill: what stands where a window reaches past the input.

    Returns:
        A tensor of the pooled tensor's shape and, after it, `len(window.pool_size)` axes more.
    """
    window.check_rank(x.shape)
    if window.is_whole:
        x = ops.moveaxis(x, window.spatial_axes, tuple(range(-window.rank, 0)))
        return ops.expand_dims(x, window.spatial_axes)
    window.output_shape(tuple(d if isinstance(d, int) else None for d in x.shape))
    x = _pad(x, window, fill)
    for axis, size, stride in zip(window.spatial_axes, window.pool_size, window.strides, strict=True):
        slices = []
        for first in range(size):
            last = first + 1 - size
            index = [slice(None)] * len(x.shape)
            index[axis] = slice(first, last if last < 0 else None, stride)
            slices.append(x[tuple(index)])
        x = ops.stack(slices, axis=-1)
    return x


def _pad(x, window, fill):
    if window.padding == "valid":
        return x
    shape = ops.shape(x)
    pads = [(0, 0)] * len(shape)
    for axis, size, stride in zip(window.spatial_axes, window.pool_size, window.strides, strict=True):
        length = shape[axis]
        total = (-(-length // stride) - 1) * stride + size - length
        total = max(total, 0) if isinstance(total, int) else ops.maximum(total, 0)
        pads[axis] = (total // 2, total - total // 2)
    return ops.pad(x, pads, constant_values=fill)
