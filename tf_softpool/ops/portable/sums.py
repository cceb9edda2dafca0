"""Sums of windows that overflow only if the result does, whatever their terms are."""

from typing import Any

import keras
from keras import ops

from tf_softpool.ops.portable.infinities import largest_of, limit_of
from tf_softpool.ops.portable.taps import TAPS

# Sums of up to 2^30 values cannot overflow after a division by 2^30.
_FEWER = 2.0**-30


def sum_of_parts(a: Any) -> tuple[Any, Any]:
    """Returns a sum of each window's values, and the power of two that the sum must be multiplied by.

    Windows with very large values are divided by this power first, so that no sum overflows.
    """
    huge = ops.stop_gradient(largest_of(ops.abs(a))) > limit_of(a) * _FEWER
    part = ops.sum(ops.where(huge, a * _FEWER, a), axis=TAPS, keepdims=True)
    return part, ops.where(huge, ops.cast(1.0 / _FEWER, a.dtype), ops.cast(1.0, a.dtype))


def total(a: Any) -> Any:
    """Returns the sum of each window's values."""
    part, factor = sum_of_parts(a)
    return part * factor


def total_of_products(weights: Any, a: Any) -> Any:
    """Returns the sum of the products of each window's values with weights, which must be finite."""
    small = 2.0**-520 if keras.backend.standardize_dtype(a.dtype) == "float64" else 2.0**-72
    largest = ops.stop_gradient(largest_of(ops.abs((weights * small) * (a * small))))
    huge = largest > limit_of(a) * small * small * _FEWER
    factor = ops.where(huge, ops.cast(small, a.dtype), ops.cast(1.0, a.dtype))
    part = ops.sum((weights * factor) * (a * factor), axis=TAPS, keepdims=True)
    return part / factor / factor
