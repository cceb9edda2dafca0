"""`importance_pool` and its gradients, compared with the oracle over the tables of cases."""

import numpy as np
import pytest
import tensorflow as tf
import weighted_oracle as oracle
from cases import (
    DATA_FORMATS,
    EVERY_MODE,
    FEW,
    LINES,
    MANY_TAPS,
    MODES,
    MODES_AND_DTYPES,
    PLANES,
    SOME_PLANES,
    STANDARD,
    VOLUMES,
    with_padding,
)
from conftest import assert_near, numpy_dtype, run, with_gradient

import tf_softpool as tsp


def check(case, padding, data_format, dtype="float32", mode="eager", offset=0.0, spread=3.0):
    """Compares the values and gradients of a case with the oracle's."""
    random = np.random.default_rng(0)
    x = (random.normal(0, 3, case.shape(data_format)) + offset).astype(numpy_dtype(dtype))
    logits = random.normal(0, spread, x.shape).astype(numpy_dtype(dtype))
    arguments = (case.pool_size, case.strides, padding, data_format)
    expected, scale = oracle.importance_pool(x, logits, *arguments)
    g = random.normal(0, 1, expected.shape).astype(numpy_dtype(dtype))
    gradients = oracle.importance_pool_gradient(x, logits, g, *arguments)
    function = with_gradient(lambda x, logits: tsp.importance_pool(x, logits, *arguments))
    y, *actual = run(mode, function, x, logits, g)
    assert_near(y, expected, scale, dtype, mode in STANDARD)
    for gradient, (expected, scale) in zip(actual, gradients, strict=True):
        assert_near(gradient, expected, scale, dtype, mode in STANDARD)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(LINES + PLANES + VOLUMES))
def test_every_window(case, padding, data_format):
    check(case, padding, data_format)


@pytest.mark.parametrize(("mode", "dtype"), MODES_AND_DTYPES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(FEW))
def test_every_way(case, dtype, padding, data_format, mode):
    check(case, padding, data_format, dtype, mode)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", PLANES + VOLUMES, ids=str)
def test_every_type(case, dtype):
    check(case, "same", "channels_last", dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", MANY_TAPS, ids=str)
def test_windows_of_very_many_values(case, dtype):
    check(case, "valid", "channels_last", dtype)
    check(case, "same", "channels_first", dtype)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("spread", [1e-3, 30.0, 1e4])
@pytest.mark.parametrize("case", FEW, ids=str)
def test_logits_that_differ_little_or_much(case, spread, mode):
    check(case, "same", "channels_last", mode=mode, spread=spread)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("offset", [1e4, -1e4])
@pytest.mark.parametrize("case", FEW, ids=str)
def test_an_offset_costs_the_logits_no_digits(case, offset, mode):
    check(case, "same", "channels_last", mode=mode, offset=offset)


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0), (0, 4, 4, 0)])
@pytest.mark.parametrize("mode", EVERY_MODE)
def test_empty(shape, mode):
    function = with_gradient(lambda x, logits: tsp.importance_pool(x, logits, 2))
    x, g = np.zeros(shape, "float32"), np.zeros((shape[0], 2, 2, shape[3]), "float32")
    y, dx, dl = run(mode, function, x, x, g)
    assert y.shape == g.shape
    assert dx.shape == dl.shape == shape


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("case", "padding"), with_padding(PLANES + VOLUMES))
def test_with_its_own_values_as_logits_it_is_soft_pool(case, padding, dtype, mode):
    x = np.random.default_rng(0).normal(0, 3, case.shape("channels_last")).astype(dtype)
    arguments = (case.pool_size, case.strides, padding)

    def both(x, g):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            importance = tsp.importance_pool(x, x, *arguments)
            soft = tsp.soft_pool(x, *arguments)
        return importance, soft, *(tape.gradient(y, x, g) for y in (importance, soft))

    g = np.random.default_rng(1).normal(0, 1, tsp.soft_pool(x, *arguments).shape).astype(dtype)
    importance, soft, gradient, soft_gradient = run(mode, both, x, g)
    # Differences of values are rounded as the values are.
    rounding = (5e-7 if dtype == "float32" else 5e-15) * np.abs(x).max()
    tolerance = {"rtol": 1e-5 if dtype == "float32" else 1e-12, "atol": rounding}
    np.testing.assert_allclose(importance, soft, **tolerance)
    np.testing.assert_allclose(gradient, soft_gradient, **tolerance)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("level", [0.0, -7.5, 1e6])
@pytest.mark.parametrize(("case", "padding"), with_padding(SOME_PLANES))
def test_with_constant_logits_it_is_average_pooling(case, padding, level, mode):
    x = np.random.default_rng(0).normal(0, 3, case.shape("channels_last")).astype("float32")
    arguments = (case.pool_size, case.strides, padding)
    y = run(mode, lambda x: tsp.importance_pool(x, tf.fill(tf.shape(x), np.float32(level)), *arguments), x)
    average = tf.nn.avg_pool2d(x, *arguments[:2], padding.upper())
    np.testing.assert_allclose(y, average, rtol=1e-5, atol=1e-6)
