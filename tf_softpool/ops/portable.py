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


def surroundings(x, window, size, fill):
    """The positions around the centre of each window, as `windows` gives those of the window itself.

    Of a window of even size the position after the middle is its centre.

    Args:
        x: tensor `[batch, *spatial, channels]` or `[batch, channels, *spatial]`.
        window: a `PoolWindow`.
        size: how many positions along each spatial dimension, an odd number.
        fill: what stands for a position outside of the input.

    Returns:
        A tensor of the pooled tensor's shape and, before it, `window.rank` axes of length `size`.

    Raises:
        ValueError: the tensor's shape cannot be pooled.
    """
    window.output_shape([d if isinstance(d, int) else None for d in x.shape])
    dimensions = zip(window.spatial_axes, window.pool_size, window.strides, strict=True)
    for added, (axis, pool_size, stride) in enumerate(reversed(list(dimensions))):
        axis += added
        length = ops.shape(x)[axis]
        if window.padding == "same":
            outputs, before = -(-length // stride), _padding(length, pool_size, stride)[0]
        else:
            outputs, before = (length - pool_size) // stride + 1, 0
        first = (pool_size - size + 1) // 2 - before
        places = ops.reshape(ops.arange(size, dtype="int32"), (-1, 1))
        places = places + first + stride * ops.arange(outputs, dtype="int32")
        inside = ops.logical_and(places >= 0, places < length)
        x = ops.moveaxis(ops.take(x, ops.clip(places, 0, length - 1), axis=axis), axis, 0)
        shape = [1] * len(x.shape)
        shape[0], shape[axis + 1] = size, -1
        x = ops.where(ops.reshape(inside, shape), x, fill)
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
        pads[axis] = _padding(shape[axis], size, stride)
    return ops.pad(x, pads, constant_values=fill)


def _padding(length, size, stride):
    """How many positions "same" adds before and after the input."""
    total = (-(-length // stride) - 1) * stride + size - length
    total = max(total, 0) if isinstance(total, int) else ops.maximum(total, 0)
    return total // 2, total - total // 2


def along_channels(parameter, window, taps=None):
    """A parameter as a tensor that goes with windows, as `windows` makes them.

    Args:
        parameter: tensor of shape `[]` or `[channels]`, or, with `taps`, `taps` or `[*taps, channels]`.
        window: a `PoolWindow`.
        taps: the sizes of its axes for the positions of a window. Default: it has none.
    """
    axes = (1,) * window.rank if taps is None else tuple(taps)
    shape = [*axes, *(1,) * (window.rank + 2)]
    if len(parameter.shape) > (0 if taps is None else window.rank):
        shape[-1 if window.data_format == "channels_last" else window.rank + 1] = -1
    return ops.reshape(parameter, shape)
