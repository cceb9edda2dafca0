"""Softmax weights of windows, in standard operations, right at every magnitude."""

from keras import ops

# e to this is zero in float64, and its product with a zero weight is zero, not NaN.
_LOWEST = -800.0


def softmax_weights(a, axes):
    """The softmax of `a` over some axes, and how far each value lies below the largest.

    The largest value is a constant to differentiation: what is computed from the two results and it
    does not depend on which number was subtracted. Where it is infinite, the values equal to it share
    all the weight, and nothing is sent back to them. Elsewhere `-inf` has weight zero. NaN gives NaN.

    Args:
        a: a tensor.
        axes: the axes to take the softmax over.

    Returns:
        Three tensors: the weights, the distances `a - largest` (at least -800), and the largest
        values, the last with `axes` of length one.
    """
    # With an initial value, tensors without elements have a maximum too.
    largest = ops.max(a, axis=axes, keepdims=True, initial=float("-inf"))
    largest = ops.stop_gradient(largest)
    infinite = ops.isinf(largest)
    # Both branches of `where` are differentiated, so neither may be NaN where the other is taken.
    finite = ops.where(infinite, ops.zeros_like(a), a)
    shift = ops.where(infinite, ops.zeros_like(largest), largest)
    low = ops.full_like(a, _LOWEST)
    at_infinity = ops.where(a == largest, ops.zeros_like(a), ops.where(a < largest, low, a))
    distance = finite - shift
    distance = ops.where(distance < low, low, distance)
    distance = ops.where(infinite, at_infinity, distance)
    e = ops.exp(distance)
    return e / ops.sum(e, axis=axes, keepdims=True), distance, largest
