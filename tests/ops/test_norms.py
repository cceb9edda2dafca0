"""Sums and norms of windows, compared with the oracle over the tables of cases."""

import numpy as np
import pytest
import standard_oracle
import tensorflow as tf
from cases import DATA_FORMATS, GAPS_BETWEEN, OVERLAPPING, STEPS_OF_ONE, TILED, UNEVEN_VOLUME, VOLUME
from conftest import run, with_gradient
from derivatives import small
from standard import SPECIAL, WAYS, WINDOWS, check, check_gradients, check_special, values

from tf_softpool.ops import lp_pool, power_average_pool, sum_pool
from tf_softpool.ops.window import PoolWindow


def power(p):
    return lambda x, window: power_average_pool.pool(x, p, window), standard_oracle.power_average(p)


def lp(p):
    return lambda x, window: lp_pool.pool(x, p, window), standard_oracle.lp(p)


# By name, a pooling as a function of a tensor and a `PoolWindow`, and the oracle's function of a window's
# values.
POOLINGS = {
    "sum": (sum_pool.pool, standard_oracle.total),
    "power_1": power(1),
    "power_2": power(2.0),
    "power_3.5": power(3.5),
    "power_100": power(100.0),
    "power_inf": power(np.inf),
    "lp_1.001": lp(1.001),
    "lp_2.5": lp(2.5),
    "lp_100": lp(100.0),
}
NAMES = list(POOLINGS)
NORMS = NAMES[1:]


@pytest.mark.parametrize(("case", "padding", "data_format"), WINDOWS, ids=str)
def test_every_window(case, padding, data_format):
    which = sum(case.spatial) + sum(case.pool_size) + case.channels + len(padding)
    check(*POOLINGS[NAMES[which % len(NAMES)]], case, padding, data_format)


@pytest.mark.parametrize(("case", "data_format", "dtype", "mode"), WAYS, ids=str)
@pytest.mark.parametrize("name", ["sum", "power_1", "power_2", "power_3.5", "power_inf", "lp_2.5"])
def test_every_way(name, case, data_format, dtype, mode):
    check(*POOLINGS[name], case, "same", data_format, dtype, mode)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
def test_each_channel_may_have_a_norm(data_format):
    p = np.linspace(1.1, 6, VOLUME.channels)
    check(
        lambda x, window: lp_pool.pool(x, p, window),
        standard_oracle.lp(p),
        VOLUME,
        "same",
        data_format,
    )


@pytest.mark.parametrize("exponent", [-30, -10, 20, 30])
@pytest.mark.parametrize("name", NORMS)
def test_every_magnitude(name, exponent):
    function, reduce = POOLINGS[name]
    check(function, reduce, TILED, "valid", "channels_last", scale=10.0**exponent)
    # A norm is proportional to the scale of its values, so its slope does not depend on the scale.
    window = PoolWindow.of(2, 2)
    x, g = values(TILED, "channels_last", "float32"), np.ones((2, 4, 4, 16), "float32")
    both = with_gradient(lambda x: function(x, window))
    _, dx = run("eager", both, x, g)
    _, far = run("eager", both, (x.astype("float64") * 10.0**exponent).astype("float32"), g)
    np.testing.assert_allclose(far, dx, rtol=1e-4, atol=1e-6)


# Some threads of TensorFlow take subnormal numbers for zeros, and others do not.
@pytest.mark.parametrize("mode", ["eager", "portable", "xla", "xla_operations"])
@pytest.mark.parametrize("name", NORMS)
def test_subnormal_numbers_beside_large_ones(name, mode):
    large = [5e5, -9e22, 3.0, 1e38]
    x = np.array([large, [1e-42, -3e-45, 9e-43, 1e-41]], "float32")[None]
    function, _ = POOLINGS[name]
    y, dx = run(
        mode, with_gradient(lambda x: function(x, PoolWindow.of(1, 2))), x, np.ones((1, 1, 4), "float32")
    )
    mean = 2 ** -(1 / float(name[3:])) if name.startswith("lp") else 1
    np.testing.assert_allclose(y[0, 0], mean * np.abs(large), rtol=1e-5)
    np.testing.assert_allclose(dx[0, 0], mean * np.sign(large), rtol=1e-5)


