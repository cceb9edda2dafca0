"""Second derivatives of compiled poolings, by way of their portable forms."""

import tensorflow as tf


def second_gradients(portable, inputs, gradient, gradients):
    """What is sent back through the gradient of a pooling.

    The result is made of standard operations, and so can be differentiated again, to any order.

    Args:
        portable: a function of the inputs, the pooling in standard operations.
        inputs: the pooling's inputs.
        gradient: the gradient of its output, which was sent back to the inputs.
        gradients: the gradients of what arrived at each of them.

    Returns:
        The gradients of the inputs and of `gradient`.
    """
    inputs = list(inputs)
    with tf.GradientTape() as tape:
        tape.watch([*inputs, gradient])
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            y = portable(*inputs)
        first = inner.gradient(y, inputs, gradient, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return tape.gradient(
        first, [*inputs, gradient], list(gradients), unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
