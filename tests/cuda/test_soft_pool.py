"""SoftPool's CUDA kernels, compared with the oracle over the tables of cases."""

import numpy as np
import pytest
from cases import DATA_FORMATS, DTYPES, FEW, GRADIENTS, LINES, PLANES, VOLUMES, Case, with_padding
from cuda_calls import soft, soft_of
from cuda_cases import ACCESSES, GAPS, LARGE
from cuda_poolings import soft_pool
from special_values import SOFT, SOFT_GRADIENTS

TWO = ((2, 2), (2, 2), "valid", "channels_last")


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(LINES + PLANES + VOLUMES))
def test_every_window(case, padding, data_format):
    soft(case, padding, data_format).check()


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(FEW))
def test_every_way(case, dtype, padding, data_format, gradient):
    soft(case, padding, data_format, dtype, gradient=gradient).check()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", PLANES + VOLUMES, ids=str)
def test_every_type(case, dtype):
    soft(case, "same", "channels_last", dtype).check()


@pytest.mark.parametrize(("case", "dtype", "offset"), ACCESSES)
def test_every_access(case, dtype, offset):
    for data_format in DATA_FORMATS:
        soft(case, "same", data_format, dtype).check(offset)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", GAPS, ids=str)
def test_positions_in_no_window_get_zero(case, dtype):
    for data_format in DATA_FORMATS:
        (_, dx), (_, (_, size)) = soft(case, "valid", data_format, dtype).check()
        assert (size == 0).any()
        assert not dx[size == 0].any()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("case", LARGE, ids=str)
def test_large_windows(case, dtype):
    soft(case, "valid", "channels_last", dtype).check()
    soft(case, "same", "channels_first", dtype).check()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("exponent", [-30, -10, -2, 0, 1, 2, 3, 5, 10, 30])
def test_every_magnitude(exponent, dtype):
    for size in (2, 3):
        case = Case((9, 9), (size, size), (2, 2), channels=37)
        soft(case, "same", "channels_last", dtype, scale=10.0**exponent).check()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", [1e4, -1e4, 89, -104, 1e30, -1e30])
def test_every_offset(level, dtype):
    for size in (2, 3):
        case = Case((8, 8), (size, size), (2, 2), channels=37)
        soft(case, "same", "channels_last", dtype, scale=1.0, level=level).check()


def tiled(values, channels, beside):
    """Returns a window of these values in every channel, and beside it a window of the value `beside`."""
    x = np.tile(np.reshape(values, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32")
    return np.concatenate([x, np.full_like(x, beside)], axis=2)


@pytest.mark.parametrize("channels", [1, 16])
@pytest.mark.parametrize("name", SOFT)
def test_special_values(name, channels):
    values, expected = SOFT[name]
    x = tiled(values, channels, 0.5)
    y, dx = soft_pool(x, np.ones((1, 1, 2, channels), "float32"), TWO)
    np.testing.assert_array_equal(y[0, 0, 0], np.full(channels, expected, "float32"))
    np.testing.assert_array_equal(y[0, 0, 1], np.full(channels, 0.5, "float32"))
    np.testing.assert_array_equal(dx[0, :, 2:], np.full((2, 2, channels), 0.25, "float32"))
    if np.isnan(expected):
        assert np.isnan(dx[0, :, :2]).all()
    else:
        soft_of(x, TWO).check()


@pytest.mark.parametrize(("values", "expected"), SOFT_GRADIENTS)
def test_gradient_at_infinity_is_the_limit(values, expected):
    x = np.reshape(values, (1, 2, 2, 1)).astype("float32")
    _, dx = soft_pool(x, np.ones((1, 1, 1, 1), "float32"), TWO)
    np.testing.assert_array_equal(np.ravel(dx), expected)


def test_values_far_below_the_largest_still_count():
    distance = -np.linspace(1, 85, 200)
    x = np.stack([np.zeros_like(distance), distance], axis=-1).reshape(1, -1, 2, 1).astype("float32")
    y, _ = soft_pool(x, np.ones((1, 200, 1, 1), "float32"), ((1, 2), (1, 2), "valid", "channels_last"))
    exact = x[0, :, 1, 0].astype("float64")
    exact = exact * np.exp(exact) / (1 + np.exp(exact))
    np.testing.assert_allclose(y[0, :, 0, 0], exact, rtol=1e-6)


def test_long_windows_keep_precision():
    soft(Case((100_000,), (100_000,), (100_000,), 1, 1), "valid", "channels_last", scale=1.0).check()
