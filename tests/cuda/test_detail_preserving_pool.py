"""The CUDA kernels of detail-preserving pooling, compared with the oracle over the tables of cases."""

import numpy as np
import pytest
from cases import DATA_FORMATS, DTYPES, FEW, LINES, PLANES, VOLUMES, two_of, with_padding
from cuda_calls import details, details_of
from cuda_cases import ACCESSES, GAPS, LARGE
from cuda_poolings import detail_preserving_pool
from near import assert_near
from special_values import DETAIL_GRADIENTS, DETAILS, HARD_DETAILS

TWO = ((2, 2), (2, 2), "valid", "channels_last")
VARIANTS = {
    "lite": {},
    "lite-asymmetric": {"symmetric": False, "lam": 2.5},
    "guided": {"guided": True, "lam": 0.3},
    "guided-asymmetric": {"guided": True, "symmetric": False},
    "lite-steep": {"lam": 8.0},
    "inverse": {"guided": True, "lam": -1.0},
}


def check(case, padding, data_format, dtype, variant, offset=0, **numbers):
    return details(case, padding, data_format, dtype, **VARIANTS[variant], **numbers).check(offset)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(LINES + PLANES + VOLUMES))
def test_every_window(case, padding, data_format):
    which = sum(case.spatial) + sum(case.pool_size) + case.channels + len(padding)
    for variant in two_of(VARIANTS, which):
        check(case, padding, data_format, "float32", variant)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(FEW))
def test_every_way(case, dtype, padding, data_format):
    for variant in VARIANTS:
        check(case, padding, data_format, dtype, variant)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", PLANES + VOLUMES, ids=str)
def test_every_type(case, dtype):
    for variant in two_of(VARIANTS, 2 * DTYPES.index(dtype) + case.channels):
        check(case, "same", "channels_last", dtype, variant)


@pytest.mark.parametrize(("case", "dtype", "offset"), ACCESSES)
def test_every_access(case, dtype, offset):
    for data_format, variant in zip(DATA_FORMATS, two_of(VARIANTS, case.channels), strict=True):
        check(case, "same", data_format, dtype, variant, offset)


