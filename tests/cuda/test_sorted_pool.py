"""The CUDA kernels of sorted-weight pooling, compared with the oracle over the tables of cases."""

import numpy as np
import oracle
import pytest
from cases import DATA_FORMATS, DTYPES, FEW, LINES, PLANES, VOLUMES, Case, two_of, with_padding
from cuda_calls import ranked, ranked_of
from cuda_cases import ACCESSES, GAPS, LARGE
from cuda_poolings import sorted_pool
from near import assert_near
from special_values import INF, NAN, SORTED

TWO = ((2, 2), (2, 2), "valid", "channels_last")
VARIANTS = {
    "all": {},
    "all-ties": {"per_channel": True, "ties": True},
    "some": {"part": 0.5, "per_channel": True},
    "some-ties-none": {"part": 0.4, "normalize": "none", "ties": True},
    "none": {"per_channel": True, "normalize": "none"},
    "one": {"part": 0.0, "ties": True},
}


def check(case, padding, data_format, dtype, variant, offset=0):
    return ranked(case, padding, data_format, dtype, **VARIANTS[variant]).check(offset)


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


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", PLANES + VOLUMES, ids=str)
def test_every_type(case, dtype, variant):
    check(case, "same", "channels_last", dtype, variant)


@pytest.mark.parametrize(("case", "dtype", "offset"), ACCESSES)
def test_every_access(case, dtype, offset):
    for data_format, variant in zip(DATA_FORMATS, two_of(VARIANTS, case.channels), strict=True):
        check(case, "same", data_format, dtype, variant, offset)


