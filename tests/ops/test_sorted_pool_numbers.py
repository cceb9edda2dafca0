"""`sorted_pool` with numbers that are hard to compute with: far from zero, far apart, infinite or NaN."""

import ml_dtypes
import numpy as np
import oracle
import pytest
import tensorflow as tf
from cases import DATA_FORMATS, EVERY_MODE, MODES_AND_CHANNELS, STANDARD
from conftest import assert_near, bits, numpy_dtype, run, with_gradient
from special_values import INF, NAN, SORTED

import tf_softpool as tsp

NATIVE = ("eager", "graph")


def test_what_is_not_ranked_gets_nothing_of_infinite_gradients():
    x = np.array([3.0, 1, 2, 5, 7, 6], "float32").reshape(1, 6, 1)
    g = np.array([INF, -1, 1], "float32").reshape(1, 3, 1)
    _, dx, _ = run("eager", with_gradient(lambda x, w: tsp.sorted_pool(x, w, 2)), x, np.zeros(1, "f4"), g)
    np.testing.assert_array_equal(np.ravel(dx), [INF, 0, 0, -1, 1, 0])


@pytest.mark.parametrize("mode", NATIVE)
@pytest.mark.parametrize(
    ("largest", "logits", "expected"),
    [
        (1e6, [-20, 0, 0, 0], None),
        (1e30, [-20, 0, 0, 0], None),
        (1e30, [-100, 0, 0, 0], [0, 1 / 3, 0, -1 / 3]),
        (INF, [-INF, 0, 0, 0], [0, 1 / 3, 0, -1 / 3]),
    ],
)
def test_an_outlier_of_little_weight_does_not_cost_the_others_their_gradient(largest, logits, expected, mode):
    x = np.array([largest, 1, 2, 3], "float32").reshape(1, 4, 1)
    logits, g = np.array(logits, "float32"), np.ones((1, 1, 1), "float32")
    arguments = ((4,), (4,), "valid", "channels_last")
    _, _, dw, scale = oracle.sorted_pool_gradient(x, logits, g, *arguments)
    results = run(mode, with_gradient(lambda x, w: tsp.sorted_pool(x, w, *arguments)), x, logits, g)
    if expected is None:
        assert_near(results[2], dw, scale, "float32")
    else:
        # The outlier's weight is too small for float32, so its rank gets no gradient.
        np.testing.assert_allclose(results[2], expected, atol=1e-6)


@pytest.mark.each_value
@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("factor", [1e-30, 1e-5, 1.0, 1e5, 1e30])
def test_every_magnitude(factor, dtype, mode):
    x = (np.random.default_rng(0).normal(0, 1, (2, 9, 9, 19)) * factor).astype(dtype)
    check(x, np.array([2, 0.5, -1, 0.25]).astype(dtype), dtype, mode)


@pytest.mark.parametrize("offset", [1e4, -1e4, 1e30])
def test_logits_keep_their_gradient_far_from_zero(offset):
    # The portable form is not tested, because its logits' gradients lose digits: softmax's own derivative
    # subtracts sums that are far from zero.
    x = (np.random.default_rng(0).normal(0, 1, (2, 9, 9, 19)) + offset).astype("float32")
    check(x, np.array([2, 0.5, -1, 0.25], "float32"), "float32", "eager")


@pytest.mark.each_value
@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize(
    "logits",
    [
        [1e4, 0, 0, 0],
        [0, 0, 0, 1e4],
        [-1e30, 1e30, 0, 0],
        [88, 89, -104, 0],
        [-INF, 0, 1, 2],
        [-500, -300, -100, 800],
    ],
    ids=str,
)
def test_every_logit(logits, mode):
    # Some windows are clipped. The logits of the ranks they have may be far below the other logits.
    x = np.random.default_rng(0).normal(0, 1, (2, 7, 7, 19)).astype("float32")
    check(x, np.array(logits, "float32"), "float32", mode)


@pytest.mark.parametrize("mode", EVERY_MODE)
def test_logits_that_are_no_numbers_give_none(mode):
    x = np.zeros((1, 4, 4, 2), "float32")
    assert np.isnan(run(mode, lambda x: tsp.sorted_pool(x, [0.0, NAN, 0.0, 0.0], 2), x)).all()


