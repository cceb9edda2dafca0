"""Softmax weights of windows, in standard operations, correct at every magnitude."""

from typing import Any

import keras
import ml_dtypes
from keras import ops

from tf_softpool.ops.portable.taps import TAPS

# e to this power is zero in float64. The product of this number and a weight of zero is zero, not NaN.
_LOWEST = -800.0


def exponentials(a: Any) -> tuple[Any, Any, Any, Any]:
    """Returns softmax weights before the division by their sum, and what they are computed from.

    No gradient flows through the largest value, because the softmax does not depend on the number that is
    subtracted. `-inf` has weight zero. If the largest value is `inf`, the others have weight zero. If it is
    `-inf`, all have weight zero. NaN gives NaN.

    Args:
        a: a tensor of windows, as `taps.windows` returns it.

    Returns:
        Four tensors. The first is the weights, from 0 to 1. The second is the distances `a - largest`, from
        -800 to 0; the weights are their exponentials. The last two have one tap: the sums of the weights,
        with 1 for a sum of 0, and the largest values.
    """
    # With an initial value, empty tensors have a maximum.
    largest = ops.max(a, axis=TAPS, keepdims=True, initial=float("-inf"))
    largest = ops.stop_gradient(largest)
    limit = ml_dtypes.finfo(keras.backend.standardize_dtype(a.dtype)).max
    shift = ops.clip(largest, -float(limit), float(limit))
    distance = a - shift
    # `clip` would send no gradient back to NaN.
    distance = ops.where(distance < _LOWEST, _LOWEST, distance)
    distance = ops.where(distance > 0.0, 0.0, distance)
    e = ops.exp(distance)
    total = ops.sum(e, axis=TAPS, keepdims=True)
    return e, distance, ops.where(total == 0, ops.ones_like(total), total), largest


def softmax_of(logits: Any, kept: Any) -> tuple[Any, Any]:
    """Returns the softmax weights of the kept logits, and zero for the others.

    If all kept logits are `-inf`, their weights are equal.

    Args:
        logits: a tensor of windows, as `taps.windows` returns it.
        kept: a bool tensor of the same shape, True for the logits that are kept.

    Returns:
        Two tensors: the weights, and the largest kept logits, with one tap. The sum of a window's weights is
        one, or zero if nothing is kept.
    """
    e, _, _, largest = exponentials(ops.where(kept, logits, float("-inf")))
    e = ops.where(kept, ops.where(largest == float("-inf"), 1.0, e), 0.0)
    total = ops.sum(e, axis=TAPS, keepdims=True)
    return e / ops.where(total == 0, 1.0, total), largest
