"""Windows as tensors, in standard operations. A position of a window is called a tap.

A tensor of windows has one axis for all taps and one axis for all windows, for any number of spatial
dimensions. So it has four axes, which is the most that every runtime can broadcast. The input is not padded,
because some converters lose the values of a padding. A window at the border lacks some taps, and a mask says
which. These taps repeat a value of their window. So they change no largest value, and no number has to stand
for nothing. That number would be `-inf`, which `tf.debugging.enable_check_numerics()` takes for a mistake.

Adaptive windows may have different sizes. They all have as many taps as the largest of them, and lack the
taps after their end.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tf_softpool.ops.portable.places import Places, gather, places_around, places_of, shape_of
from tf_softpool.ops.window import PoolWindow

# The axis of taps.
TAPS = 0
# An axis with more taps than this is read in one gather of a matrix, and any other in a gather for each tap.
_MOST_GATHERS = 32


class Taps(NamedTuple):
    """The taps of all windows of a tensor, in row-major order.

    Attributes:
        values: tensor `[taps, batch, windows, channels]` or `[taps, batch, channels, windows]`.
        there: a bool tensor that broadcasts with the values, and is False for taps that a window lacks. It is
            None if windows have all of their taps.
    """

    values: Any
    there: Any

    def among(self, condition: Any) -> Any:
        """Returns where a condition holds for taps that windows have."""
        return condition if self.there is None else ops.logical_and(condition, self.there)


def windows(x: Any, window: PoolWindow) -> Taps:
    """Returns all windows of a tensor.

    A tap that a window lacks repeats one of the window's values, or is zero if a mask leaves the window none.

    Args:
        x: tensor `[batch, *spatial, channels]` or `[batch, channels, *spatial]`.
        window: a `PoolWindow`.

    Raises:
        ValueError: if the tensor's shape cannot be pooled.
    """
    taps = _windows(x, window)
    if window.mask is None:
        return taps
    there = taps.among(_windows(mask_of(window), window).values)
    return Taps(_repeated(taps.values, there), there)


def _windows(x: Any, window: PoolWindow) -> Taps:
    """Does what `windows` does, without the mask."""
    window.output_shape(static_shape(x))
    if window.is_whole:
        axis = _axis_of_windows(window) - 1
        flat = ops.reshape(x, _flat_shape(ops.shape(x), window))
        return Taps(ops.expand_dims(ops.moveaxis(flat, axis, TAPS), axis + 1), None)
    return _read(x, window, places_of(x, window))


def mask_of(window: PoolWindow) -> Any:
    """Returns the mask of windows in the form of a tensor with one channel."""
    return ops.expand_dims(window.mask, window.channel_axis)


def kept_windows(window: PoolWindow) -> Any:
    """Returns which windows have a position that their mask is True for, in the pooled shape."""
    mask = mask_of(window)
    # Taps that a window lacks repeat one that it has.
    kept = ops.any(_windows(mask, window).values, axis=TAPS, keepdims=True)
    return as_pooled(kept, mask, window)


def _repeated(values: Any, there: Any) -> Any:
    """Returns windows in which each tap that is not there repeats the first one that is."""
    first = ops.logical_and(there, ops.cumsum(ops.cast(there, "int32"), axis=TAPS) == 1)
    repeated = ops.sum(ops.where(first, values, 0.0), axis=TAPS, keepdims=True)
    return ops.where(there, values, ops.stop_gradient(repeated))


def surroundings(x: Any, window: PoolWindow, size: int) -> Taps:
    """Returns the positions around the centre of each window. Those outside the input are not there.

    The centre of a window of even size is the position after its middle. An adaptive window has a centre of
    its own, whatever the sizes of the others are.

    Args:
        x: tensor `[batch, *spatial, channels]` or `[batch, channels, *spatial]`.
        window: a `PoolWindow`.
        size: the number of positions along each spatial dimension, an odd number.

    Raises:
        ValueError: if the tensor's shape cannot be pooled.
    """
    taps = _surroundings(x, window, size)
    if window.mask is None:
        return taps
    return Taps(taps.values, taps.among(_surroundings(mask_of(window), window, size).values))


def _surroundings(x: Any, window: PoolWindow, size: int) -> Taps:
    """Does what `surroundings` does, without the mask."""
    window.output_shape(static_shape(x))
    return _read(x, window, places_around(x, window, size))


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


def set_static_shape(y: Any, shape: Any) -> None:
    """Tells TensorFlow the shape of a tensor, of which it may know less. Other backends know theirs."""
    if keras.backend.backend() == "tensorflow":
        y.set_shape(shape)


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


def _read(x: Any, window: PoolWindow, places: Sequence[Places]) -> Taps:
    """Returns taps for each window, given their places along each spatial axis."""
    shape, sizes = list(ops.shape(x)), list[Any]()
    # Each dimension puts its taps in front of those already there, so the last dimension has to come first.
    for axis, (positions, _, outputs) in reversed(list(zip(window.spatial_axes, places, strict=True))):
        if len(x.shape) > len(shape):
            # The last axis of taps is merged in the reshape below: tf2onnx makes one of two reshapes in a
            # row, and copies sizes to the wrong places.
            merged = list(ops.shape(x))
            x = ops.reshape(x, _with_open_size([merged[0] * merged[1], *merged[2:]]))
        x = _take(x, positions, shape[axis], axis)
        shape[axis] = outputs
        sizes.append(shape_of(positions)[0])
    taps = math.prod(sizes)
    x = ops.reshape(x, [taps, *_flat_shape(shape, window)])
    masks = [inside for _, inside, _ in places if inside is not None]
    if all(isinstance(mask, np.ndarray) and mask.all() for mask in masks):
        return Taps(x, None)
    mask_shape = [taps, 1, 1, 1]
    mask_shape[_axis_of_windows(window)] = -1
    return Taps(x, ops.reshape(_of_all_dimensions(masks), mask_shape))


def _take(x: Any, places: Any, length: Any, axis: int) -> Any:
    """Returns the values at the given positions of an axis, with taps along axis 0.

    Taps are put in front of what is along axis 0, or along an axis of their own if there are many. Instead of
    a position outside the input, the nearest one inside is read.
    """
    if isinstance(length, int) and np.array_equal(places, np.arange(length)[:, None]):
        shape = list(ops.shape(x))
        shape[0], shape[axis] = shape[0] * length, 1
        return ops.reshape(ops.moveaxis(x, axis, 0), _with_open_size(shape))
    library = np if isinstance(places, np.ndarray) else ops
    places, count = library.clip(places, 0, length - 1), places.shape[0]
    if count is None or count > _MOST_GATHERS:
        return _take_at_once(x, places, axis)
    rows = list(places) if library is np else ops.unstack(places, num=count)
    # On TensorFlow's CPU a gather is many times faster than a strided slice.
    taken = [gather(x, row, axis) for row in rows]
    return ops.concatenate(taken, axis=0) if len(taken) > 1 else taken[0]


def _take_at_once(x: Any, places: Any, axis: int) -> Any:
    """Does what `_take` does in one gather, for positions inside the input."""
    order = list(range(len(x.shape) + 1))
    order.insert(0, order.pop(axis))
    return ops.transpose(gather(x, places, axis), order)


def _of_all_dimensions(masks: list) -> Any:
    """Combines the masks of the dimensions into one mask `[taps, windows]`."""
    whole = masks[0]
    for mask in masks[1:]:
        library = np if isinstance(whole, np.ndarray) and isinstance(mask, np.ndarray) else ops
        whole = library.expand_dims(library.expand_dims(whole, 1), 3)
        mask = library.expand_dims(library.expand_dims(mask, 0), 2)
        whole = library.logical_and(whole, mask)
        size = math.prod(shape_of(whole)[:2])
        whole = whole.reshape(size, -1) if isinstance(whole, np.ndarray) else ops.reshape(whole, (size, -1))
    return whole
