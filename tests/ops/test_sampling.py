"""Stochastic pooling: what it draws, how often, and its expected value. Also the seeds of S3Pool's draws."""

import keras
import numpy as np
import pytest
import standard_oracle
import tensorflow as tf
from cases import (
    DATA_FORMATS,
    LARGER_THAN_THE_INPUT,
    OVERLAPPING,
    PADDINGS,
    STEPS_OF_ONE,
    TILED,
    UNEVEN_VOLUME,
    VOLUME,
    Case,
    with_padding,
)
from conftest import run, with_gradient
from derivatives import small
from standard import (
    INF,
    SPECIAL,
    WAYS,
    WINDOWS,
    assert_frequencies,
    check,
    check_gradients,
    check_special,
    values,
)

from tf_softpool.ops import s3_pool, stochastic_pool
from tf_softpool.ops.portable.taps import TAPS, as_windows, windows
from tf_softpool.ops.window import PoolWindow

seed_of = keras.random.SeedGenerator


@pytest.mark.parametrize(("case", "padding", "data_format"), WINDOWS, ids=str)
def test_expectation(case, padding, data_format):
    check(stochastic_pool.pool, standard_oracle.expectation, case, padding, data_format)


@pytest.mark.parametrize(("case", "data_format", "dtype", "mode"), WAYS, ids=str)
def test_expectation_in_every_way(case, data_format, dtype, mode):
    check(stochastic_pool.pool, standard_oracle.expectation, case, "same", data_format, dtype, mode)


@pytest.mark.parametrize("exponent", [-30, 30])
def test_expectation_of_every_magnitude(exponent):
    check(
        stochastic_pool.pool,
        standard_oracle.expectation,
        TILED,
        "valid",
        "channels_last",
        scale=10.0**exponent,
    )


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("case", [STEPS_OF_ONE, UNEVEN_VOLUME], ids=str)
def test_derivatives_of_the_expectation(case, padding):
    case = small(case)
    window = PoolWindow.of(len(case.spatial), case.pool_size, case.strides, padding)
    check_gradients(lambda x: stochastic_pool.pool(x, window), values(case, "channels_last", "float64"))


@pytest.mark.parametrize(
    ("taps", "probabilities"),
    [
        ([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4]),
        ([-1, 2, 0, 6], [0, 0.25, 0, 0.75]),
        ([-1, -2, -3, 0], [0.25] * 4),
        ([-1, -INF, -3, -4], [1 / 3, 0, 1 / 3, 1 / 3]),
        ([1, -INF, 3, -4], [0.25, 0, 0.75, 0]),
        ([1e-30, 3e-30, -1, -2], [0.25, 0.75, 0, 0]),
        ([1e38, 2e38, 3e38, 0], [1 / 6, 2 / 6, 3 / 6, 0]),
        ([5, -1, -2, -3], [1, 0, 0, 0]),
    ],
)
def test_frequencies(taps, probabilities):
    taps = np.array(taps, "float32")
    x = np.tile(taps, 20000).reshape(2, 10000, 4, 1)
    y = np.ravel(stochastic_pool.pool(x, PoolWindow.of(2, (1, 4)), seed_of(0)))
    counts = [(y == value).sum() for value in taps]
    assert sum(counts) == len(y)
    assert_frequencies(counts, probabilities)


@pytest.mark.parametrize("mode", ["eager", "portable"])
def test_frequencies_of_a_million_draws(mode):
    x = np.tile(np.array([1, 2, 3, 4], "float32"), 10**6).reshape(1, 10**6, 4, 1)
    y = run(mode, lambda x: stochastic_pool.pool(x, PoolWindow.of(2, (1, 4)), seed_of(7)), x)
    counts = np.array([(np.ravel(y) == value).sum() for value in (1, 2, 3, 4)])
    expected = np.array([0.1, 0.2, 0.3, 0.4]) * 10**6
    # The chi-square statistic with three degrees of freedom is above this once in a million times.
    assert np.sum((counts - expected) ** 2 / expected) < 30.7


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding([OVERLAPPING, STEPS_OF_ONE, VOLUME]))
def test_the_portable_form_draws_the_same(case, padding, data_format, dtype):
    window = PoolWindow.of(len(case.spatial), case.pool_size, case.strides, padding, data_format)
    x = values(case, data_format, dtype)
    y, other = (
        run(mode, lambda x: stochastic_pool.pool(x, window, seed_of(5)), x) for mode in ("eager", "portable")
    )
    np.testing.assert_array_equal(y, other)
    expected, _ = standard_oracle.drawn(
        x, np.asarray(seed_of(5).next()), case.pool_size, case.strides, padding, data_format
    )
    np.testing.assert_array_equal(np.asarray(y, "float64"), expected.astype("float64"))


