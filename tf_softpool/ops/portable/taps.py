"""Windows as tensors, in standard operations. A position of a window is called a tap.

A tensor of windows has one axis for all taps and one axis for all windows, for any number of spatial
dimensions. So it has four axes, which is the most that every runtime can broadcast. The input is not padded,
because some converters lose the values of a padding. Positions outside the input are read from inside it
instead, and then masked.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_softpool.ops.window import PoolWindow

# The axis of taps.
TAPS = 0


def windows(x: Any, window: PoolWindow, fill: float) -> Any:
    """Returns all windows of a tensor, with their taps in row-major order.

    Args:
        x: tensor `[batch, *spatial, channels]` or `[batch, channels, *spatial]`.
        window: a `PoolWindow`.
        fill: the value of taps outside the input.

    Returns:
        A tensor `[taps, batch, windows, channels]` or `[taps, batch, channels, windows]`.

    Raises:
        ValueError: if the tensor's shape cannot be pooled.
    """
    window.output_shape(static_shape(x))
    if window.is_whole:
        axis = _axis_of_windows(window) - 1
        flat = ops.reshape(x, _flat_shape(ops.shape(x), window))
        return ops.expand_dims(ops.moveaxis(flat, axis, TAPS), axis + 1)
    return _read(x, window, window.pool_size, (0,) * window.rank, fill)


def surroundings(x: Any, window: PoolWindow, size: int, fill: float) -> Any:
    """Returns the positions around the centre of each window, in the form that `windows` returns.

    The centre of a window of even size is the position after its middle.

    Args:
        x: tensor `[batch, *spatial, channels]` or `[batch, channels, *spatial]`.
        window: a `PoolWindow`.
        size: the number of positions along each spatial dimension, an odd number.
        fill: the value of positions outside the input.

    Raises:
        ValueError: if the tensor's shape cannot be pooled.
    """
    window.output_shape(static_shape(x))
    offsets = [(pool_size - size + 1) // 2 for pool_size in window.pool_size]
    return _read(x, window, (size,) * window.rank, offsets, fill)


def as_windows(y: Any, window: PoolWindow) -> Any:
    """Returns a tensor of the pooled shape in the form that `windows` returns, with one tap."""
    return ops.expand_dims(ops.reshape(y, _flat_shape(ops.shape(y), window)), TAPS)


def as_pooled(y: Any, x: Any, window: PoolWindow) -> Any:
    """Returns a tensor with one tap for each window of `x` in the pooled shape: the inverse of `as_windows`.

    Args:
        y: tensor `[1, batch, windows, channels]` or `[1, batch, channels, windows]`.
        x: the tensor that was pooled.
        window: a `PoolWindow`.
    """
    shape = list(ops.shape(x))
    dimensions = zip(window.spatial_axes, window.pool_size, window.strides, strict=True)
    for axis, size, stride in dimensions:
        shape[axis] = 1 if window.is_whole else window.outputs(shape[axis], size, stride)
    # The batch is the first axis in every reshape, because tf2onnx merges several reshapes into one, and
    # copies sizes by the places of their axes.
    return ops.reshape(ops.squeeze(y, axis=TAPS), _with_open_size(shape))


def along_channels(parameter: Any, window: PoolWindow, tap_axes: int = 0) -> Any:
    """Returns a parameter in a shape that broadcasts with what `windows` returns.

    Args:
        parameter: tensor of shape `[*taps]` or `[*taps, channels]`.
        window: a `PoolWindow`.
        tap_axes: the number of axes in `taps`.
    """
    given, shape = ops.shape(parameter), [1, 1, 1, 1]
    shape[TAPS] = math.prod(given[:tap_axes])
    if len(given) > tap_axes:
        shape[-1 if window.data_format == "channels_last" else 2] = given[-1]
    return ops.reshape(parameter, shape)


def static_shape(x: Any) -> list[int | None]:
    """Returns a tensor's shape, with None for unknown dimensions."""
    return [d if isinstance(d, int) else None for d in x.shape]


