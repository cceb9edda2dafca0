"""Norms of windows, in standard operations."""

from typing import Any

from keras import ops

from tf_softpool.ops.portable.infinities import largest_of, nan_where
from tf_softpool.ops.portable.standard import mean
from tf_softpool.ops.portable.taps import TAPS

# As large as infinity: this power of the largest number below 1 is zero. A larger exponent would make
# derivatives zero, which are divided by it on the way.
LARGEST_P = 1e19


def norm(a: Any, present: Any, p: Any, average: bool) -> Any:
    """Returns the norm `(sum_i |a_i|^p)^(1/p)` of each window, or the same of the mean. Zeros have no slope.

    Args:
        a: the values of windows, with zeros at taps without a number.
        present: a bool tensor that is True at taps with a number.
        p: the exponent, at least 1, in a form that broadcasts with `a`. Others give NaN.
        average: bool: whether the mean takes the place of the sum.
    """
    valid, p = p >= 1, ops.minimum(p, LARGEST_P)
    size = ops.abs(a)
    scale = ops.stop_gradient(largest_of(size))
    scale = ops.where(scale > 0, scale, 1.0)
    part = size / scale
    # The derivative of a power contains a logarithm of its base, so the base must not be zero, in values or
    # in sums.
    powers = ops.where(part > 0, ops.power(ops.where(part > 0, part, 1.0), p), 0.0)
    total = mean(powers, present) if average else ops.sum(powers, axis=TAPS, keepdims=True)
    some = total > 0
    y = ops.where(some, scale * ops.power(ops.where(some, total, 1.0), 1.0 / p), 0.0)
    return y * nan_where(ops.logical_not(valid), y.dtype)
