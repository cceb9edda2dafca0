"""Windows in a graph of 8-bit integers, read at places that are known when the graph is made."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from tf_softpool.ops.portable.places import Places, gather, places_around, places_of
from tf_softpool.ops.window import PoolWindow

# The axis of taps.
TAPS = 1


class Windows:
    """The windows of tensors `[batch, *spatial, channels]`, of which all sizes but the batch are known.

    Tensors of windows have the shape `[batch, taps, windows, channels]`, and one tap for each window after a
    reduction. A tap that a window lacks repeats a value of that window.

    Attributes:
        taps: the number of taps.
        inside: float32 array `[taps, windows, 1]` with 1 for the taps that windows have, and 0 for others. It
            is None if windows have all of their taps.
        counts: int array `[windows]`: the number of taps that each window has.
    """

    def __init__(self, lengths: Sequence[int], places: Sequence[Places]) -> None:
        self._size = math.prod(lengths)
        self._places, there = _of_all_axes(lengths, places)
        self.taps = len(there)
        self.counts = there.sum(axis=0)
        self.inside: np.ndarray | None = None if there.all() else there[:, :, None].astype("float32")

    @classmethod
    def of(cls, x: Any, window: PoolWindow) -> "Windows":
        """Returns the windows of a tensor."""
        lengths = x.shape[1:-1]
        if not window.is_whole:
            return cls(lengths, places_of(x, window))
        return cls(lengths, [Places(np.arange(length)[:, None], None, 1) for length in lengths])

    @classmethod
    def around(cls, x: Any, window: PoolWindow, size: int) -> "Windows":
        """Returns `size` positions along each axis around the centres of windows, as windows of their own."""
        if not window.is_whole:
            return cls(x.shape[1:-1], places_around(x, window, size))
        return cls.around(x, PoolWindow.adaptive(window.rank, 1, "channels_last"), size)

    def read(self, x: Any) -> Any:
        """Returns the values of all windows of a tensor."""
        flat = ops.reshape(x, (-1, self._size, x.shape[-1]))
        if np.array_equal(self._places, np.arange(self._size)[:, None]):
            return ops.expand_dims(flat, TAPS + 1)
        return gather(flat, self._places, TAPS)

    def one_for_each(self, y: Any) -> Any:
        """Returns a tensor of the pooled shape as windows with one tap."""
        return ops.reshape(y, (-1, 1, len(self.counts), y.shape[-1]))

    def weighed(self, weights: Any) -> Any:
        """Returns weights with zero for the taps that windows lack."""
        return weights if self.inside is None else weights * self.inside

    def mean(self, a: Any) -> Any:
        """Returns the average of each window's values."""
        if self.inside is not None:
            a = a * (self.inside * (self.taps / self.counts[:, None])).astype("float32")
        return mean(a)

    def lacking_the_least(self, a: Any) -> Any:
        """Returns values with the least of the window instead of those that it lacks."""
        if self.inside is None:
            return a
        import tensorflow as tf

        least = tf.reduce_min(a, axis=TAPS, keepdims=True)
        return least + (a - least) * self.inside


def mean(a: Any) -> Any:
    """Returns the average over all taps, with those that windows lack."""
    return ops.mean(a, axis=TAPS, keepdims=True)


def total(a: Any) -> Any:
    """Returns the sum over all taps, with those that windows lack."""
    return ops.sum(a, axis=TAPS, keepdims=True)


def largest(a: Any) -> Any:
    """Returns the largest value of each window."""
    import tensorflow as tf

    return tf.reduce_max(a, axis=TAPS, keepdims=True)


def quotient(dividend: Any, divisor: Any) -> Any:
    """Divides by a tensor of positive numbers.

    The reciprocal of a root is a table with 256 rows. Used twice, it covers a smaller range than the
    reciprocal does, so the rows are closer to each other.
    """
    root = ops.rsqrt(divisor)
    return dividend * root * root


def weighted_average(values: Any, weights: Any) -> Any:
    """Returns the average of each window's values, given their weights.

    Sums of weights of about 1 are not below 1, and so their reciprocals are not above 1.
    """
    return quotient(total(values * weights), total(weights))


def _of_all_axes(lengths: Sequence[int], places: Sequence[Places]) -> tuple[np.ndarray, np.ndarray]:
    """Returns matrices `[taps, windows]`: places in a tensor with one spatial axis, and which are inside."""
    flat: np.ndarray = np.zeros((1, 1), "int32")
    inside: np.ndarray = np.ones((1, 1), bool)
    for axis, length in zip(places, lengths, strict=True):
        positions = np.clip(axis.positions, 0, length - 1)
        there = np.ones(positions.shape, bool) if axis.inside is None else axis.inside
        flat = _each_with_each(np.add, flat * length, positions)
        inside = _each_with_each(np.logical_and, inside, there)
    return flat.astype("int32"), inside


def _each_with_each(combine: np.ufunc, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Combines matrices so that the result has a row and a column for each pair of rows and of columns."""
    pairs = combine(first[:, None, :, None], second[None, :, None, :])
    return np.reshape(pairs, (len(first) * len(second), -1))
