"""The gradients of sorted-weight pooling's compiled ops, for TensorFlow's differentiation."""

import tensorflow as tf

from tf_softpool.ops import native
from tf_softpool.ops.attributes import attributes_of
from tf_softpool.ops.second_order import second_gradients
from tf_softpool.ops.sorted_pool import portable_sorted_pool
from tf_softpool.ops.window import PoolWindow


@tf.RegisterGradient("Softpool>SortedPool")
def _sorted_pool_gradient(op, gradient):
    x, rank_logits = op.inputs
    return native.load().ops.softpool_sorted_pool_grad(
        orig_input=x, rank_logits=rank_logits, grad=gradient, **attributes_of(op, "normalize")
    )


@tf.RegisterGradient("Softpool>SortedPoolGrad")
def _sorted_pool_second_gradient(op, *gradients):
    *inputs, grad = op.inputs
    attributes = attributes_of(op, "normalize")
    normalize = attributes.pop("normalize")
    window = PoolWindow.of_attributes(**attributes)

    def portable(x, rank_logits):
        return portable_sorted_pool(x, rank_logits, window, normalize)

    return second_gradients(portable, inputs, grad, gradients)
