"""`importance_pool` with numbers that are hard to compute with, its derivatives, and bad input."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import weighted_oracle as oracle
from cases import DATA_FORMATS, EVERY_MODE, FEW, MODES_AND_CHANNELS, PADDINGS, STANDARD
from conftest import assert_near, run, with_gradient
from derivatives import numeric, numeric_along, small
from special_values import IMPORTANCE, INF

import tf_softpool as tsp
from tf_softpool.ops import native


@pytest.mark.parametrize(("mode", "channels"), MODES_AND_CHANNELS)
@pytest.mark.parametrize("name", IMPORTANCE)
def test_special_values(name, mode, channels):
    values, logits, expected = IMPORTANCE[name]
    x, logits = (
        np.tile(np.reshape(v, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32") for v in (values, logits)
    )
    # A window of ordinary values lies beside the special one, which must not affect it.
    x, logits = (np.concatenate([v, np.full_like(v, 0.5)], axis=2) for v in (x, logits))
    function = with_gradient(lambda x, logits: tsp.importance_pool(x, logits, 2))
    y, dx, dl = run(mode, function, x, logits, np.ones((1, 1, 2, channels), "float32"))
    np.testing.assert_allclose(y[0, 0, 0], np.full(channels, expected, "float32"), rtol=1e-6)
    np.testing.assert_array_equal(y[0, 0, 1], np.full(channels, 0.5, "float32"))
    np.testing.assert_array_equal(dx[0, :, 2:], np.full((2, 2, channels), 0.25, "float32"))
    np.testing.assert_array_equal(dl[0, :, 2:], np.zeros((2, 2, channels), "float32"))
    if not np.isnan(expected):
        assert np.isfinite(dx).all()
        # A derivative may overflow in standard operations, which have no wider type to compute it in.
        assert np.isfinite(dl).all() or (mode in STANDARD and "overflow" in name)
    elif mode != "portable":
        assert np.isnan(dx[0, :, :2]).all()
        assert np.isnan(dl[0, :, :2]).all()


@pytest.mark.parametrize(
    ("values", "logits", "to_x", "to_logits"),
    [
        ([1, INF, 2, 3], [0] * 4, [0.25] * 4, [0] * 4),
        ([-INF, 1, 3, -INF], [5, 0, 0, 0], [0, 0.5, 0.5, 0], [0, -0.5, 0.5, 0]),
        ([-INF] * 4, [0] * 4, [0] * 4, [0] * 4),
        ([4, 1, 3, 9], [INF, INF, 0, 1], [0.5, 0.5, 0, 0], [0.75, -0.75, 0, 0]),
        ([2e38, -2e38, 0, 0], [0, 0, -INF, -INF], [0.5, 0.5, 0, 0], [1e38, -1e38, 0, 0]),
    ],
)
@pytest.mark.parametrize("mode", ["eager", "xla_operations"])
@pytest.mark.parametrize("channels", [1, 16])
def test_gradients_of_special_values(values, logits, to_x, to_logits, channels, mode):
    x, logits, to_x, to_logits = (
        np.tile(np.reshape(v, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32")
        for v in (values, logits, to_x, to_logits)
    )
    function = with_gradient(lambda x, logits: tsp.importance_pool(x, logits, 2))
    _, dx, dl = run(mode, function, x, logits, np.ones((1, 1, 1, channels), "float32"))
    np.testing.assert_allclose(dx, to_x, rtol=1e-6)
    np.testing.assert_allclose(dl, to_logits, rtol=1e-6)


def test_the_ends_of_float64():
    x = np.array([1.7e308, -1.7e308, -1.7e308], "float64").reshape(1, 3, 1)
    logits, one = np.zeros_like(x), np.ones((1, 1, 1))
    function = with_gradient(lambda x, logits: tsp.importance_pool(x, logits, 3))
    y, dx, dl = run("eager", function, x, logits, one)
    np.testing.assert_allclose(y, -1.7e308 / 3 * one, rtol=1e-15)
    np.testing.assert_allclose(dx, np.full_like(x, 1 / 3), rtol=1e-15)
    np.testing.assert_allclose(np.ravel(dl), np.array([4, -2, -2]) * (1.7e308 / 9), rtol=1e-15)


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("exponent", [-30, -10, -3, 3, 10, 30])
def test_every_magnitude(exponent, dtype, mode):
    x = (np.random.default_rng(0).normal(0, 1, (2, 9, 9, 37)) * 10.0**exponent).astype(dtype)
    logits = np.random.default_rng(1).normal(0, 3, x.shape).astype(dtype)
    arguments = ((2, 2), (2, 2), "same", "channels_last")
    expected, scale = oracle.importance_pool(x, logits, *arguments)
    y = run(mode, lambda x, logits: tsp.importance_pool(x, logits, *arguments), x, logits)
    assert_near(y, expected, scale, dtype, mode in STANDARD)


def test_long_windows_keep_precision():
    x = np.random.default_rng(0).normal(0, 1, (1, 300_000, 1)).astype("float32")
    logits = np.random.default_rng(1).normal(0, 1, x.shape).astype("float32")
    arguments = ((300_000,), (300_000,), "valid", "channels_last")
    function = with_gradient(lambda x, logits: tsp.importance_pool(x, logits, *arguments))
    g = np.ones((1, 1, 1), "float32")
    results = run("eager", function, x, logits, g)
    expected = oracle.importance_pool(x, logits, *arguments)
    expected = [expected, *oracle.importance_pool_gradient(x, logits, g, *arguments)]
    for actual, (value, scale) in zip(results, expected, strict=True):
        assert_near(actual, value, scale, "float32")


@pytest.mark.each_value
@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("case", [small(case) for case in FEW], ids=str)
def test_derivatives(case, padding, data_format, portable):
    random = np.random.default_rng(0)
    arguments = (case.pool_size, case.strides, padding, data_format)
    x = random.normal(0, 2, case.shape(data_format))
    logits = random.normal(0, 2, x.shape)
    g = random.normal(0, 1, tsp.importance_pool(x, logits, *arguments).shape)
    to_x, to_logits = random.normal(0, 1, (2, *x.shape))

    def value(x, logits, g):
        return tf.reduce_sum(g * tsp.importance_pool(x, logits, *arguments))

    def slope(x, logits, g):
        with tf.GradientTape() as tape:
            tape.watch([x, logits])
            y = tsp.importance_pool(x, logits, *arguments)
        dx, dl = tape.gradient(y, [x, logits], output_gradients=g)
        return tf.reduce_sum(to_x * dx) + tf.reduce_sum(to_logits * dl)

    with tsp.portable() if portable else contextlib.nullcontext():
        values = [tf.constant(v) for v in (x, logits, g)]
        for function in (value, slope):
            with tf.GradientTape() as tape:
                tape.watch(values)
                result = function(*values)
            for i, gradient in enumerate(tape.gradient(result, values)):

                def moved(v, i=i, function=function):
                    return function(*values[:i], tf.constant(v), *values[i + 1 :])

                if function is value and not portable:
                    expected = numeric(moved, values[i].numpy())
                    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)
                    continue
                direction = np.random.default_rng(i).normal(0, 1, gradient.shape)
                expected = numeric_along(moved, values[i].numpy(), direction)
                np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-6, atol=1e-6)


X = np.zeros((2, 6, 6, 3), "float32")
BAD_CALLS = {
    "logits of another shape": (X, X[:, :5], {}, "logits"),
    "logits of another rank": (X, X[0], {}, "logits"),
    "integer logits": (X, X.astype("int32"), {}, "int32"),
    "complex logits": (X, X.astype("complex64"), {}, "complex64"),
    "a number": (X, 1.0, {}, "logits"),
    "no spatial dimensions": (X[:, 0, 0], X[:, 0, 0], {}, "spatial dimensions"),
    "zero window": (X, X, {"pool_size": 0}, "pool_size"),
    "zero stride": (X, X, {"strides": 0}, "strides"),
    "unknown padding": (X, X, {"padding": "full"}, "padding"),
    "window larger than the input": (X, X, {"pool_size": 7}, "larger than the input"),
    "integers": (X.astype("int32"), X, {}, "int32"),
}


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls(name, portable):
    x, logits, arguments, message = BAD_CALLS[name]
    with tsp.portable() if portable else contextlib.nullcontext(), pytest.raises(ValueError, match=message):
        tsp.importance_pool(x, logits, **{"pool_size": 2, **arguments})


def test_symbolic():
    x = keras.KerasTensor((None, 6, 6, 3))
    assert tsp.importance_pool(x, x, 2).shape == (None, 3, 3, 3)
    with pytest.raises(ValueError, match="logits"):
        tsp.importance_pool(x, keras.KerasTensor((None, 6, 5, 3)), 2)


def test_ops_check_what_graphs_say():
    module, attributes = native.load().ops, {"ksize": [2, 2], "strides": [2, 2], "padding": "VALID"}

    def forward(x, logits):
        return module.softpool_importance_pool(input=x, logits=logits, **attributes)

    def backward(x, logits, g):
        return module.softpool_importance_pool_grad(orig_input=x, logits=logits, grad=g, **attributes)

    g = X[:, :3, :3]
    bad = [(forward, (X, X[:, :5])), (forward, (X, X[0])), (forward, (tf.constant(X), tf.cast(X, "float64")))]
    bad += [(backward, (X, X[:, :5], g)), (backward, (X, X, X)), (backward, (X, X, g[:1]))]
    for function, inputs in bad:
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError, TypeError)):
            function(*inputs)
        if any(v.dtype != "float32" for v in inputs):
            continue
        # If shapes are unknown, the error appears only when the graph runs.
        unknown = tf.function(function, input_signature=[tf.TensorSpec(None, tf.float32)] * len(inputs))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"must have shape|rank"):
            unknown(*inputs)