def test_frequencies_at_a_border():
    # There are two values, with a window of three around each. Both windows have both values, and nothing
    # else.
    x = np.tile(np.array([-1.0, -2.0], "float32"), 20000).reshape(20000, 2, 1)
    y = np.asarray(stochastic_pool.pool(x, PoolWindow.of(1, 3, 1, "same"), seed_of(0)))
    for i in range(2):
        assert_frequencies([(y[:, i] == -1).sum(), (y[:, i] == -2).sum()], [0.5, 0.5])


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("mode", ["eager", "dynamic"])
@pytest.mark.parametrize(("case", "padding"), with_padding([OVERLAPPING, LARGER_THAN_THE_INPUT, VOLUME]))
def test_what_is_drawn_is_in_the_window(case, padding, mode, data_format):
    window = PoolWindow.of(len(case.spatial), case.pool_size, case.strides, padding, data_format)
    x = values(case, data_format, "float32")
    seed = seed_of(0)
    y = run(mode, lambda x: stochastic_pool.pool(x, window, seed), x)
    # Taps that a window lacks repeat one that it has.
    taps = np.asarray(windows(tf.constant(x), window).values)
    y = np.asarray(as_windows(y, window))
    positive = np.max(taps, axis=TAPS, keepdims=True) > 0
    assert (y == taps).any(axis=TAPS).all()
    assert (y[positive] > 0).all()
    assert positive.any()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_gradient_goes_to_what_was_drawn(dtype):
    case = Case((6, 8), (2, 2), (2, 2), channels=3)
    window = PoolWindow.of(2, 2)
    x = np.random.default_rng(0).permutation(2 * 6 * 8 * 3).reshape(case.shape("channels_last")) - 99
    x, g = x.astype(dtype), np.random.default_rng(1).normal(size=(2, 3, 4, 3)).astype(dtype)
    seed = seed_of(0)
    y, dx = run("graph", with_gradient(lambda x: stochastic_pool.pool(x, window, seed)), x, g)
    far = np.repeat(np.repeat(np.stack([y, g]), 2, axis=2), 2, axis=3)
    np.testing.assert_array_equal(dx, np.where(x == far[0], far[1], 0))


@pytest.mark.parametrize(("pair", "expected"), SPECIAL, ids=str)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_special_values(dtype, training, pair, expected):
    seed = seed_of(0) if training else None
    check_special(lambda x, window: stochastic_pool.pool(x, window, seed), pair, expected, dtype)


@pytest.mark.parametrize(
    "draw",
    [
        lambda x, seed: stochastic_pool.pool(x, PoolWindow.of(2, 2), seed),
        lambda x, seed: s3_pool.downsample(x, (2, 2), (4, 4), "channels_last", seed),
    ],
    ids=["stochastic", "s3"],
)
def test_a_seed_is_all_that_decides(draw):
    x = np.abs(values(Case((16, 16), (2, 2), (2, 2)), "channels_last", "float32"))
    first, other = seed_of(7), seed_of(7)
    once, again = draw(x, first), draw(x, first)
    np.testing.assert_array_equal(once, draw(x, other))
    np.testing.assert_array_equal(again, draw(x, other))
    assert np.any(np.asarray(once) != np.asarray(again))
    np.testing.assert_array_equal(draw(x, None), draw(x, None))


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0)])
@pytest.mark.parametrize("training", [False, True])
def test_empty(shape, training):
    seed = seed_of(0) if training else None
    g = np.zeros((shape[0], 2, 2, shape[3]), "float32")
    for function in (
        lambda x: stochastic_pool.pool(x, PoolWindow.of(2, 2), seed),
        lambda x: s3_pool.downsample(x, (2, 2), (2, 2), "channels_last", seed),
    ):
        y, dx = run("eager", with_gradient(function), np.zeros(shape, "float32"), g)
        assert y.shape == g.shape
        assert dx.shape == shape
