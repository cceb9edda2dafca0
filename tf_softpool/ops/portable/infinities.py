"""Infinities and NaN that no constant is made of.

Under `tf.debugging.enable_check_numerics()` TensorFlow stops at every operation whose result has an infinity
or NaN. In a graph a constant is such an operation, even if nothing uses it. So the functions here find and
make these numbers with finite constants, and none appears as long as the input is finite.
"""

from typing import Any

import keras
import ml_dtypes
from keras import ops

from tf_softpool.ops.portable.taps import TAPS


def limit_of(a: Any) -> float:
    """Returns the largest finite number of a tensor's type."""
    return float(ml_dtypes.finfo(keras.backend.standardize_dtype(a.dtype)).max)


def is_inf(a: Any) -> Any:
    """Returns where a tensor is `inf`."""
    return a > limit_of(a)


def is_minus_inf(a: Any) -> Any:
    """Returns where a tensor is `-inf`."""
    return a < -limit_of(a)


def nan_where(condition: Any, dtype: Any) -> Any:
    """Returns NaN where a condition holds, and 1 elsewhere.

    A product with it has a gradient of NaN there too, and its own gradient elsewhere.
    """
    return ops.sqrt(ops.cast(ops.where(condition, -1.0, 1.0), dtype))


def inf_where(condition: Any, dtype: Any) -> Any:
    """Returns `inf` where a condition holds, and 0 elsewhere."""
    return -ops.log(ops.cast(ops.where(condition, 0.0, 1.0), dtype))


def largest_of(a: Any) -> Any:
    """Returns the largest value of each window, with one tap."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # `keras.ops.max` needs `-inf` as an initial value, or it has no result for empty tensors.
        return tf.reduce_max(a, axis=TAPS, keepdims=True)
    return ops.max(a, axis=TAPS, keepdims=True, initial=float("-inf"))


def largest_present(a: Any, present: Any) -> Any:
    """Returns the largest of the values that are present in each window, or 0 if none is, with one tap."""
    largest = largest_of(ops.where(present, a, -limit_of(a)))
    return ops.where(ops.any(present, axis=TAPS, keepdims=True), largest, 0.0)
