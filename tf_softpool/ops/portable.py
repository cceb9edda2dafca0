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
    """All windows of a tensor, each window's positions along new first axes, in row-major order.

    Args:
        x: tensor `[batch, *spatial, channels]` or `[batch, channels, *spatial]`.
        window: a `PoolWindow`.
        fill: what stands where a window reaches past the input.

    Returns:
        A tensor of the pooled tensor's shape and, before it, `window.rank` axes more.
    """
    shape = [d if isinstance(d, int) else None for d in x.shape]
    window.output_shape(shape)
    if not window.is_whole:
        x = _pad(x, window, fill)
    dimensions = zip(window.spatial_axes, window.pool_size, window.strides, strict=True)
    # A new axis comes first each time, and so the last spatial dimension's has to come last.
    for added, (axis, size, stride) in enumerate(reversed(list(dimensions))):
        if window.is_whole or (window.padding == "valid" and shape[axis] == size):
            x = ops.expand_dims(ops.moveaxis(x, axis + added, 0), axis + added + 1)
        else:
            x = ops.stack(list(_positions(x, axis + added, size, stride)), axis=0)
    return x


def _positions(x, axis, size, stride):
    """For each position in a window along an axis, the values that all windows have there."""
    outputs = (ops.shape(x)[axis] - size) // stride + 1
    starts = stride * ops.arange(outputs, dtype="int32")
    for position in range(size):
        # Many times faster than a strided slice on TensorFlow's CPU.
        yield ops.take(x, starts + position, axis=axis)


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
