"""Sums of windows that overflow only if the result does, whatever their terms are."""

import math
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
    dtype = keras.backend.standardize_dtype(a.dtype)
    small = 2.0**-520 if dtype == "float64" else 2.0**-72
    # The root of a product is in the range, whatever the product is.
    largest = ops.stop_gradient(largest_of(ops.sqrt(ops.abs(weights)) * ops.sqrt(ops.abs(a))))
    huge = largest > math.sqrt(limit_of(a) * _FEWER)

    def where_huge(factor: float) -> Any:
        return ops.where(huge, ops.convert_to_tensor(factor, dtype), ops.convert_to_tensor(1.0, dtype))

    # Both factors differ from window to window. Compilers may join products with constants.
    factor, inverse = where_huge(small), where_huge(1.0 / small)
    return ops.sum((weights * factor) * (a * factor), axis=TAPS, keepdims=True) * inverse * inverse
