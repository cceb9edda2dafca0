"""Derivatives of second order, to inputs and to every parameter, compared with finite differences."""

import numpy as np
import pytest
import tensorflow as tf
from cases import GAPS_BETWEEN, LINE, STEPS_OF_ONE, UNEVEN_VOLUME
from derivatives import numeric_along, small
from poolings import POOLINGS

# SoftPool's second gradient is not a derivative with "weights", and its tests have the others. What is drawn
# does not depend on the values a little to each side.
NAMES = [name for name in POOLINGS if not name.startswith(("soft", "sorted", "detail", "importance"))]


@pytest.mark.parametrize("case", [LINE, STEPS_OF_ONE, GAPS_BETWEEN, UNEVEN_VOLUME], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_finite_differences(name, case):
    case = small(case)
    padding = "same" if case.fits("valid") and case is not GAPS_BETWEEN else "valid"
    pooling = POOLINGS[name](case.pool_size, case.strides, padding, "channels_last")
    inputs = POOLINGS[name].inputs(case, "channels_last", "float64")
    random = np.random.default_rng(30)
    g = random.normal(size=pooling(*inputs).shape)
    directions = [random.normal(size=v.shape) for v in inputs]

    def slope(*tensors):
        """Returns the derivative of the weighted sum of all results along the directions."""
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            total = tf.reduce_sum(pooling(*tensors) * g)
        first = tape.gradient(total, tensors)
        return tf.add_n([tf.reduce_sum(a * b) for a, b in zip(directions, first, strict=True)])

    tensors = [tf.constant(v) for v in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = slope(*tensors)
    second = tape.gradient(total, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    for i, (value, gradient) in enumerate(zip(inputs, second, strict=True)):
        along = random.normal(size=value.shape)

        def shifted(v, i=i):
            return float(slope(*tensors[:i], tf.constant(v), *tensors[i + 1 :]))

        difference = numeric_along(shifted, value, along)
        scale = np.abs(gradient).max() + 1
        np.testing.assert_allclose(np.sum(gradient * along), difference, rtol=1e-5, atol=1e-6 * scale)
