"""Poolings made of averages, maxima and powers, for 8-bit integers."""

import math
from typing import Any

from keras import ops

from tf_softpool.ops.portable.integers.windows import Windows, largest, mean, total, weighted_average

# Below an 8-bit step of values of the size of 1. The logarithm of zero is that of such a number.
_SMALL = 1e-3
# The logarithm of a share of 1 is this much above that of a share that is rounded to 0 in 8 bits. A larger
# number would widen the range.
_RANGE = 6.5
# With a larger exponent, the norm of a window is its largest value but for less than a step.
_LARGEST_P = 1000.0


def average_pool(windows: Windows, x: Any) -> Any:
    """Returns average pooling."""
    return windows.mean(windows.read(x))


def sum_pool(windows: Windows, x: Any) -> Any:
    """Returns sum pooling."""
    return total(windows.weighed(windows.read(x)))


def mixed_pool(windows: Windows, x: Any, *, mix: Any) -> Any:
    """Returns `mix max_i x_i + (1 - mix) mean_i x_i`."""
    a = windows.read(x)
    return largest(a) * mix + windows.mean(a) * (1.0 - mix)


def gated_pool(windows: Windows, x: Any, *, omega: Any, bias: Any) -> Any:
    """Returns the mixture whose part of the maximum is `sigmoid(sum_q omega_q x_q + bias)`."""
    a = windows.read(x)
    kernel = ops.expand_dims(omega, 1) * float(windows.taps)
    gate = ops.sigmoid(mean(windows.weighed(a) * kernel) + bias)
    middle = windows.mean(a)
    return middle + (largest(a) - middle) * gate


def expected_value(windows: Windows, x: Any) -> Any:
    """Returns what stochastic pooling expects: `sum_i r_i^2 / sum_i r_i`, `r = relu(x)`.

    With the shares `q_i` of the largest value, it is that value times `1 - sum_i q_i (1 - q_i) / sum_i q_i`.
    A window without positive values gives the average.
    """
    a = windows.read(x)
    positive = ops.relu(a)
    top, shares = _powers_of_shares(positive, 1.0)
    expected = top * (1.0 - weighted_average(1.0 - shares, windows.weighed(shares)))
    return ops.where(largest(a) > 0.0, expected, windows.mean(a))


def norm_pool(windows: Windows, x: Any, *, p: Any, of_average: bool) -> Any:
    """Returns `(sum_i |x_i|^p)^(1/p)`, or the same with the average in place of the sum.

    It is the largest absolute value times the norm of shares of it.
    """
    p = ops.minimum(p, _LARGEST_P)
    top, powers = _powers_of_shares(ops.abs(windows.read(x)), p)
    average = windows.mean(powers) if of_average else mean(windows.weighed(powers))
    root = ops.log(average) * (1.0 / p)
    return top * ops.exp(root if of_average else root + math.log(windows.taps) / p)


def _powers_of_shares(size: Any, p: Any) -> tuple[Any, Any]:
    """Returns the largest number of each window, and the shares that others have of it, raised to a power.

    The largest number is that of the logarithm that shares are of. So if this is rounded, products of the two
    are right nevertheless.
    """
    logarithm = ops.log(size + _SMALL)
    of_largest = largest(logarithm)
    above = ops.relu(logarithm - (of_largest - _RANGE / p))
    return ops.exp(of_largest) - _SMALL, ops.exp(above * p) * math.exp(-_RANGE)
