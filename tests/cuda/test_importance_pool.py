"""The CUDA kernels of importance pooling, compared with the oracle over the tables of cases."""

import numpy as np
import pytest
import weighted_oracle
from cases import DATA_FORMATS, DTYPES, FEW, LINES, PLANES, VOLUMES, Case, with_padding
from cuda_calls import importance
from cuda_cases import ACCESSES, GAPS, LARGE
from cuda_poolings import importance_pool, soft_pool
from near import assert_near
from special_values import IMPORTANCE, IMPORTANCE_GRADIENTS

TWO = ((2, 2), (2, 2), "valid", "channels_last")


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(LINES + PLANES + VOLUMES))
def test_every_window(case, padding, data_format):
    importance(case, padding, data_format).check()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(FEW))
def test_every_way(case, dtype, padding, data_format):
    importance(case, padding, data_format, dtype).check()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", PLANES + VOLUMES, ids=str)
def test_every_type(case, dtype):
    importance(case, "same", "channels_last", dtype).check()


@pytest.mark.parametrize(("case", "dtype", "offset"), ACCESSES)
def test_every_access(case, dtype, offset):
    for data_format in DATA_FORMATS:
        importance(case, "same", data_format, dtype).check(offset)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", GAPS, ids=str)
def test_positions_in_no_window_get_zero(case, dtype):
    for data_format in DATA_FORMATS:
        (_, dx, dl), (_, (_, size), _) = importance(case, "valid", data_format, dtype).check()
        assert (size == 0).any()
        assert not dx[size == 0].any()
        assert not dl[size == 0].any()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("case", LARGE, ids=str)
def test_large_windows(case, dtype):
    importance(case, "valid", "channels_last", dtype).check()
    importance(case, "same", "channels_first", dtype).check()


@pytest.mark.parametrize("spread", [1e-3, 30.0, 1e4])
@pytest.mark.parametrize("case", FEW, ids=str)
def test_logits_that_differ_little_or_much(case, spread):
    importance(case, "same", "channels_last", spread=spread).check()


@pytest.mark.parametrize("level", [1e4, -1e4])
@pytest.mark.parametrize("case", FEW, ids=str)
def test_an_offset_costs_the_logits_no_digits(case, level):
    importance(case, "same", "channels_last", level=level).check()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("exponent", [-30, -10, -3, 3, 10, 30])
def test_every_magnitude(exponent, dtype):
    x = (np.random.default_rng(0).normal(0, 1, (2, 9, 9, 37)) * 10.0**exponent).astype(dtype)
    logits = np.random.default_rng(1).normal(0, 3, x.shape).astype(dtype)
    windows = ((2, 2), (2, 2), "same", "channels_last")
    y, *_ = importance_pool(x, logits, np.ones((2, 5, 5, 37), dtype), windows)
    assert_near(y, *weighted_oracle.importance_pool(x, logits, *windows), dtype)


@pytest.mark.parametrize("channels", [1, 16])
@pytest.mark.parametrize("name", IMPORTANCE)
def test_special_values(name, channels):
    values, logits, expected = IMPORTANCE[name]
    x, logits = (
        np.tile(np.reshape(v, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32") for v in (values, logits)
    )
    x, logits = (np.concatenate([v, np.full_like(v, 0.5)], axis=2) for v in (x, logits))
    y, dx, dl = importance_pool(x, logits, np.ones((1, 1, 2, channels), "float32"), TWO)
    np.testing.assert_allclose(y[0, 0, 0], np.full(channels, expected, "float32"), rtol=1e-6)
    np.testing.assert_array_equal(y[0, 0, 1], np.full(channels, 0.5, "float32"))
    np.testing.assert_array_equal(dx[0, :, 2:], np.full((2, 2, channels), 0.25, "float32"))
    np.testing.assert_array_equal(dl[0, :, 2:], np.zeros((2, 2, channels), "float32"))
    for gradient in (dx, dl):
        special = gradient[0, :, :2]
        assert np.isnan(special).all() if np.isnan(expected) else np.isfinite(special).all()


@pytest.mark.parametrize(("values", "logits", "to_x", "to_logits"), IMPORTANCE_GRADIENTS)
@pytest.mark.parametrize("channels", [1, 16])
def test_gradients_of_special_values(values, logits, to_x, to_logits, channels):
    x, logits, to_x, to_logits = (
        np.tile(np.reshape(v, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32")
        for v in (values, logits, to_x, to_logits)
    )
    _, dx, dl = importance_pool(x, logits, np.ones((1, 1, 1, channels), "float32"), TWO)
    np.testing.assert_allclose(dx, to_x, rtol=1e-6)
    np.testing.assert_allclose(dl, to_logits, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("case", "padding"), with_padding(PLANES + VOLUMES))
def test_with_its_own_values_as_logits_it_is_soft_pool(case, padding, dtype):
    x = np.random.default_rng(0).normal(0, 3, case.shape("channels_last")).astype(dtype)
    windows = (case.pool_size, case.strides, padding, "channels_last")
    shape = weighted_oracle.importance_pool(x[..., :1], x[..., :1], *windows)[0].shape[:-1]
    g = np.random.default_rng(1).normal(0, 1, (*shape, case.channels)).astype(dtype)
    y, dx, dl = importance_pool(x, x, g, windows)
    soft, soft_dx = soft_pool(x, g, windows)
    tolerance = {"rtol": 1e-5, "atol": 2e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(y, soft, **tolerance)
    np.testing.assert_allclose(dx + dl, soft_dx, **tolerance)


@pytest.mark.parametrize("size", [1e-300, 1e150, 1e300])
def test_far_ends_of_float64(size):
    # Not the largest numbers, because a device has no wider type for their differences.
    x = np.array([1.7, -1.7, -1.7], "float64").reshape(1, 3, 1) * size
    windows = ((3,), (3,), "valid", "channels_last")
    y, dx, dl = importance_pool(x, np.zeros_like(x), np.ones((1, 1, 1)), windows)
    np.testing.assert_allclose(np.ravel(y), [-1.7 / 3 * size], rtol=1e-15)
    np.testing.assert_allclose(dx, np.full_like(x, 1 / 3), rtol=1e-15)
    np.testing.assert_allclose(np.ravel(dl), np.array([4, -2, -2]) * (1.7 / 9 * size), rtol=2e-15)


def test_long_windows_keep_precision():
    importance(Case((100_000,), (100_000,), (100_000,), 1, 1), "valid", "channels_last", spread=1.0).check()
