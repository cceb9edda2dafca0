"""Mixed and gated pooling, compared with the oracle over the tables of cases."""

import math

import numpy as np
import pytest
import standard_oracle
from cases import DATA_FORMATS, PADDINGS, STEPS_OF_ONE, TILED, UNEVEN_VOLUME
from conftest import run, with_gradient
from derivatives import small
from standard import SPECIAL, WAYS, WINDOWS, check, check_gradients, check_special, values

from tf_softpool.ops import gated_pool, mixed_pool
from tf_softpool.ops.window import PoolWindow


def gate(pool_size, channels=None):
    """Returns a gate's `omega` and `bias`, shared by all channels or one for each."""
    random = np.random.default_rng(2)
    last = () if channels is None else (channels,)
    return random.normal(0, 0.3, (*pool_size, *last)), random.normal(0, 1, last)


def mixed(case):
    return lambda x, window: mixed_pool.pool(x, 0.3, window), standard_oracle.mixed(0.3)


def mixed_per_channel(case):
    mix = np.linspace(0, 1, case.channels)
    return lambda x, window: mixed_pool.pool(x, mix, window), standard_oracle.mixed(mix)


def gated(case, channels=None):
    omega, bias = gate(case.pool_size, channels)
    return lambda x, window: gated_pool.pool(x, omega, bias, window), standard_oracle.gated(omega, bias)


def gated_per_channel(case):
    return gated(case, case.channels)


POOLINGS = [mixed, mixed_per_channel, gated, gated_per_channel]


@pytest.mark.parametrize(("case", "padding", "data_format"), WINDOWS, ids=str)
def test_every_window(case, padding, data_format):
    which = sum(case.spatial) + sum(case.pool_size) + len(padding) // 5 + len(data_format)
    check(*POOLINGS[which % 4](case), case, padding, data_format)


@pytest.mark.parametrize(("case", "data_format", "dtype", "mode"), WAYS, ids=str)
@pytest.mark.parametrize("pooling", [mixed_per_channel, gated, gated_per_channel])
def test_every_way(pooling, case, data_format, dtype, mode):
    check(*pooling(case), case, "same", data_format, dtype, mode)


@pytest.mark.parametrize("mix", [0, 1, np.array(0.0), np.array(1.0)])
def test_the_ends_are_max_and_average(mix):
    x = values(TILED, "channels_last", "float32")
    parts = x.reshape(2, 4, 2, 4, 2, 16)
    y = mixed_pool.pool(x, mix, PoolWindow.of(2, 2))
    if mix:
        np.testing.assert_array_equal(y, parts.max((2, 4)))
    else:
        np.testing.assert_allclose(y, parts.mean((2, 4)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("padding", "data_format"), list(zip(PADDINGS, DATA_FORMATS, strict=True)))
@pytest.mark.parametrize("channels", [None, 2])
@pytest.mark.parametrize("case", [STEPS_OF_ONE, UNEVEN_VOLUME], ids=str)
def test_derivatives(case, channels, data_format, padding):
    case = small(case)
    window = PoolWindow.of(len(case.spatial), case.pool_size, case.strides, padding, data_format)
    x = values(case, data_format, "float64")
    mix = np.array(0.3) if channels is None else np.array([0.3, 0.9])
    check_gradients(lambda x, mix: mixed_pool.pool(x, mix, window), x, mix)
    check_gradients(lambda x, w, b: gated_pool.pool(x, w, b, window), x, *gate(case.pool_size, channels))


def test_equal_largest_values_share_the_gradient():
    x, g = np.array([2.0, 2.0, 1.0], "float32").reshape(1, 3, 1), np.ones((1, 1, 1), "float32")
    window = PoolWindow.of(1, 3)
    _, dx = run("eager", with_gradient(lambda x: mixed_pool.pool(x, 1.0, window)), x, g)
    np.testing.assert_array_equal(np.ravel(dx), [0.5, 0.5, 0])


def test_padded_positions_open_no_gate():
    # The gate's large weights are at positions of the window that lie past both ends of the input.
    x = np.array([1.0, 3.0], "float32").reshape(1, 2, 1)
    omega, bias = np.array([100.0, 0.5, 0.25, -100.0]), np.array(-1.0)
    y = gated_pool.pool(x, omega, bias, PoolWindow.of(1, 4, 4, "same"))
    share = 1 / (1 + math.exp(-(0.5 * 1 + 0.25 * 3 - 1)))
    assert float(y[0, 0, 0]) == pytest.approx(share * 3 + (1 - share) * 2, rel=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(("pair", "expected"), SPECIAL, ids=str)
@pytest.mark.parametrize("mix", [0.0, 0.3, 1.0, "gate"])
def test_special_values(mix, pair, expected, dtype):
    def function(x, window):
        if mix == "gate":
            return gated_pool.pool(x, np.array([0.5, -2.0]), np.array(1.0), window)
        return mixed_pool.pool(x, mix, window)

    check_special(function, pair, expected, dtype)


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0)])
def test_empty(shape):
    window = PoolWindow.of(2, 2)
    g = np.zeros((shape[0], 2, 2, shape[3]), "float32")
    function = with_gradient(lambda x, mix: mixed_pool.pool(x, mix, window))
    y, dx, dmix = run("graph", function, np.zeros(shape, "float32"), np.zeros(shape[3], "float32"), g)
    assert y.shape == g.shape
    assert dx.shape == shape
    np.testing.assert_array_equal(dmix, np.zeros(shape[3]))
    y = gated_pool.pool(np.zeros(shape, "float32"), *gate((2, 2), shape[3]), window)
    assert y.shape == g.shape


@pytest.mark.parametrize("mix", [-0.1, 1.5, float("nan"), "half", True])
def test_bad_mixes(mix):
    with pytest.raises(ValueError, match="`mix` must be None or a number from 0 to 1"):
        mixed_pool.check_mix(mix)


@pytest.mark.parametrize("mode", ["eager", "graph"])
@pytest.mark.parametrize("mix", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("size", [2e38, 1e30, 1e-30])
def test_no_average_overflows(size, mix, mode):
    x = np.full((1, 4, 4, 3), size, "float32")
    window = PoolWindow.of(2, 2)
    y, dx = run(
        mode, with_gradient(lambda x: mixed_pool.pool(x, mix, window)), x, np.ones((1, 2, 2, 3), "f4")
    )
    np.testing.assert_allclose(y, np.full_like(y, size), rtol=1e-6)
    np.testing.assert_allclose(dx, np.full_like(dx, 0.25), rtol=1e-6)
