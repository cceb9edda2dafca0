"""The gradients of detail-preserving pooling's compiled ops, for TensorFlow's differentiation."""

import tensorflow as tf

from tf_softpool.ops import native
from tf_softpool.ops.attributes import attributes_of
from tf_softpool.ops.detail_preserving_pool import portable_detail_preserving_pool
from tf_softpool.ops.second_order import second_gradients
from tf_softpool.ops.window import PoolWindow


@tf.RegisterGradient("Softpool>DetailPreservingPool")
def _detail_preserving_pool_gradient(op, gradient):
    x, *guide, alpha, lam = op.inputs
    x_gradient, guide_gradient, alpha_gradient, lam_gradient = (
        native.load().ops.softpool_detail_preserving_pool_grad(
            orig_input=x,
            guide=guide,
            alpha=alpha,
            lam=lam,
            grad=gradient,
            symmetric=op.get_attr("symmetric"),
            **attributes_of(op),
        )
    )
    return x_gradient, *guide_gradient, alpha_gradient, lam_gradient


@tf.RegisterGradient("Softpool>DetailPreservingPoolGrad")
def _detail_preserving_pool_second_gradient(op, *gradients):
    *inputs, grad = op.inputs
    window = PoolWindow.of_attributes(**attributes_of(op))
    symmetric = op.get_attr("symmetric")

    def portable(x, *others):
        *guide, alpha, lam = others
        return portable_detail_preserving_pool(x, guide[0] if guide else None, alpha, lam, window, symmetric)

    return second_gradients(portable, inputs, grad, gradients)
