"""Averages by given weights, in standard operations, right at every magnitude."""

from keras import ops

from tf_softpool.ops.taps import TAPS


def weighted_average(a, weights, infinite):
    """The sum of weighed values, of weights whose sum is one; `inf` where a value is `infinite`.

    It is taken from near the result, which costs a common offset's digits neither in the value nor in the
    gradient of the weights. Halves do not overflow where the difference of two values would.
    """
    half = 0.5 * ops.where(ops.isfinite(a), a, 0.0)
    near = ops.stop_gradient(ops.sum(weights * half, axis=TAPS, keepdims=True))
    y = 2.0 * (near + ops.sum(weights * (half - near), axis=TAPS, keepdims=True))
    return ops.where(ops.any(infinite, axis=TAPS, keepdims=True), float("inf"), y)
