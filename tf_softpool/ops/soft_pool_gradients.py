"""The gradients of SoftPool's compiled ops, for TensorFlow's differentiation."""

import tensorflow as tf

from tf_softpool.ops import native
from tf_softpool.ops.attributes import attributes_of
from tf_softpool.ops.portable import compute_dtype
from tf_softpool.ops.softmax import exponentials
from tf_softpool.ops.taps import TAPS, as_windows, windows
from tf_softpool.ops.window import PoolWindow


@tf.RegisterGradient("Softpool>SoftPool")
def _soft_pool_gradient(op, gradient):
    return native.load().ops.softpool_soft_pool_grad(
        orig_input=op.inputs[0], grad=gradient, **attributes_of(op, "gradient")
    )


@tf.RegisterGradient("Softpool>SoftPoolGrad")
def _soft_pool_second_gradient(op, gradient):
    """Second order, of what the compiled gradient computes, through standard operations.

    These are differentiable to any order.
    """
    x, grad = op.inputs
    attributes = attributes_of(op, "gradient")
    kind = attributes.pop("gradient")
    window = PoolWindow.of_attributes(**attributes)
    with tf.GradientTape() as tape:
        tape.watch([x, grad])
        x_gradient = _x_gradient(x, grad, window, kind)
    return tape.gradient(x_gradient, [x, grad], gradient, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _x_gradient(x, grad, window, kind):
    a = tf.cast(x, compute_dtype(x.dtype))
    with tf.GradientTape() as tape:
        tape.watch(a)
        taps = windows(a, window, float("-inf"))
    e, distance, total, _ = exponentials(taps)
    weights = e / total
    to_taps = tf.cast(as_windows(grad, window), a.dtype) * weights
    if kind == "exact":
        mean = tf.reduce_sum(weights * distance, axis=TAPS, keepdims=True)
        to_taps *= 1 + distance - mean
    return tf.cast(tape.gradient(taps, a, to_taps), x.dtype)
