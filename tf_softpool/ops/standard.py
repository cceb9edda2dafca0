"""What poolings that are made of standard operations only have in common."""

import keras
import ml_dtypes
from keras import ops

from tf_softpool.ops.dispatch import check
from tf_softpool.ops.portable import compute_dtype
from tf_softpool.ops.taps import TAPS, as_pooled, windows

# Windows of up to 2 to this many values are averaged at every magnitude.
_SMALLER = 30


def pool(x, window, reduce):
    """Pools by a function of each window's numbers.

    Padded positions and `-inf` are no numbers of a window. A window of nothing else gives `-inf`, one with
    `inf` gives `inf`, and neither has a gradient. NaN gives NaN.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        reduce: a function of two tensors as `taps.windows` makes them: the values, with zeros where a
            window has no number, and whether it has one. It returns a tensor with one tap.

    Raises:
        ValueError: the tensor's shape or type cannot be pooled.
    """
    x = ops.convert_to_tensor(x)
    check(x, window)
    a = windows(ops.cast(x, compute_dtype(x.dtype)), window, float("-inf"))
    largest = largest_of(a)
    infinite = ops.isinf(largest)
    present = a != float("-inf")
    y = reduce(ops.where(ops.logical_and(present, ops.logical_not(infinite)), a, 0.0), present)
    y = ops.where(infinite, ops.stop_gradient(largest), y)
    y = ops.where(ops.any(ops.isnan(a), axis=TAPS, keepdims=True), float("nan"), y)
    return ops.cast(as_pooled(y, x, window), x.dtype)


def largest_of(a):
    """The largest value of each window, with one tap."""
    # With an initial value, tensors without elements have a maximum too.
    return ops.max(a, axis=TAPS, keepdims=True, initial=float("-inf"))


def mean(a, present):
    """The average of each window's numbers, zero where there are none."""
    count = ops.maximum(ops.sum(ops.cast(present, a.dtype), axis=TAPS, keepdims=True), 1.0)
    # Very large values are made smaller, by a power of two, so that their sum does not overflow.
    limit = float(ml_dtypes.finfo(keras.backend.standardize_dtype(a.dtype)).max) * 2.0**-_SMALLER
    huge = ops.stop_gradient(largest_of(ops.abs(a))) > limit
    total = ops.sum(ops.where(huge, a * 2.0**-_SMALLER, a), axis=TAPS, keepdims=True) / count
    return ops.where(huge, total * 2.0**_SMALLER, total)
