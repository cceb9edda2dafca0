"""Derivatives of `sorted_pool` of first and second order, compared with finite differences in float64."""

import contextlib
import math

import numpy as np
import pytest
import tensorflow as tf
from cases import DATA_FORMATS, FEW, PADDINGS
from derivatives import numeric, numeric_along, small

import tf_softpool as tsp
from tf_softpool.ops.sorted_pool import NORMALIZATIONS

CASES = [small(case) for case in FEW]


def inputs(case, data_format, normalize, arguments):
    """Returns values away from ties, logits, and weights for the output."""
    random = np.random.default_rng(0)
    shape = case.shape(data_format)
    x = random.permutation(math.prod(shape)).reshape(shape) * 0.05
    pool_range = max(1, math.prod(case.pool_size) - 1)
    logits = random.normal(0, 1, (pool_range, case.channels))
    y = tsp.sorted_pool(x, logits, *arguments, normalize=normalize)
    return x, logits, random.normal(0, 1, y.shape)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_the_derivatives(case, padding, data_format, normalize):
    arguments = (case.pool_size, case.strides, padding, data_format)
    x, logits, g = inputs(case, data_format, normalize, arguments)

    def loss(x, logits):
        return tf.reduce_sum(g * tsp.sorted_pool(x, logits, *arguments, normalize=normalize))

    v, w = tf.constant(x), tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch([v, w])
        value = loss(v, w)
    of_x, of_w = tape.gradient(value, [v, w])
    np.testing.assert_allclose(of_x, numeric(lambda x: loss(x, w), x), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(of_w, numeric(lambda w: loss(v, w), logits), rtol=1e-6, atol=1e-7)


@pytest.mark.each_value
@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("normalize", NORMALIZATIONS)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_second_gradients_are_the_gradients_derivatives(case, padding, data_format, normalize, portable):
    arguments = (case.pool_size, case.strides, padding, data_format)
    x, logits, g = inputs(case, data_format, normalize, arguments)
    # With one padding each channel has its own logits, with the other all channels share them.
    logits = logits if padding == "same" else logits[:, 0]
    to_x = np.random.default_rng(1).normal(0, 1, x.shape)
    to_logits = np.random.default_rng(2).normal(0, 1, logits.shape)

    def loss(x, logits, g):
        """Returns a scalar that depends on the first gradients."""
        with tf.GradientTape() as tape:
            tape.watch([x, logits])
            y = tsp.sorted_pool(x, logits, *arguments, normalize=normalize)
        dx, dw = tape.gradient(y, [x, logits], output_gradients=g)
        return tf.reduce_sum(to_x * dx) + tf.reduce_sum(to_logits * dw)

    with tsp.portable() if portable else contextlib.nullcontext():
        values = [tf.constant(v) for v in (x, logits, g)]
        with tf.GradientTape() as tape:
            tape.watch(values)
            value = loss(*values)
        for i, of_value in enumerate(tape.gradient(value, values)):

            def moved(v, i=i):
                return loss(*values[:i], tf.constant(v), *values[i + 1 :])

            for seed in range(4):
                direction = np.random.default_rng(seed).normal(0, 1, of_value.shape)
                expected = numeric_along(moved, values[i].numpy(), direction)
                along = np.sum(of_value * direction)
                np.testing.assert_allclose(along, expected, rtol=1e-6, atol=1e-6)


def test_second_gradient_in_a_graph_of_unknown_sizes():
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None]), tf.TensorSpec([None])])
    def penalty_gradient(x, logits):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(tsp.sorted_pool(x, logits, 3, 2, "same") ** 2)
            penalty = tf.reduce_sum(inner.gradient(y, x) ** 2)
        return outer.gradient(penalty, x)

    x = tf.random.stateless_normal((2, 7, 8, 3), (1, 2))
    gradient = penalty_gradient(x, tf.constant([1.0, 0.5, 0.0, -1.0]))
    assert gradient.shape == x.shape
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0