@pytest.mark.parametrize("variant", ["lite", "guided-asymmetric"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", GAPS, ids=str)
def test_positions_in_no_window_get_zero(case, dtype, variant):
    for data_format in DATA_FORMATS:
        (_, dx, *_), (_, (_, size), *_) = check(case, "valid", data_format, dtype, variant)
        assert (size == 0).any()
        assert not dx[size == 0].any()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("case", LARGE, ids=str)
def test_large_windows(case, variant):
    check(case, "valid", "channels_last", "float32", variant)
    if variant in ("lite", "guided-asymmetric"):
        check(case, "same", "channels_first", "float64", variant)
        check(case, "same", "channels_last", "bfloat16", variant)


@pytest.mark.parametrize("variant", ["lite", "lite-asymmetric", "guided", "guided-asymmetric"])
@pytest.mark.parametrize(("scale", "dtype"), [(1e-6, "float32"), (1e3, "float32"), (1e6, "float64")])
@pytest.mark.parametrize("case", FEW, ids=str)
def test_every_size_of_detail(case, scale, dtype, variant):
    check(case, "same", "channels_last", dtype, variant, scale=scale)


@pytest.mark.parametrize("variant", ["lite", "guided-asymmetric"])
@pytest.mark.parametrize("level", [1e3, -1e3])
@pytest.mark.parametrize("case", FEW, ids=str)
def test_offsets(case, level, variant):
    check(case, "same", "channels_last", "float32", variant, level=level)


def parameters(alpha, lam, channels):
    """Returns the same alpha and the same lambda for every channel."""
    return [np.full(channels, value, "float32") for value in (alpha, lam)]


@pytest.mark.parametrize("channels", [1, 16])
@pytest.mark.parametrize("name", DETAILS)
def test_special_values(name, channels):
    values, guide, alpha, lam, expected = DETAILS[name]
    x = np.tile(np.reshape(values, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32")
    x = np.concatenate([x, np.full_like(x, 0.5)], axis=2)
    if guide is not None:
        guide = np.broadcast_to(np.float32([[[[guide], [0.5]]]]), (1, 1, 2, channels))
    g = np.ones((1, 1, 2, channels), "float32")
    y, dx, *_ = detail_preserving_pool(x, guide, *parameters(alpha, lam, channels), g, TWO)
    smallest = 1e-20 if name == "tiny" else 1e-6
    np.testing.assert_allclose(y[0, 0, 0], np.full(channels, expected), rtol=2e-6, atol=smallest)
    if not np.isnan(alpha + lam):
        np.testing.assert_array_equal(y[0, 0, 1], np.full(channels, 0.5, "float32"))
    if np.isnan(expected):
        assert np.isnan(dx[0, :, :2]).all()
    else:
        assert np.isfinite(dx).all()
        np.testing.assert_allclose(dx[0, :, 2:], np.full((2, 2, channels), 0.25), rtol=1e-6)


@pytest.mark.parametrize(("values", "to_x", "to_others"), DETAIL_GRADIENTS)
@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("channels", [1, 16])
def test_gradients_of_special_values(values, to_x, to_others, guided, channels):
    x, to_x = (np.tile(np.reshape(v, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("f4") for v in (values, to_x))
    ones = np.ones((1, 1, 1, channels), "float32")
    guide = 2 * ones if guided else None
    _, dx, *others = detail_preserving_pool(x, guide, *parameters(1, 1, channels), ones, TWO)
    np.testing.assert_array_equal(dx, to_x)
    for gradient in others:
        np.testing.assert_array_equal(gradient, np.full_like(gradient, to_others))


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("name", HARD_DETAILS)
def test_hard_numbers(name, guided):
    scale, alpha, lam, symmetric = HARD_DETAILS[name]
    x = np.random.default_rng(0).normal(0, 1, (2, 6, 8, 21))
    # Every second channel is scaled, so windows of ordinary numbers lie beside windows of hard ones.
    x[..., ::2] *= scale
    x = x.astype("float32")
    guide = (x[:, ::2, ::2] / 2) if guided else None
    windows = ((3, 2), (2, 2), "same", "channels_last")
    call = details_of(x, guide, *parameters(alpha, lam, 21), windows, symmetric)
    results, expected = call.results(), call.oracle()
    # Gradients of parameters are sums over windows whose numbers differ greatly in size.
    for actual, (value, error) in zip(results[:-2], expected[:-2], strict=True):
        assert_near(actual, value, error, "float32")
    for actual, (value, error) in zip(results[-2:], expected[-2:], strict=True):
        representable = np.abs(value) < 1e37
        assert_near(actual[representable], value[representable], error[representable], "float32", True)


@pytest.mark.parametrize("lam", [0.5, 1.0, 3.0])
def test_no_nan_at_zero_detail(lam):
    # The square root of d^2 has no derivative at d = 0, but that of d^2 + epsilon^2 has one.
    x, g = np.zeros((1, 4, 4, 18), "float32"), np.ones((1, 2, 2, 18), "float32")
    y, dx, da, dl = detail_preserving_pool(x, None, *parameters(1, lam, 18), g, TWO)
    np.testing.assert_array_equal(y, np.zeros_like(y))
    np.testing.assert_allclose(dx, np.full_like(dx, 0.25), rtol=1e-6)
    assert not da.any()
    assert not dl.any()


@pytest.mark.parametrize("size", [1e-300, 1e100, 1e150, 1e300])
@pytest.mark.parametrize("guided", [False, True])
def test_far_ends_of_float64(guided, size):
    # Not the largest numbers, because a device has no wider type for their differences.
    x = np.array([1.7 * size, -1.7 * size, size], "float64").reshape(1, 3, 1)
    one = np.ones((1, 1, 1), "float64")
    windows = ((3,), (3,), "valid", "channels_last")
    guide = -1.7 * size * one if guided else None
    y, dx, *_ = detail_preserving_pool(x, guide, one[0, 0], one[0, 0], one, windows)
    d = x[0, :, 0].astype(np.longdouble) - (-1.7 * size if guided else x.mean(dtype=np.longdouble))
    w = 1 + np.sqrt(d * d + np.longdouble(1e-6))
    np.testing.assert_allclose(np.ravel(y), [float((w * x[0, :, 0]).sum() / w.sum())], rtol=1e-12)
    assert np.isfinite(dx).all()


def test_long_windows_keep_precision():
    x = np.random.default_rng(0).normal(0, 1, (1, 100_000, 1)).astype("float32")
    windows = ((100_000,), (100_000,), "valid", "channels_last")
    details_of(x, None, *parameters(1, 1, 1), windows).check()
