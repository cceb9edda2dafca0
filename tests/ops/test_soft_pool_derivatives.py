"""Derivatives of `soft_pool` of first and second order, compared with finite differences in float64."""

import numpy as np
import pytest
import tensorflow as tf
from cases import DATA_FORMATS, FEW, GRADIENTS, PADDINGS
from derivatives import numeric, numeric_along, small

import tf_softpool as tsp


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("case", [small(case) for case in FEW], ids=str)
def test_gradient_is_the_derivative(case, padding, data_format):
    x = np.random.default_rng(0).normal(0, 2, case.shape(data_format))
    arguments = (case.pool_size, case.strides, padding, data_format)
    weights = np.random.default_rng(1).normal(0, 1, tsp.soft_pool(x, *arguments).shape)

    def loss(x):
        return tf.reduce_sum(weights * tsp.soft_pool(x, *arguments))

    v = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(v)
        value = loss(v)
    np.testing.assert_allclose(tape.gradient(value, v), numeric(loss, x), rtol=1e-7, atol=1e-8)


# The gradient "weights" is not the derivative of the pooling, so standard operations have no derivative of
# it.
@pytest.mark.parametrize(("gradient", "portable"), [*((g, False) for g in GRADIENTS), ("exact", True)])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("case", [small(case) for case in FEW], ids=str)
def test_second_gradient_is_the_gradients_derivative(case, padding, gradient, portable):
    x = np.random.default_rng(0).normal(0, 1, case.shape("channels_last"))
    arguments = (case.pool_size, case.strides, padding, "channels_last", gradient)
    weights = np.random.default_rng(1).normal(0, 1, x.shape)
    scale = np.random.default_rng(2).normal(0, 1, tsp.soft_pool(x, *arguments).shape)

    def loss(x, g):
        """Returns a scalar that depends on the first gradient."""
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tsp.soft_pool(x, *arguments)
        return tf.reduce_sum(weights * tape.gradient(y, x, output_gradients=g))

    def derivatives():
        v, g = tf.constant(x), tf.constant(scale)
        with tf.GradientTape() as tape:
            tape.watch([v, g])
            value = loss(v, g)
        of_x, of_g = tape.gradient(value, [v, g])
        for seed in range(4):
            for gradient, function, at in (
                (of_x, lambda x: loss(tf.constant(x), g), x),
                (of_g, lambda g: loss(v, tf.constant(g)), scale),
            ):
                direction = np.random.default_rng(seed).normal(0, 1, at.shape)
                expected = numeric_along(function, at, direction)
                np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-6, atol=1e-6)

    if portable:
        with tsp.portable():
            derivatives()
    else:
        derivatives()


def test_second_gradient_in_a_graph_of_unknown_sizes():
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None])])
    def penalty_gradient(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(tsp.soft_pool(x, 3, 2, "same") ** 2)
            penalty = tf.reduce_sum(inner.gradient(y, x) ** 2)
        return outer.gradient(penalty, x)

    x = tf.random.stateless_normal((2, 7, 8, 3), (1, 2))
    assert penalty_gradient(x).shape == x.shape
    assert np.isfinite(penalty_gradient(x)).all()
    assert np.abs(penalty_gradient(x)).max() > 0
