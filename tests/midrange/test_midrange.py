"""Midrange pooling, the example of a new pooling: one folder of C++, a function and a layer suffice."""

import keras
import midrange
import numpy as np
import pytest
import standard_oracle
import tensorflow as tf
from cases import DATA_FORMATS, DTYPES, LINES, MODES, PADDINGS, PLANES, VOLUMES
from conftest import assert_near, bits, numpy_dtype, run, with_gradient
from derivatives import numeric_along

import tf_softpool as tsp

CASES = [
    (case, padding, data_format)
    for i, case in enumerate(LINES[::9] + PLANES + VOLUMES)
    for padding, data_format in zip(PADDINGS, DATA_FORMATS[i % 2 :] + DATA_FORMATS, strict=False)
    if case.fits(padding)
]
NAN, INF = np.nan, np.inf
SPECIAL = [
    ([NAN, 1, 2, 3], NAN),
    ([3, 2, 1, NAN], NAN),
    ([INF, 1, 2, 3], INF),
    ([-INF, 1, 2, 5], 3),
    ([-INF] * 4, -INF),
    ([-INF, INF, -INF, 1], INF),
    ([3e38, 3e38, 2e38, 3e38], 2.5e38),
]


@pytest.fixture(scope="module", autouse=True)
def library():
    midrange.load()


def reduce(a, present, places):
    """Reduces a window to midrange pooling's result, for the oracle."""
    largest = np.where(present, a, -np.inf).max(axis=1)
    smallest = np.where(present, a, np.inf).min(axis=1)
    return (largest + smallest) / 2, np.abs(a).max(axis=1)


def values(case, data_format, dtype):
    return np.random.default_rng(0).normal(0, 3, case.shape(data_format)).astype(numpy_dtype(dtype))


@pytest.mark.parametrize("mode", [*MODES, "dynamic"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("case", "padding", "data_format"), CASES)
def test_values(case, padding, data_format, dtype, mode):
    windows = (case.pool_size, case.strides, padding, data_format)
    x = values(case, data_format, dtype)
    y = run(mode, lambda x: midrange.midrange_pool(x, *windows), x)
    assert_near(y, *standard_oracle.pool(x, *windows, reduce), dtype, standard=mode == "portable")


@pytest.mark.parametrize(("case", "padding", "data_format"), CASES)
def test_gradients_are_derivatives_of_first_and_second_order(case, padding, data_format):
    windows = (case.pool_size, case.strides, padding, data_format)
    x = values(case, data_format, "float64")
    random = np.random.default_rng(1)
    function = with_gradient(lambda x: midrange.midrange_pool(x, *windows))
    g = random.normal(size=midrange.midrange_pool(x, *windows).shape)
    _, dx = run("graph", function, x, g)
    direction = random.normal(size=x.shape)
    difference = numeric_along(lambda x: float(np.sum(g * midrange.midrange_pool(x, *windows))), x, direction)
    np.testing.assert_allclose(np.sum(dx * direction), difference, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(bits(run("xla", function, x, g)[1]), bits(dx))

    with tf.GradientTape() as tape:
        gradient = tf.constant(g)
        tape.watch(gradient)
        _, dx = function(tf.constant(x), gradient)
    by_gradient = tape.gradient(dx, gradient, output_gradients=tf.constant(direction))
    np.testing.assert_allclose(np.sum(by_gradient * g), difference, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("window", "expected"), SPECIAL)
def test_special_values(window, expected, mode):
    x = np.array(window, "float32").reshape(1, 4, 1)
    y = run(mode, lambda x: midrange.midrange_pool(x, 4), x)
    np.testing.assert_allclose(y, np.full((1, 1, 1), expected, "float32"), rtol=1e-6)


def test_a_model_gets_it_in_the_place_of_its_own_pooling():
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((8, 8, 3)),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(2),
    ]
    model = keras.Sequential(layers)
    new, report = tsp.replace_pooling(
        model, {"max": lambda layer: midrange.MidrangePooling2D(layer.pool_size)}
    )
    assert isinstance(new.layers[0], midrange.MidrangePooling2D)
    assert "midrange" in str(report).lower()
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    pooled = midrange.midrange_pool(x, 2).numpy().reshape(4, -1)
    kernel, bias = model.layers[-1].get_weights()
    np.testing.assert_allclose(new.predict(x, verbose=0), pooled @ kernel + bias, rtol=1e-5, atol=1e-5)
    new.compile("sgd", "mse", jit_compile=True)
    new.fit(x, np.zeros((4, 2)), verbose=0)
