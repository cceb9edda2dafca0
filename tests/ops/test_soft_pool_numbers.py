"""`soft_pool` with numbers that are hard to compute with: far from zero, far apart, infinite or NaN."""

import numpy as np
import oracle
import pytest
import tensorflow as tf
from cases import EVERY_MODE, MODES_AND_CHANNELS, STANDARD
from conftest import assert_near, run, with_gradient
from special_values import INF, SOFT

import tf_softpool as tsp


def check(x, dtype, mode):
    """Compares the values and gradients of windows of two by two with the oracle's."""
    arguments = ((2, 2), (2, 2), "same", "channels_last")
    x = x.astype(dtype)
    expected, scale = oracle.soft_pool(x, *arguments)
    g = np.random.default_rng(1).normal(0, 1, expected.shape).astype(dtype)
    expected_dx, dx_scale = oracle.soft_pool_gradient(x, g, *arguments, "exact")
    y, dx = run(mode, with_gradient(lambda x: tsp.soft_pool(x, *arguments)), x, g)
    assert_near(y, expected, scale, dtype, mode in STANDARD)
    assert_near(dx, expected_dx, dx_scale, dtype, mode in STANDARD)


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("exponent", [-30, -20, -10, -5, -2, -1, 0, 1, 2, 3, 5, 10, 20, 30])
def test_every_magnitude(exponent, dtype, mode):
    x = np.random.default_rng(0).normal(0, 1, (2, 9, 9, 37)) * 10.0**exponent
    check(x, dtype, mode)


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [1e4, -1e4, 89, -104, 1e30, -1e30])
def test_every_offset(offset, dtype, mode):
    # With such offsets, a naive exponential gives inf or 0/0, and a naive mean loses digits of the values.
    x = np.random.default_rng(0).normal(0, 1, (2, 8, 8, 37)) + offset
    check(x, dtype, mode)


@pytest.mark.parametrize("offset", [1e4, -1e4])
def test_offsets_keep_the_differences(offset):
    # Multiples of 1/1024 are exact in float32 at this offset, so only y loses digits.
    x = np.round(np.random.default_rng(0).normal(0, 1, (1, 8, 8, 16)) * 1024) / 1024
    near = tsp.soft_pool(tf.constant(x, tf.float32), 2)
    far = tsp.soft_pool(tf.constant(x + offset, tf.float32), 2) - np.float32(offset)
    np.testing.assert_allclose(near, far, atol=1.01 * np.spacing(np.float32(1e4)) / 2)


@pytest.mark.parametrize("mode", EVERY_MODE)
def test_values_far_below_the_largest_still_count(mode):
    # The other value is zero, so y is the far value times its weight, down to the end of float32's range.
    distance = -np.linspace(1, 85, 200)
    x = np.stack([np.zeros_like(distance), distance], axis=-1).reshape(1, -1, 2, 1)
    x = x.astype("float32")
    y = run(mode, lambda x: tsp.soft_pool(x, (1, 2)), x)
    exact = x[0, :, 1, 0].astype("float64")
    exact = exact * np.exp(exact) / (1 + np.exp(exact))
    np.testing.assert_allclose(np.asarray(y)[0, :, 0, 0], exact, rtol=1e-6)