@pytest.mark.parametrize("variant", ["all", "none"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", GAPS, ids=str)
def test_positions_in_no_window_get_zero(case, dtype, variant):
    for data_format in DATA_FORMATS:
        (_, dx, _), (_, (_, size), _) = check(case, "valid", data_format, dtype, variant)
        assert (size == 0).any()
        assert not dx[size == 0].any()


# Windows of every size for which kernels may have separate code, and of sizes between.
SIZES = [Case((40,), (k,), (k,), channels=c) for k in (6, 8, 10, 15, 16, 17, 25, 27, 32, 40) for c in (5, 20)]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("case", SIZES + LARGE, ids=str)
def test_large_windows(case, variant):
    check(case, "valid", "channels_last", "float32", variant)
    if variant in ("all", "some-ties-none"):
        check(case, "same", "channels_first", "float64", variant)
        check(case, "same", "channels_last", "bfloat16", variant)


@pytest.mark.parametrize(("size", "pool_range"), [(n, r) for n in (2, 3, 4, 8, 9) for r in range(1, n + 1)])
def test_every_range(size, pool_range):
    x = np.random.default_rng(0).integers(0, 5, (2, 3 * size, 21)).astype("float32")
    logits = np.random.default_rng(1).normal(0, 1, pool_range).astype("float32")
    ranked_of(x, logits, ((size,), (size,), "valid", "channels_last")).check()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("factor", [1e-30, 1e-5, 1.0, 1e5, 1e30])
def test_every_magnitude(factor, dtype):
    x = (np.random.default_rng(0).normal(0, 1, (2, 9, 9, 19)) * factor).astype(dtype)
    ranked_of(x, np.array([2, 0.5, -1, 0.25]).astype(dtype), (*TWO[:2], "same", TWO[3])).check()


@pytest.mark.parametrize("level", [1e4, -1e4, 1e30])
def test_logits_keep_their_gradient_far_from_zero(level):
    x = (np.random.default_rng(0).normal(0, 1, (2, 9, 9, 19)) + level).astype("float32")
    ranked_of(x, np.array([2, 0.5, -1, 0.25], "float32"), (*TWO[:2], "same", TWO[3])).check()


@pytest.mark.parametrize(
    "logits",
    [[1e4, 0, 0, 0], [0, 0, 0, 1e4], [-1e30, 1e30, 0, 0], [88, 89, -104, 0], [-INF, 0, 1, 2]],
    ids=str,
)
def test_every_logit(logits):
    # Some windows are clipped. The logits of the ranks they have may be far below the other logits.
    x = np.random.default_rng(0).normal(0, 1, (2, 7, 7, 19)).astype("float32")
    ranked_of(x, np.array(logits, "float32"), (*TWO[:2], "same", TWO[3])).check()


@pytest.mark.parametrize("channels", [1, 16])
@pytest.mark.parametrize("name", SORTED)
def test_special_values(name, channels):
    values, expected, to_values = SORTED[name]
    x = np.tile(np.reshape(values, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32")
    x = np.concatenate([x, np.full_like(x, 0.5)], axis=2)
    logits = np.log([8.0, 4.0, 2.0, 1.0]).astype("float32")
    # The output's gradient is so small that the largest values do not overflow the logits' gradient.
    g = np.full((1, 1, 2, channels), 1e-3, "float32")
    y, dx, dw = sorted_pool(x, logits, g, TWO)
    np.testing.assert_allclose(y[0, 0, 0], np.full(channels, expected, "float32"), rtol=1e-6)
    np.testing.assert_allclose(y[0, 0, 1], np.full(channels, 0.5, "float32"), rtol=1e-6)
    beside = np.reshape([8 / 15, 4 / 15, 2 / 15, 1 / 15], (2, 2, 1))
    dx = dx / g[0, 0, 0, 0]
    np.testing.assert_allclose(dx[0, :, 2:], np.broadcast_to(beside, (2, 2, channels)), rtol=1e-6)
    if to_values is None:
        assert np.isnan(dx[0, :, :2]).all()
        assert np.isnan(dw).all()
        return
    to_values = np.broadcast_to(np.reshape(to_values, (2, 2, 1)), (2, 2, channels))
    np.testing.assert_allclose(dx[0, :, :2], to_values, rtol=1e-6)
    if np.isfinite(expected):
        _, _, expected_dw, dw_scale = oracle.sorted_pool_gradient(x, logits, g, *TWO)
        assert_near(dw, expected_dw, dw_scale, "float32")


@pytest.mark.parametrize("weights", [[0, 0, 0, 0], [1, -1, 0, 0], [-1, -1, -1, -1]], ids=str)
def test_nothing_but_minus_infinity_whatever_the_weights(weights):
    x, g = np.full((1, 2, 2, 17), -INF, "float32"), np.ones((1, 1, 1, 17), "float32")
    y, _, dw = sorted_pool(x, np.array(weights, "float32"), g, TWO, "none")
    np.testing.assert_array_equal(y, np.full((1, 1, 1, 17), -INF))
    np.testing.assert_array_equal(dw, np.zeros(4))


def test_infinities_and_weights_of_both_signs():
    x, g = np.array([INF, 1, -INF, 2], "float32").reshape(1, 4, 1), np.ones((1, 1, 1), "float32")
    windows = ((4,), (4,), "valid", "channels_last")
    y, dx, _ = sorted_pool(x, np.array([-2, 0.5, 1, 7], "float32"), g, windows, "none")
    assert np.ravel(y) == -INF
    np.testing.assert_array_equal(np.ravel(dx), [-2, 1, 0, 0.5])


@pytest.mark.parametrize("pool_range", [1, 2, 3])
@pytest.mark.parametrize("count", [4, 6, 9, 16, 70])
def test_nan_below_the_ranks_that_are_kept(count, pool_range):
    x = np.arange(count, 0, -1).reshape(1, count, 1).astype("float32")
    x[0, -1] = NAN
    windows = ((count,), (count,), "valid", "channels_last")
    assert np.isnan(sorted_pool(x, np.zeros(pool_range, "f4"), np.ones((1, 1, 1), "f4"), windows)[0]).all()


def test_long_sums_keep_precision():
    # A plain float32 sum of this many equal terms is wrong in the fourth digit.
    x = np.tile(np.array([0.1, 0.3], "float32").reshape(1, 2, 1), (1, 250_000, 1))
    g = np.full((1, 250_000, 1), 0.7, "float32")
    windows = ((2,), (2,), "valid", "channels_last")
    _, _, dw = sorted_pool(x, np.zeros(2, "float32"), g, windows)
    each = np.float64(np.float32(0.7)) * 0.25 * (np.float64(np.float32(0.3)) - np.float64(np.float32(0.1)))
    np.testing.assert_allclose(dw, [each * 250_000, -each * 250_000], rtol=2e-7)
