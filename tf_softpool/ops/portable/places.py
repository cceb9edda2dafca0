"""Where the taps of windows lie, along each spatial axis of a tensor."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tf_softpool.ops.window import PoolWindow


class Places(NamedTuple):
    """Where the taps of an axis are: matrices with a row for each tap and a column for each window.

    They are arrays if they are known when a graph is made, or else tensors.

    Attributes:
        positions: the position of each tap.
        inside: True for the taps that a window has, or None if windows have all of them.
        outputs: the number of windows.
    """

    positions: Any
    inside: Any
    outputs: Any


def places_of(x: Any, window: PoolWindow) -> list[Places]:
    """Returns the places of all taps of windows that do not cover the whole input, for each spatial axis."""
    if window.is_adaptive:
        return [_adaptive_places(n, m) for n, m in _lengths(x, window)]
    return _strided_places(x, window, window.pool_size, (0,) * window.rank)


def places_around(x: Any, window: PoolWindow, size: int) -> list[Places]:
    """Returns the places of `size` taps around the centres of windows, for each spatial axis."""
    if window.is_adaptive:
        return [_centred_places(n, m, size) for n, m in _lengths(x, window)]
    offsets = [(pool_size - size + 1) // 2 for pool_size in window.pool_size]
    return _strided_places(x, window, (size,) * window.rank, offsets)


def gather(x: Any, places: Any, axis: int) -> Any:
    """Returns the values at positions of an axis. All positions are inside the tensor."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # `keras.ops.take` would add five nodes to handle negative indices. There are none here.
        return tf.gather(x, places, axis=axis)
    return ops.take(x, places, axis=axis)


def _lengths(x: Any, window: PoolWindow) -> list[tuple[Any, int]]:
    """Returns the length of each spatial axis, an int or a tensor, with the window's size along it."""
    shape = ops.shape(x)
    return [(shape[axis], size) for axis, size in zip(window.spatial_axes, window.pool_size, strict=True)]


def _strided_places(x: Any, window: PoolWindow, sizes: Sequence[int], offsets: Sequence[int]) -> list[Places]:
    """Returns the places of windows that are not adaptive, for each spatial axis.

    Along each axis there are `sizes` taps, and the first is `offsets` after the window's start.
    """
    dimensions = list(zip(_lengths(x, window), window.strides, sizes, offsets, strict=True))
    # In a graph of unknown sizes, masks of whole windows would cost time and hide nothing.
    whole = window.padding == "valid" and all(o >= 0 and o + n <= k for (_, k), _, n, o in dimensions)
    places, begin = list[Places](), 0
    for (length, pool_size), stride, size, offset in dimensions:
        outputs = window.outputs(length, pool_size, stride)
        first = offset - window.positions_before(length, pool_size, stride)
        if window.positions is None:
            positions = _positions(first, size, stride, outputs)
        else:
            taps: np.ndarray = np.arange(size, dtype="int32")[:, None]
            # PyTorch's tensors cannot be added to arrays.
            positions = ops.add(first + taps, window.positions[begin : begin + outputs])
            begin = begin + outputs
        inside = None if whole else both(positions >= 0, positions < length)
        places.append(Places(positions, inside, outputs))
    return places


def _positions(first: Any, size: int, stride: int, outputs: Any) -> Any:
    """Returns the positions of taps: a row for each of `size` taps, a column for each window."""
    taps: np.ndarray = np.arange(size, dtype="int32")[:, None]
    if isinstance(outputs, int):
        return first + taps + np.arange(outputs, dtype="int32") * np.int32(stride if outputs > 1 else 1)
    return first + taps + stride * ops.arange(outputs, dtype="int32")


def _starts_and_sizes(length: Any, outputs: int) -> tuple[Any, Any]:
    """Returns the start and the size of each adaptive window along an axis."""
    before: np.ndarray = np.arange(outputs, dtype="int32")
    after: np.ndarray = before + 1
    # As `floor(o n / m)` and `ceil((o + 1) n / m)`, but long axes with many windows do not overflow.
    whole, rest = length // outputs, length % outputs
    starts = whole * before + rest * before // outputs
    ends = whole * after + (rest * after + (outputs - 1)) // outputs
    return starts, ends - starts


def _adaptive_places(length: Any, outputs: int) -> Places:
    """Returns the places of all taps of adaptive windows along an axis."""
    starts, sizes = _starts_and_sizes(length, outputs)
    library = np if isinstance(sizes, np.ndarray) else ops
    taps = library.arange(library.max(sizes), dtype="int32")[:, None]
    # A tap after a window's end repeats the last one before it.
    return Places(starts + library.minimum(taps, sizes - 1), taps < sizes, outputs)


def _centred_places(length: Any, outputs: int, size: int) -> Places:
    """Returns the places of `size` taps around the centres of adaptive windows along an axis."""
    starts, sizes = _starts_and_sizes(length, outputs)
    taps: np.ndarray = np.arange(size, dtype="int32")[:, None]
    positions = starts + sizes // 2 - size // 2 + taps
    return Places(positions, both(positions >= 0, positions < length), outputs)


def shape_of(matrix: Any) -> tuple:
    """Returns the shape of an array or a tensor, with tensors for unknown dimensions."""
    return matrix.shape if isinstance(matrix, np.ndarray) else ops.shape(matrix)


def both(first: Any, second: Any) -> Any:
    """Returns where two conditions hold: an array, if both are arrays."""
    library = np if isinstance(first, np.ndarray) and isinstance(second, np.ndarray) else ops
    return library.logical_and(first, second)
