"""Softmax weights of windows, in standard operations, right at every magnitude."""

import keras
import ml_dtypes
from keras import ops

from tf_softpool.ops.taps import TAPS

# e to this is zero in float64, and its product with a zero weight is zero, not NaN.
_LOWEST = -800.0


def exponentials(a):
    """Softmax weights before they are divided by their sum, and what they were made of.

    The largest value is a constant to differentiation: what is computed from the results does not
    depend on which number was subtracted. `-inf` has weight zero. If the largest value is `inf`, the
    others have weight zero, and if it is `-inf`, all have. NaN gives NaN.

    Args:
        a: a tensor of windows, as `taps.windows` makes it.

    Returns:
        Four tensors: the weights, from 0 to 1; the distances `a - largest` that they are exponentials
        of, from -800 to 0; and, with one tap, the weights' sums, 1 instead of 0, and the largest values.
    """
    # With an initial value, tensors without elements have a maximum too.
    largest = ops.max(a, axis=TAPS, keepdims=True, initial=float("-inf"))
    largest = ops.stop_gradient(largest)
    limit = ml_dtypes.finfo(keras.backend.standardize_dtype(a.dtype)).max
    shift = ops.clip(largest, -float(limit), float(limit))
    distance = a - shift
    # Not `clip`, which sends nothing back to NaN, as if the window had a value.
    distance = ops.where(distance < _LOWEST, _LOWEST, distance)
    distance = ops.where(distance > 0.0, 0.0, distance)
    e = ops.exp(distance)
    total = ops.sum(e, axis=TAPS, keepdims=True)
    return e, distance, ops.where(total == 0, ops.ones_like(total), total), largest


def softmax_of(logits, kept):
    """Softmax weights of the logits that are kept, zero for the others.

    Kept logits that are all `-inf` are equal.

    Args:
        logits: a tensor of windows, as `taps.windows` makes it.
        kept: which of them are kept, a tensor of the same shape.

    Returns:
        The weights, whose sum is one where anything is kept, and, with one tap, the largest logits that are
        kept.
    """
    e, _, _, largest = exponentials(ops.where(kept, logits, float("-inf")))
    e = ops.where(kept, ops.where(largest == float("-inf"), 1.0, e), 0.0)
    total = ops.sum(e, axis=TAPS, keepdims=True)
    return e / ops.where(total == 0, 1.0, total), largest