@pytest.mark.parametrize(
    ("case", "padding"), [(STEPS_OF_ONE, "same"), (GAPS_BETWEEN, "valid"), (UNEVEN_VOLUME, "same")]
)
@pytest.mark.parametrize("name", ["sum", "power_1", "power_2", "power_3.5"])
def test_derivatives(name, case, padding):
    case = small(case)
    window = PoolWindow.of(len(case.spatial), case.pool_size, case.strides, padding)
    check_gradients(lambda x: POOLINGS[name][0](x, window), values(case, "channels_last", "float64"))


@pytest.mark.parametrize("p", [np.array(1.5), np.array([1.1, 4.0])], ids=["one", "per_channel"])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
def test_derivatives_of_a_learned_norm(data_format, p):
    window = PoolWindow.of(2, 3, 2, "same", data_format)
    x = values(small(OVERLAPPING), data_format, "float64")
    check_gradients(lambda x, p: lp_pool.pool(x, p, window), x, p)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("p", [1, 1.001, 1.5, 2, 3, 100])
def test_zeros_have_no_slope(p, dtype):
    window = PoolWindow.of(1, 3)
    x = tf.constant([0, 0, 0, 0, 5, 0, -0.0, -3, 4], dtype)[None, :, None]
    g = tf.ones((1, 3, 1), dtype)
    fixed = with_gradient(lambda x: power_average_pool.pool(x, p, window))
    _, dx = run("eager", fixed, x, g)
    zeros = np.ravel(x) == 0
    assert (np.ravel(dx)[zeros] == 0).all()
    assert (np.ravel(dx)[~zeros] != 0).all()
    learned = with_gradient(lambda x, p: lp_pool.pool(x, p, window))
    y, dx, dp = run("eager", learned, x, tf.constant([p], dtype), g)
    assert float(y[0, 0, 0]) == 0
    assert (np.ravel(dx)[zeros] == 0).all()
    assert np.isfinite(dp).all()
    assert float(dp[0]) != 0
    _, _, dp = run("eager", learned, tf.zeros_like(x), tf.constant([p], dtype), g)
    assert float(dp[0]) == 0


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(("pair", "expected"), SPECIAL, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_special_values(name, pair, expected, dtype):
    check_special(POOLINGS[name][0], pair, expected, dtype)


def test_sizes_and_not_signs_count_in_a_norm():
    x = np.array([3.0, -4.0, -3.0, -4.0], "float32").reshape(1, 4, 1)
    y = power_average_pool.pool(x, 2, PoolWindow.of(1, 2))
    np.testing.assert_allclose(np.ravel(y), [5, 5], rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0)])
@pytest.mark.parametrize("name", NAMES)
def test_empty(name, shape):
    window = PoolWindow.of(2, 2)
    out = (shape[0], 2, 2, shape[3])
    function = with_gradient(lambda x: POOLINGS[name][0](x, window))
    y, dx = run("eager", function, np.zeros(shape, "float32"), np.zeros(out, "float32"))
    assert y.shape == out
    assert dx.shape == shape


@pytest.mark.parametrize("p", [0.5, 0, -2, float("nan"), "two", True, None])
def test_bad_exponents(p):
    with pytest.raises(ValueError, match="`p` must be a number of at least 1"):
        power_average_pool.pool(np.zeros((1, 4, 1), "float32"), p, PoolWindow.of(1, 2))


@pytest.mark.parametrize("p", [1 + 1e-9, 1.001, 2, 30, 1000])
def test_parameter_of_an_exponent(p):
    assert float(lp_pool.exponent(tf.constant(lp_pool.rho_of(p), "float64"))) == pytest.approx(p, rel=1e-12)
