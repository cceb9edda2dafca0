"""Windows as tensors, in standard operations: each position of a window, a tap, along one axis.

All windows of an image stand along one axis too, so that what computes with them has four axes whatever the
number of spatial dimensions: more than that, not every runtime can broadcast. And nothing is padded, since
a converter may lose what stands in a padding: positions past the input are read inside of it, and masked.
"""

import math

import keras
import numpy as np
from keras import ops

# The axis of taps.
TAPS = 0


def windows(x, window, fill):
    """All windows of a tensor, their taps in row-major order.

    Args:
        x: tensor `[batch, *spatial, channels]` or `[batch, channels, *spatial]`.
        window: a `PoolWindow`.
        fill: what stands where a window reaches past the input.

    Returns:
        A tensor `[taps, batch, windows, channels]` or `[taps, batch, channels, windows]`.

    Raises:
        ValueError: the tensor's shape cannot be pooled.
    """
    window.output_shape(static_shape(x))
    if window.is_whole:
        axis = _axis_of_windows(window) - 1
        flat = ops.reshape(x, _flat_shape(ops.shape(x), window))
        return ops.expand_dims(ops.moveaxis(flat, axis, TAPS), axis + 1)
    return _read(x, window, window.pool_size, (0,) * window.rank, fill)


def surroundings(x, window, size, fill):
    """The positions around the centre of each window, as `windows` gives those of the window itself.

    Of a window of even size the position after the middle is its centre.

    Args:
        x: tensor `[batch, *spatial, channels]` or `[batch, channels, *spatial]`.
        window: a `PoolWindow`.
        size: how many positions along each spatial dimension, an odd number.
        fill: what stands for a position outside of the input.

    Raises:
        ValueError: the tensor's shape cannot be pooled.
    """
    window.output_shape(static_shape(x))
    offsets = [(pool_size - size + 1) // 2 for pool_size in window.pool_size]
    return _read(x, window, (size,) * window.rank, offsets, fill)


def as_windows(y, window):
    """A tensor of the pooled shape as one that goes with windows, with one tap."""
    return ops.expand_dims(ops.reshape(y, _flat_shape(ops.shape(y), window)), TAPS)


def as_pooled(y, x, window):
    """The inverse of `as_windows`: what was made of each of the windows of `x`, in the pooled shape.

    Args:
        y: tensor `[1, batch, windows, channels]` or `[1, batch, channels, windows]`.
        x: the tensor that was pooled.
        window: a `PoolWindow`.
    """
    shape = list(ops.shape(x))
    dimensions = zip(window.spatial_axes, window.pool_size, window.strides, strict=True)
    for axis, size, stride in dimensions:
        shape[axis] = 1 if window.is_whole else window.outputs(shape[axis], size, stride)
    # Batch stays the first axis from reshape to reshape: tf2onnx makes one of several, in which it copies
    # sizes by their places.
    return ops.reshape(ops.squeeze(y, axis=TAPS), _with_open_size(shape))


def along_channels(parameter, window, tap_axes=0):
    """A parameter as a tensor that goes with windows.

    Args:
        parameter: tensor of shape `[]` or `[channels]`, or with axes before that for a window's taps.
        window: a `PoolWindow`.
        tap_axes: how many axes are for taps.
    """
    given, shape = ops.shape(parameter), [1, 1, 1, 1]
    shape[TAPS] = math.prod(given[:tap_axes])
    if len(given) > tap_axes:
        shape[-1 if window.data_format == "channels_last" else 2] = given[-1]
    return ops.reshape(parameter, shape)


def static_shape(x):
    """A tensor's shape, with None for what is not known yet."""
    return [d if isinstance(d, int) else None for d in x.shape]


def _axis_of_windows(window):
    """The axis that windows stand along, of four."""
    return 2 if window.data_format == "channels_last" else 3


def _flat_shape(shape, window):
    """The shape `[batch, windows, channels]` or `[batch, channels, windows]` of a pooled tensor."""
    shape = list(shape)
    first = window.spatial_axes[0]
    shape[first : first + window.rank] = [math.prod(shape[first : first + window.rank])]
    return _with_open_size(shape)


def _with_open_size(shape):
    """A shape with -1 for its only unknown size, which converters understand better than a computed one."""
    unknown = [axis for axis, size in enumerate(shape) if not isinstance(size, int)]
    # Of a tensor without elements no size can be told from the others.
    if len(unknown) == 1 and 0 not in [size for size in shape if isinstance(size, int)]:
        shape[unknown[0]] = -1
    return shape


def _read(x, window, sizes, offsets, fill):
    """Tensors of so many taps along each spatial dimension, from an offset to each window's start."""
    shape, masks = list(ops.shape(x)), []
    dimensions = zip(window.spatial_axes, window.pool_size, window.strides, sizes, offsets, strict=True)
    # Taps are put before what is there, along the batch's axis: the last dimension's have to come first.
    for axis, pool_size, stride, size, offset in reversed(list(dimensions)):
        length = shape[axis]
        outputs = shape[axis] = window.outputs(length, pool_size, stride)
        first = offset - window.positions_before(length, pool_size, stride)
        places = _places(first, size, stride, outputs)
        masks.insert(0, _both(places >= 0, places < length))
        x = _take(x, places, length, axis)
    x = ops.reshape(x, [math.prod(sizes), *_flat_shape(shape, window)])
    if window.padding == "valid" and _lie_within(offsets, sizes, window.pool_size):
        return x
    inside = _of_all_dimensions(masks)
    if isinstance(inside, np.ndarray) and inside.all():
        return x
    mask_shape = [math.prod(sizes), 1, 1, 1]
    mask_shape[_axis_of_windows(window)] = -1
    return ops.where(ops.reshape(inside, mask_shape), x, fill)


def _lie_within(offsets, sizes, pool_size):
    """Whether all taps are positions of their own windows."""
    return all(o >= 0 and o + n <= p for o, n, p in zip(offsets, sizes, pool_size, strict=True))


def _places(first, size, stride, outputs):
    """A matrix of positions along an axis: a row for each tap, a column for each window."""
    taps = np.arange(size, dtype="int32")[:, None]
    if isinstance(outputs, int):
        return first + taps + np.arange(outputs, dtype="int32") * np.int32(stride if outputs > 1 else 1)
    return first + taps + stride * ops.arange(outputs, dtype="int32")


def _take(x, places, length, axis):
    """What stands at the places, or, outside of the input, nearest to them: taps along axis 0."""
    if isinstance(length, int) and np.array_equal(places, np.arange(length)[:, None]):
        shape = list(ops.shape(x))
        shape[0], shape[axis] = shape[0] * length, 1
        return ops.reshape(ops.moveaxis(x, axis, 0), _with_open_size(shape))
    if isinstance(places, np.ndarray):
        rows = list(np.clip(places, 0, length - 1))
    else:
        rows = ops.unstack(ops.clip(places, 0, length - 1), num=places.shape[0])
    # Many times faster than a strided slice on TensorFlow's CPU.
    taken = [_gather(x, row, axis) for row in rows]
    return ops.concatenate(taken, axis=0) if len(taken) > 1 else taken[0]


def _gather(x, places, axis):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Keras's makes five nodes more, for negative indices, of which there are none.
        return tf.gather(x, places, axis=axis)
    return ops.take(x, places, axis=axis)


def _both(first, second):
    library = np if isinstance(first, np.ndarray) and isinstance(second, np.ndarray) else ops
    return library.logical_and(first, second)


def _of_all_dimensions(masks):
    """A mask `[taps, windows]` of all dimensions, from those of each."""
    whole = masks[0]
    for mask in masks[1:]:
        whole = _both(whole[:, None, :, None], mask[None, :, None, :])
        size = whole.shape[0] * whole.shape[1]
        whole = whole.reshape(size, -1) if isinstance(whole, np.ndarray) else ops.reshape(whole, (size, -1))
    return whole
