"""The gradients of importance pooling's compiled ops, for TensorFlow's differentiation."""

import tensorflow as tf

from tf_softpool.ops import native
from tf_softpool.ops.attributes import attributes_of
from tf_softpool.ops.importance_pool import portable_importance_pool
from tf_softpool.ops.second_order import second_gradients
from tf_softpool.ops.window import PoolWindow


@tf.RegisterGradient("Softpool>ImportancePool")
def _importance_pool_gradient(op, gradient):
    x, logits = op.inputs
    return native.load().ops.softpool_importance_pool_grad(
        orig_input=x, logits=logits, grad=gradient, **attributes_of(op)
    )


@tf.RegisterGradient("Softpool>ImportancePoolGrad")
def _importance_pool_second_gradient(op, *gradients):
    *inputs, grad = op.inputs
    window = PoolWindow.of_attributes(**attributes_of(op))

    def portable(x, logits):
        return portable_importance_pool(x, logits, window)

    return second_gradients(portable, inputs, grad, gradients)