def check(x, logits, dtype, mode):
    """Compares the values and gradients of windows of two by two with the oracle's."""
    arguments = ((2, 2), (2, 2), "same", "channels_last")
    expected, scale = oracle.sorted_pool(x, logits, *arguments)
    g = np.random.default_rng(1).normal(0, 1, expected.shape).astype(dtype)
    dx, dx_scale, dw, dw_scale = oracle.sorted_pool_gradient(x, logits, g, *arguments)
    results = run(mode, with_gradient(lambda x, w: tsp.sorted_pool(x, w, *arguments)), x, logits, g)
    assert_near(results[0], expected, scale, dtype, mode in STANDARD)
    assert_near(results[1], dx, dx_scale, dtype, mode in STANDARD)
    assert_near(results[2], dw, dw_scale, dtype, mode in STANDARD)


LOGITS = np.log([8.0, 4.0, 2.0, 1.0]).astype("float32")


@pytest.mark.parametrize(("mode", "channels"), MODES_AND_CHANNELS)
@pytest.mark.parametrize("name", SORTED)
def test_special_values(name, mode, channels):
    values, expected, to_values = SORTED[name]
    x = np.tile(np.reshape(values, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32")
    # A window of ordinary values lies beside the special one, which must not affect it.
    x = np.concatenate([x, np.full_like(x, 0.5)], axis=2)
    # The output's gradient is so small that the largest values do not overflow the logits' gradient.
    g = np.full((1, 1, 2, channels), 1e-3, "float32")
    y, dx, dw = run(mode, with_gradient(lambda x, w: tsp.sorted_pool(x, w, 2)), x, LOGITS, g)
    np.testing.assert_allclose(y[0, 0, 0], np.full(channels, expected, "float32"), rtol=1e-6)
    np.testing.assert_allclose(y[0, 0, 1], np.full(channels, 0.5, "float32"), rtol=1e-6)
    beside = np.reshape([8 / 15, 4 / 15, 2 / 15, 1 / 15], (2, 2, 1))
    dx = dx / g[0, 0, 0, 0]
    np.testing.assert_allclose(dx[0, :, 2:], np.broadcast_to(beside, (2, 2, channels)), rtol=1e-6)
    if to_values is not None and not (mode in STANDARD and np.isinf(expected)):
        to_values = np.broadcast_to(np.reshape(to_values, (2, 2, 1)), (2, 2, channels))
        np.testing.assert_allclose(dx[0, :, :2], to_values, rtol=1e-6)
    elif mode not in STANDARD:
        assert np.isnan(dx[0, :, :2]).all()
        assert np.isnan(dw).all()
    if np.isfinite(expected):
        arguments = ((2, 2), (2, 2), "valid", "channels_last")
        _, _, expected_dw, dw_scale = oracle.sorted_pool_gradient(x, LOGITS, g, *arguments)
        if mode in STANDARD:
            # Softmax's own derivative subtracts sums that are far from zero, so a larger error is allowed.
            dw_scale += 1e-3 * channels * np.abs(x[np.isfinite(x)]).max()
        assert_near(dw, expected_dw, dw_scale, "float32", mode in STANDARD)


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("weights", [[0, 0, 0, 0], [1, -1, 0, 0], [-1, -1, -1, -1]], ids=str)
def test_nothing_but_minus_infinity_whatever_the_weights(weights, mode):
    x = np.full((1, 2, 2, 17), -INF, "float32")
    g = np.ones((1, 1, 1, 17), "float32")
    function = with_gradient(lambda x, w: tsp.sorted_pool(x, w, 2, normalize="none"))
    y, _, dw = run(mode, function, x, np.array(weights, "float32"), g)
    np.testing.assert_array_equal(y, np.full((1, 1, 1, 17), -INF))
    np.testing.assert_array_equal(dw, np.zeros(4))


@pytest.mark.parametrize("mode", EVERY_MODE)
def test_infinities_and_weights_of_both_signs(mode):
    x = np.array([INF, 1, -INF, 2], "float32").reshape(1, 4, 1)
    g = np.ones((1, 1, 1), "float32")
    function = with_gradient(lambda x, w: tsp.sorted_pool(x, w, 4, normalize="none"))
    y, dx, _ = run(mode, function, x, np.array([-2, 0.5, 1, 7], "float32"), g)
    assert np.ravel(y) == -INF
    if mode not in STANDARD:
        np.testing.assert_array_equal(np.ravel(dx), [-2, 1, 0, 0.5])


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("pool_range", [1, 2, 3])
@pytest.mark.parametrize("count", [4, 6, 9])
def test_nan_below_the_ranks_that_are_kept(count, pool_range, mode):
    x = np.arange(count, 0, -1).reshape(1, count, 1).astype("float32")
    x[0, -1] = NAN
    assert np.isnan(run(mode, lambda x: tsp.sorted_pool(x, [0.0] * pool_range, count), x)).all()


@pytest.mark.each_value
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("pool_range", [1, 3, 9])
def test_padding_with_minus_infinity_is_padding(pool_range, mode, data_format):
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 19)).astype("float32")
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-INF)
    if data_format == "channels_first":
        x, padded = np.moveaxis(x, -1, 1), np.moveaxis(padded, -1, 1)
    logits = np.random.default_rng(1).normal(size=(pool_range, 19)).astype("float32")

    def pool(x, padding):
        g = tf.random.stateless_normal(tsp.sorted_pool(x, logits, 3, 1, padding, data_format).shape, (1, 2))
        function = with_gradient(lambda x, w: tsp.sorted_pool(x, w, 3, 1, padding, data_format))
        return run(mode, function, x, logits, g)

    y, dx, dw = pool(x, "same")
    y_padded, dx_padded, dw_padded = pool(padded, "valid")
    inner = (slice(None), *[slice(1, -1) if d == 10 else slice(None) for d in dx_padded.shape[1:]])
    if mode in STANDARD:
        np.testing.assert_allclose(y_padded, y, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(bits(y_padded), bits(y))
    np.testing.assert_allclose(dx_padded[inner], dx, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dw_padded, dw, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_types_at_their_ends(dtype):
    largest = float(ml_dtypes.finfo(numpy_dtype(dtype)).max)
    x = tf.constant([[largest, largest, -largest, largest, 0.0, 1e-7]], dtype)[..., None]
    y = tsp.sorted_pool(x, [0.0, 0.0], 2)
    assert y.dtype == dtype
    np.testing.assert_allclose(np.ravel(y).astype("float32"), [largest, 0, 0], atol=1e-7)


def test_long_sums_keep_precision():
    # A plain float32 sum of a million equal terms is wrong in the third digit.
    x = np.tile(np.array([0.1, 0.3], "float32").reshape(1, 2, 1, 1), (1, 500_000, 1, 1))
    g = np.full((1, 1_000_000, 1), 0.7, "float32")
    logits = np.zeros(2, "float32")
    x = x.reshape(1, 2_000_000 // 2, 1)
    function = with_gradient(lambda x, w: tsp.sorted_pool(x, w, 2))
    _, _, dw = run("eager", function, x, logits, g[:, : x.shape[1] // 2])
    each = np.float64(np.float32(0.7)) * 0.25 * (np.float64(np.float32(0.3)) - np.float64(np.float32(0.1)))
    np.testing.assert_allclose(dw, [each * 500_000, -each * 500_000], rtol=2e-7)


@pytest.mark.each_value
@pytest.mark.parametrize("batch", [1, 16, 64])
@pytest.mark.parametrize("size", [2, 3])
def test_long_sums_over_overlapping_windows_keep_precision(size, batch):
    x = np.tile(np.array([0.1, 0.3, 0.2, 0.7, 0.4, 0.6], "float32"), 1000).reshape(1, -1, 1)
    x = np.repeat(x, batch, axis=0)
    logits = np.linspace(0, 1, size).astype("float32")
    arguments = ((size,), (1,), "valid", "channels_last")
    g = np.full((batch, 6001 - size, 1), 0.7, "float32")
    _, _, dw, dw_scale = oracle.sorted_pool_gradient(x, logits, g, *arguments)
    results = run("eager", with_gradient(lambda x, w: tsp.sorted_pool(x, w, *arguments)), x, logits, g)
    assert_near(results[2], dw, dw_scale, "float32")


def test_the_same_bits_every_time():
    x = tf.random.stateless_normal((8, 40, 40, 21), (1, 2))
    logits = tf.random.stateless_normal((9, 21), (3, 4))
    function = with_gradient(lambda x, w: tsp.sorted_pool(x, w, 3, 2, "same"))
    g = tf.random.stateless_normal((8, 20, 20, 21), (5, 6))
    first = run("graph", function, x, logits, g)
    for _ in range(5):
        for a, b in zip(run("graph", function, x, logits, g), first, strict=True):
            np.testing.assert_array_equal(bits(a), bits(b))
