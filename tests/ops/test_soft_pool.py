"""`soft_pool` and its gradient, compared with the oracle over the tables of cases."""

import numpy as np
import oracle
import pytest
from cases import (
    DATA_FORMATS,
    EVERY_MODE,
    FEW,
    GRADIENTS,
    LINES,
    MODES_AND_DTYPES,
    PLANES,
    STANDARD,
    VOLUMES,
    with_padding,
)
from conftest import assert_near, numpy_dtype, run, with_gradient

import tf_softpool as tsp


def check(case, padding, data_format, dtype="float32", gradient="exact", mode="eager"):
    """Compares the values and gradients of a case with the oracle's."""
    random = np.random.default_rng(0)
    x = random.normal(0, 3, case.shape(data_format)).astype(numpy_dtype(dtype))
    arguments = (case.pool_size, case.strides, padding, data_format)
    expected, scale = oracle.soft_pool(x, *arguments)
    g = random.normal(0, 1, expected.shape).astype(numpy_dtype(dtype))
    expected_dx, dx_scale = oracle.soft_pool_gradient(x, g, *arguments, gradient)
    function = with_gradient(lambda x: tsp.soft_pool(x, *arguments, gradient=gradient))
    y, dx = run(mode, function, x, g)
    assert_near(y, expected, scale, dtype, mode in STANDARD)
    assert_near(dx, expected_dx, dx_scale, dtype, mode in STANDARD)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(LINES + PLANES + VOLUMES))
def test_every_window(case, padding, data_format):
    check(case, padding, data_format)


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize(("mode", "dtype"), MODES_AND_DTYPES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(FEW))
def test_every_way(case, dtype, padding, data_format, mode, gradient):
    check(case, padding, data_format, dtype, gradient, mode)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", PLANES + VOLUMES, ids=str)
def test_every_type(case, dtype):
    check(case, "same", "channels_last", dtype)


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0), (0, 4, 4, 0)])
@pytest.mark.parametrize("mode", EVERY_MODE)
def test_empty(shape, mode):
    function = with_gradient(lambda x: tsp.soft_pool(x, 2))
    out = (shape[0], 2, 2, shape[3])
    y, dx = run(mode, function, np.zeros(shape, "float32"), np.zeros(out, "float32"))
    assert y.shape == out
    assert dx.shape == shape


def test_defaults_are_those_of_keras_max_pool():
    x = np.zeros((1, 7, 7, 2), "float32")
    assert tsp.soft_pool(x, 3).shape == (1, 2, 2, 2)
    assert tsp.soft_pool(x, (3, 2)).shape == (1, 2, 3, 2)
    assert tsp.soft_pool(x, 3, padding="SAME").shape == (1, 3, 3, 2)
    assert tsp.soft_pool(x, 3, strides=(1, 2)).shape == (1, 5, 3, 2)