@pytest.mark.parametrize(("mode", "channels"), MODES_AND_CHANNELS)
@pytest.mark.parametrize("name", SOFT)
def test_special_values(name, mode, channels):
    values, expected = SOFT[name]
    x = np.tile(np.reshape(values, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32")
    # A window of ordinary values lies beside the special one, which must not affect it.
    x = np.concatenate([x, np.full_like(x, 0.5)], axis=2)
    y, dx = run(mode, with_gradient(lambda x: tsp.soft_pool(x, 2)), x, np.ones((1, 1, 2, channels), "f4"))
    np.testing.assert_array_equal(y[0, 0, 0], np.full(channels, expected, "float32"))
    np.testing.assert_array_equal(y[0, 0, 1], np.full(channels, 0.5, "float32"))
    np.testing.assert_array_equal(dx[0, :, 2:], np.full((2, 2, channels), 0.25, "float32"))
    if not np.isnan(expected):
        assert np.isfinite(dx).all()
    elif mode != "portable" or "inf" not in name:
        assert np.isnan(dx[0, :, :2]).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, INF, 2, 3], [0, 1, 0, 0]),
        ([1, INF, INF, 3], [0, 0.5, 0.5, 0]),
        ([-INF] * 4, [0.25] * 4),
        ([-INF, 1, -INF, -INF], [0, 1, 0, 0]),
    ],
)
@pytest.mark.parametrize("mode", ["eager", "xla_operations"])
def test_gradient_at_infinity_is_the_limit(values, expected, mode):
    if mode == "xla_operations" and max(values) == -INF:
        expected = [0] * 4
    x = np.reshape(values, (1, 2, 2, 1)).astype("float32")
    _, dx = run(mode, with_gradient(lambda x: tsp.soft_pool(x, 2)), x, np.ones((1, 1, 1, 1), "float32"))
    np.testing.assert_array_equal(np.ravel(dx), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_types_at_their_ends(dtype):
    largest = float(np.asarray(tf.as_dtype(dtype).max).astype("float32"))
    x = tf.constant([[largest, -largest, 12.0, 89.0, -104.0, 0.0, 1e-7, -1e-7]], dtype)[..., None]
    y = tsp.soft_pool(x, 2)
    assert y.dtype == dtype
    np.testing.assert_allclose(np.ravel(y).astype("float32"), [largest, 89, 0, 0], atol=1e-13)


@pytest.mark.parametrize("size", [100_000, 1_000_003])
def test_long_windows_keep_precision(size):
    # A plain float32 sum of a million terms has only four correct digits.
    x = np.random.default_rng(0).normal(0, 1, (1, size, 1)).astype("float32")
    expected, scale = oracle.soft_pool(x, (size,), (size,), "valid", "channels_last")
    assert_near(tsp.soft_pool(x, size), expected, scale, "float32")


def overlapping(name):
    """Returns values for overlapping windows, which share exponentials unless their values are far apart."""
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (2, 13, 15, 19))
    if name == "pictures":
        return random.uniform(0, 255, x.shape)
    if name == "a step":
        x[:, 5:] += 200
    elif name == "a slope":
        x += np.linspace(-300, 300, x.shape[2])[:, None]
    elif name == "an outlier":
        x[:, 3, 4, ::2] = 1e30
    elif name == "infinities":
        x[random.random(x.shape) < 0.02] = -INF
        x[:, 9, 9, ::3] = INF
    elif name == "nothing":
        x[:, :6] = -INF
    elif name == "zeros far below":
        x = np.where(random.random(x.shape) < 0.02, 60 + x, 0)
    else:
        x = x * float(name.partition(" ")[0]) + float(name.partition(" ")[2] or 0)
    return x


OVERLAPPING = ["pictures", "a step", "a slope", "an outlier", "infinities", "nothing", "zeros far below"]
OVERLAPPING += ["1 -60", "1 1e4", "10", "30", "1e3", "1e-3", "1e-30", "1e30"]


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
@pytest.mark.parametrize(
    ("name", "scale"),
    [(name, 1) for name in OVERLAPPING]
    + [("1", 1e-30), ("1", 1e30), ("1", 0), ("an outlier", 1e30), ("infinities", 1e-30)],
)
def test_overlapping_windows(name, strides, scale):
    for dtype in ("float32", "float64"):
        check_overlapping(overlapping(name).astype(dtype), strides, scale)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_overlap_beside_gaps(padding):
    # Rows are divided into blocks, and whole blocks lie between windows.
    x = np.random.default_rng(0).normal(0, 1, (1, 200, 400, 17)).astype("float32")
    check_overlapping(x, (50, 1), 1, (2, 3), padding)


def check_overlapping(x, strides, scale, pool_size=(3, 3), padding="same"):
    """Compares the values and gradients of windows with the oracle's."""
    arguments = (pool_size, strides, padding, "channels_last")
    expected, y_scale = oracle.soft_pool(x, *arguments)
    g = (np.random.default_rng(1).normal(0, scale, expected.shape)).astype(x.dtype)
    y, dx = with_gradient(lambda x: tsp.soft_pool(x, *arguments))(tf.constant(x), tf.constant(g))
    expected_dx, dx_scale = oracle.soft_pool_gradient(x, g, *arguments, "exact")
    assert_near(y, expected, y_scale, x.dtype.name)
    assert_near(dx, expected_dx, dx_scale, x.dtype.name)