def _axis_of_windows(window: PoolWindow) -> int:
    """Returns the index of the axis of the windows."""
    return 2 if window.data_format == "channels_last" else 3


def _flat_shape(shape: Any, window: PoolWindow) -> list:
    """Returns the shape `[batch, windows, channels]` or `[batch, channels, windows]` of a pooled tensor."""
    shape = list(shape)
    first = window.spatial_axes[0]
    shape[first : first + window.rank] = [math.prod(shape[first : first + window.rank])]
    return _with_open_size(shape)


def _with_open_size(shape: Any) -> list:
    """Returns a shape with -1 instead of its unknown size, if just one size is unknown.

    Converters understand -1 better than a size that is computed in the graph.
    """
    unknown = [axis for axis, size in enumerate(shape) if not isinstance(size, int)]
    # The sizes of an empty tensor do not determine the one that is missing.
    if len(unknown) == 1 and 0 not in [size for size in shape if isinstance(size, int)]:
        shape[unknown[0]] = -1
    return shape


def _read(x: Any, window: PoolWindow, sizes: Sequence[int], offsets: Sequence[int], fill: float) -> Any:
    """Returns taps for each window.

    Along each spatial dimension there are `sizes` taps, and the first is `offsets` after the window's start.
    """
    shape, masks = list(ops.shape(x)), list[Any]()
    dimensions = zip(window.spatial_axes, window.pool_size, window.strides, sizes, offsets, strict=True)
    # Each dimension puts its taps in front of those already there, so the last dimension has to come first.
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


def _lie_within(offsets: Sequence[int], sizes: Sequence[int], pool_size: Sequence[int]) -> bool:
    """Returns whether all taps are positions of their own windows."""
    return all(o >= 0 and o + n <= p for o, n, p in zip(offsets, sizes, pool_size, strict=True))


def _places(first: Any, size: int, stride: int, outputs: Any) -> Any:
    """Returns a matrix of positions along an axis: a row for each tap, a column for each window."""
    taps: np.ndarray = np.arange(size, dtype="int32")[:, None]
    if isinstance(outputs, int):
        return first + taps + np.arange(outputs, dtype="int32") * np.int32(stride if outputs > 1 else 1)
    return first + taps + stride * ops.arange(outputs, dtype="int32")


def _take(x: Any, places: Any, length: Any, axis: int) -> Any:
    """Returns the values at the given positions of an axis, with taps along axis 0.

    Instead of a position outside the input, the nearest one inside is read.
    """
    if isinstance(length, int) and np.array_equal(places, np.arange(length)[:, None]):
        shape = list(ops.shape(x))
        shape[0], shape[axis] = shape[0] * length, 1
        return ops.reshape(ops.moveaxis(x, axis, 0), _with_open_size(shape))
    if isinstance(places, np.ndarray):
        rows = list(np.clip(places, 0, length - 1))
    else:
        rows = ops.unstack(ops.clip(places, 0, length - 1), num=places.shape[0])
    # On TensorFlow's CPU a gather is many times faster than a strided slice.
    taken = [_gather(x, row, axis) for row in rows]
    return ops.concatenate(taken, axis=0) if len(taken) > 1 else taken[0]


def _gather(x: Any, places: Any, axis: int) -> Any:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # `keras.ops.take` would add five nodes to handle negative indices. There are none here.
        return tf.gather(x, places, axis=axis)
    return ops.take(x, places, axis=axis)


def _both(first: Any, second: Any) -> Any:
    library = np if isinstance(first, np.ndarray) and isinstance(second, np.ndarray) else ops
    return library.logical_and(first, second)


def _of_all_dimensions(masks: list) -> Any:
    """Combines the masks of the dimensions into one mask `[taps, windows]`."""
    whole = masks[0]
    for mask in masks[1:]:
        whole = _both(whole[:, None, :, None], mask[None, :, None, :])
        size = whole.shape[0] * whole.shape[1]
        whole = whole.reshape(size, -1) if isinstance(whole, np.ndarray) else ops.reshape(whole, (size, -1))
    return whole
