"""Softmax weights of windows, in standard operations, correct at every magnitude."""

from typing import Any

from keras import ops

from tf_softpool.ops.portable.infinities import is_inf, is_minus_inf, largest_of, limit_of
from tf_softpool.ops.portable.taps import TAPS

# e to this power is zero in float64. The product of this number and a weight of zero is zero, not NaN.
_LOWEST = -800.0


def exponentials(a: Any, there: Any) -> tuple[Any, Any, Any, Any]:
    """Returns softmax weights before the division by their sum, and what they are computed from.

    No gradient flows through the largest value, because the softmax does not depend on the number that is
    subtracted. `-inf` has weight zero. If the largest value is `inf`, the others have weight zero. If it is
    `-inf`, all have weight zero. NaN gives NaN.

    Args:
        a: the values of windows. Those that are not there are at most as large as the largest of the others.
        there: a bool tensor that is False for values without weight, or None.

    Returns:
        Four tensors. The first is the weights, from 0 to 1. The second is the distances `a - largest`, from
        -800 to 0; the weights are their exponentials. The last two have one tap: the sums of the weights,
        with 1 for a sum of 0, and the largest values.
    """
    largest = ops.stop_gradient(largest_of(a))
    limit = limit_of(a)
    shift = ops.clip(largest, -limit, limit)
    distance = a - shift
    # The largest finite number is no smaller than the limit, but smaller than `inf`.
    low = ops.logical_or(distance < _LOWEST, ops.logical_and(is_inf(largest), a < largest))
    low = low if there is None else ops.logical_or(low, ops.logical_not(there))
    # `clip` would send no gradient back to NaN.
    distance = ops.where(low, _LOWEST, distance)
    distance = ops.where(distance > 0.0, 0.0, distance)
    e = ops.exp(distance)
    total = ops.sum(e, axis=TAPS, keepdims=True)
    return e, distance, ops.where(total == 0, ops.ones_like(total), total), largest


def softmax_of(logits: Any, kept: Any) -> tuple[Any, Any, Any]:
    """Returns the softmax weights of the kept logits, and zero for the others.

    If all kept logits are `-inf`, their weights are equal.

    Args:
        logits: the logits of windows.
        kept: a bool tensor of the same shape, True for the logits that are kept.

    Returns:
        Three tensors. The first is the weights. Their sum is one, or zero if nothing is kept. The second says
        which kept logits are above `-inf`. The third has the largest kept logits, with one tap. It is finite
        if none is above `-inf`.
    """
    above = ops.logical_and(kept, ops.logical_not(is_minus_inf(logits)))
    some = ops.any(above, axis=TAPS, keepdims=True)
    e, _, _, largest = exponentials(ops.where(above, logits, -limit_of(logits)), above)
    e = ops.where(some, e, ops.cast(kept, e.dtype))
    total = ops.sum(e, axis=TAPS, keepdims=True)
    return e / ops.where(total == 0, 1.0, total), above, largest
