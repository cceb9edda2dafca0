"""Averages with given weights, in standard operations, correct at every magnitude."""

from typing import Any

from keras import ops

from tf_softpool.ops.portable.infinities import inf_where, limit_of
from tf_softpool.ops.portable.taps import TAPS


def weighted_average(a: Any, weights: Any, infinite: Any) -> Any:
    """Returns the weighted sum of each window's values, or `inf` if any of them is `infinite`.

    The sum of the weights is one. A number near the result is first subtracted from the values. So neither
    the result nor the gradient of the weights loses digits to an offset that all values share. Halves of
    values are used, because the difference of two values may overflow.
    """
    half = 0.5 * ops.where(ops.isfinite(a), a, 0.0)
    # The sum of the weights may be rounded to more than one.
    most = 0.5 * limit_of(a)
    near = ops.stop_gradient(ops.clip(ops.sum(weights * half, axis=TAPS, keepdims=True), -most, most))
    y = 2.0 * (near + ops.sum(weights * (half - near), axis=TAPS, keepdims=True))
    infinite = ops.any(infinite, axis=TAPS, keepdims=True)
    return ops.where(infinite, inf_where(infinite, y.dtype), y)
