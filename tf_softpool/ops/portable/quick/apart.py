"""The taps of windows, each as a tensor of its own.

They are never joined into one tensor: a copy of all of them costs more than the arithmetic on them.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tf_softpool.ops.portable.places import Places, gather, places_of
from tf_softpool.ops.window import PoolWindow

# The most taps of a window that are kept apart. With more, graphs get large.
MOST_TAPS = 27


class Tap(NamedTuple):
    """One position of all windows.

    Attributes:
        value: tensor of the pooled shape. Where a window lacks the tap, it has another value of that window.
        inside: for each axis along which some windows lack the tap, a bool array or tensor that broadcasts
            with the value, and is True for the windows that have it.
    """

    value: Any
    inside: tuple[Any, ...]

    def either(self, there: float, lacking: float) -> list[Any]:
        """Returns a tensor for each axis along which windows lack the tap: a number there, or another."""
        dtype = keras.backend.standardize_dtype(self.value.dtype)
        return [
            np.where(inside, there, lacking).astype(dtype)
            if isinstance(inside, np.ndarray)
            else ops.cast(ops.where(inside, there, lacking), dtype)
            for inside in self.inside
        ]

    def weighed(self, weight: Any) -> Any:
        """Returns weights of the tap, with zero for windows that lack it."""
        return functools.reduce(ops.multiply, self.either(1.0, 0.0), weight)


def has_few_taps(window: PoolWindow, most: int = MOST_TAPS) -> bool:
    """Returns whether windows have so few taps that each can be a tensor."""
    return not window.is_whole and math.prod(window.pool_size) <= most


def apart(x: Any, window: PoolWindow) -> list[Tap]:
    """Returns the taps of windows in row-major order.

    Args:
        x: tensor `[batch, *spatial, channels]`.
        window: a `PoolWindow` with channels last that is "valid" or "same".
    """
    taps = [Tap(x, ())]
    for axis, places in zip(window.spatial_axes, places_of(x, window), strict=True):
        taps = [more for tap in taps for more in _along(tap, axis, places)]
    return taps


def _along(tap: Tap, axis: int, places: Places) -> list[Tap]:
    """Returns the taps along an axis of a tensor."""
    rows, inside = places.positions, places.inside
    static = isinstance(rows, np.ndarray)
    library = np if static else ops
    length = ops.shape(tap.value)[axis]
    shape = [-1 if i == axis else 1 for i in range(len(tap.value.shape))]
    found = []
    for i in range(rows.shape[0]):
        row = library.clip(rows[i], 0, length - 1)
        is_all = static and isinstance(length, int) and np.array_equal(row, np.arange(length))
        value = tap.value if is_all else gather(tap.value, row, axis)
        lacks = inside is not None and not (isinstance(inside, np.ndarray) and inside[i].all())
        found.append(Tap(value, (*tap.inside, *([library.reshape(inside[i], shape)] if lacks else []))))
    return found


def counts(x: Any, window: PoolWindow) -> Any:
    """Returns the number of positions of each window in a shape that broadcasts with the result.

    It is an array if the sizes of the tensor are known, or else a tensor.
    """
    found: Any = np.ones([1] * len(x.shape), "int32")
    for axis, places in zip(window.spatial_axes, places_of(x, window), strict=True):
        shape = [-1 if i == axis else 1 for i in range(len(x.shape))]
        if places.inside is None:
            found = found * places.positions.shape[0]
        elif isinstance(places.inside, np.ndarray):
            found = found * places.inside.sum(axis=0, dtype="int32").reshape(shape)
        else:
            found = found * ops.reshape(ops.sum(ops.cast(places.inside, "int32"), axis=0), shape)
    return found


def greatest(tensors: Sequence[Any]) -> Any:
    """Returns the largest of some tensors at each place. NaN stays, unlike in some poolings."""
    return functools.reduce(ops.maximum, tensors)


def total(tensors: Sequence[Any]) -> Any:
    """Returns the sum of some tensors."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.add_n(list(tensors))
    return functools.reduce(ops.add, tensors)
