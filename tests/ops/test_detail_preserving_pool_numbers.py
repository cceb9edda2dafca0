"""`detail_preserving_pool` with numbers that are hard to compute with, and its derivatives."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf
import weighted_oracle as oracle
from cases import DATA_FORMATS, EVERY_MODE, FEW, MODES_AND_CHANNELS, PADDINGS, STANDARD
from conftest import assert_near, run, with_gradient
from derivatives import numeric, numeric_along, small
from detail_inputs import pooling
from special_values import DETAILS, HARD_DETAILS, INF

import tf_softpool as tsp


@pytest.mark.parametrize(("mode", "channels"), MODES_AND_CHANNELS)
@pytest.mark.parametrize("name", DETAILS)
def test_special_values(name, mode, channels):
    values, guide, alpha, lam, expected = DETAILS[name]
    x = np.tile(np.reshape(values, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("float32")
    x = np.concatenate([x, np.full_like(x, 0.5)], axis=2)
    inputs = [x, np.float32(alpha), np.float32(lam)]
    if guide is not None:
        inputs.insert(1, np.broadcast_to(np.float32([[[[guide], [0.5]]]]), (1, 1, 2, channels)))

    y, dx, *_ = run(mode, with_gradient(pooling(2)), *inputs, np.ones((1, 1, 2, channels), "float32"))
    smallest = 1e-20 if name == "tiny" else 1e-6
    np.testing.assert_allclose(y[0, 0, 0], np.full(channels, expected), rtol=2e-6, atol=smallest)
    ordinary = not np.isnan(alpha + lam)
    if ordinary:
        np.testing.assert_array_equal(y[0, 0, 1], np.full(channels, 0.5, "float32"))
    if not np.isnan(expected):
        # A derivative may overflow in standard operations, which have no wider type to compute it in.
        assert np.isfinite(dx).all() or (mode in STANDARD and "overflow" in name)
        np.testing.assert_allclose(dx[0, :, 2:], np.full((2, 2, channels), 0.25), rtol=1e-6)
    elif mode != "portable":
        assert np.isnan(dx[0, :, :2]).all()


@pytest.mark.parametrize("mode", EVERY_MODE)
def test_no_nan_at_zero_detail(mode):
    # The square root of d^2 has no derivative at d = 0, but that of d^2 + epsilon^2 has one.
    x = np.zeros((1, 4, 4, 18), "float32")
    for lam in (0.5, 1.0, 3.0):
        function = with_gradient(lambda x, a, lam: tsp.detail_preserving_pool(x, None, a, lam, 2))
        inputs = (x, np.float32(1), np.float32(lam), np.ones((1, 2, 2, 18), "float32"))
        y, dx, da, dl = run(mode, function, *inputs)
        np.testing.assert_array_equal(y, np.zeros_like(y))
        np.testing.assert_allclose(dx, np.full_like(dx, 0.25), rtol=1e-6)
        assert float(da) == float(dl) == 0


@pytest.mark.parametrize("mode", EVERY_MODE)
def test_the_ends_of_float64(mode):
    x = np.array([1.7e308, -1.7e308, 1e308], "float64").reshape(1, 3, 1)
    ones = np.ones((1, 1, 1), "float64")
    for inputs in ([x, ones[0, 0], ones[0, 0]], [x, -1.7e308 * ones, ones[0, 0], ones[0, 0]]):
        y, dx, *_ = run(mode, with_gradient(pooling(3)), *inputs, ones)
        d = x[0, :, 0].astype(np.longdouble) - (x.mean(dtype=np.longdouble) if len(inputs) == 3 else -1.7e308)
        expected = (np.abs(d) * x[0, :, 0]).sum() / np.abs(d).sum()
        np.testing.assert_allclose(y.numpy().ravel(), [float(expected)], rtol=1e-13)
        assert np.isfinite(dx).all() or mode in STANDARD


# Some values equal the guide or differ from it by epsilon, where the slope of a power changes fastest.
BENDS = [
    ([0, 1, 1, 2, 6], None, 1.0),
    ([0, 0, 1, 3], 0.0, 1.0),
    ([2, 2, 2, 2], None, 1.5),
    ([0, 1e-3, 2, 5], 0.0, 1.5),
    ([0, -1e-3, 1e-3, 5], 0.0, 0.5),
]


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(("values", "guide", "lam"), BENDS)
def test_derivatives_where_details_are_nothing(values, guide, lam, portable):
    x = np.reshape(values, (1, -1, 1)).astype("float64")
    given = [] if guide is None else [np.full((1, 1, 1), guide)]
    inputs = [tf.constant(v) for v in (x, *given, np.ones(1), np.full(1, lam))]

    def gradients(x):
        return with_gradient(pooling(len(values)))(x, *inputs[1:], tf.ones((1, 1, 1), "float64"))[1:]

    with tsp.portable() if portable else contextlib.nullcontext():
        value = numeric(lambda x: tf.reduce_sum(pooling(len(values))(tf.constant(x), *inputs[1:])), x, 1e-7)
        np.testing.assert_allclose(gradients(inputs[0])[0], value, rtol=1e-5, atol=1e-6)
        for i in range(len(inputs)):
            # The gradients of values get different weights, because their plain sum is always one, and its
            # derivative would be zero.
            weights = 1 if i else np.arange(1.0, x.size + 1)[:, None]

            def moved(x, i=i, weights=weights):
                return tf.reduce_sum(gradients(tf.convert_to_tensor(x))[i] * weights)

            with tf.GradientTape() as tape:
                tape.watch(inputs[0])
                first = moved(inputs[0])
            second = tape.gradient(first, inputs[0])
            expected = numeric(moved, x, 1e-7)
            np.testing.assert_allclose(second, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max() + 1e-6)


@pytest.mark.parametrize(
    ("values", "to_x", "to_others"),
    [
        ([1, INF, INF, 3], [0, 0.5, 0.5, 0], 0),
        ([-INF] * 4, [0] * 4, 0),
        ([-INF, 2, 2, -INF], [0, 0.5, 0.5, 0], 0),
    ],
)
@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("mode", ["eager", "xla_operations"])
@pytest.mark.parametrize("channels", [1, 16])
def test_gradients_of_special_values(values, to_x, to_others, guided, channels, mode):
    x, to_x = (np.tile(np.reshape(v, (1, 2, 2, 1)), (1, 1, 1, channels)).astype("f4") for v in (values, to_x))
    ones = np.ones((1, 1, 1, channels), "float32")
    inputs = [x, 2 * ones, np.float32(1), np.float32(1)] if guided else [x, np.float32(1), np.float32(1)]

    _, dx, *others = run(mode, with_gradient(pooling(2)), *inputs, ones)
    np.testing.assert_array_equal(dx, to_x)
    for gradient in others:
        np.testing.assert_array_equal(gradient, np.full_like(gradient, to_others))


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("name", HARD_DETAILS)
def test_hard_numbers(name, mode, guided):
    scale, alpha, lam, symmetric = HARD_DETAILS[name]
    x = np.random.default_rng(0).normal(0, 1, (2, 6, 8, 21))
    # Every second channel is scaled, so vectors hold both ordinary windows and windows of hard numbers.
    x[..., ::2] *= scale
    x = x.astype("float32")
    arguments = ((3, 2), (2, 2), "same", "channels_last", symmetric)
    alpha, lam = np.full(21, alpha, "float32"), np.full(21, lam, "float32")
    guide = (x[:, ::2, ::2] / 2) if guided else None
    expected = [oracle.detail_preserving_pool(x, guide, alpha, lam, *arguments)]
    g = np.random.default_rng(1).normal(0, 1, expected[0][0].shape).astype("float32")
    expected += oracle.detail_preserving_pool_gradient(x, guide, alpha, lam, g, *arguments)

    inputs = [x, guide, alpha, lam] if guided else [x, alpha, lam]
    results = run(mode, with_gradient(pooling(*arguments)), *inputs, g)
    # Gradients of parameters are sums over windows whose numbers differ greatly in size.
    for actual, (value, error) in zip(results[: len(results) - 2], expected, strict=False):
        assert_near(actual, value, error, "float32", mode in STANDARD)
    for actual, (value, error) in zip(results[-2:], expected[-2:], strict=True):
        representable = np.abs(value) < 1e37
        assert_near(
            np.asarray(actual)[representable], value[representable], error[representable], "float32", True
        )


def test_long_windows_keep_precision():
    x = np.random.default_rng(0).normal(0, 1, (1, 200_000, 1)).astype("float32")
    one, g = np.ones(1, "float32"), np.ones((1, 1, 1), "float32")
    arguments = ((200_000,), (200_000,), "valid", "channels_last", True)
    expected = [oracle.detail_preserving_pool(x, None, one, one, *arguments)]
    expected += oracle.detail_preserving_pool_gradient(x, None, one, one, g, *arguments)
    function = with_gradient(lambda x, a, lam: tsp.detail_preserving_pool(x, None, a, lam, *arguments))
    for actual, (value, scale) in zip(run("eager", function, x, one, one, g), expected, strict=True):
        assert_near(actual, value, scale, "float32")


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("case", [small(case) for case in FEW], ids=str)
def test_derivatives(case, padding, data_format, symmetric, guided, portable):
    random = np.random.default_rng(0)
    arguments = (case.pool_size, case.strides, padding, data_format, symmetric)
    x = random.normal(0, 2, case.shape(data_format))
    alpha, lam = random.uniform(0.5, 2, (2, case.channels))
    shape = tsp.detail_preserving_pool(x, None, alpha, lam, *arguments).shape
    inputs = [x, random.normal(0, 2, shape), alpha, lam] if guided else [x, alpha, lam]
    g = random.normal(0, 1, shape)
    directions = [random.normal(0, 1, v.shape) for v in inputs]

    def value(*tensors):
        *inputs, g = tensors
        return tf.reduce_sum(g * pooling(*arguments)(*inputs))

    def slope(*tensors):
        _, *gradients = with_gradient(pooling(*arguments))(*tensors)
        return tf.add_n([tf.reduce_sum(a * b) for a, b in zip(directions, gradients, strict=True)])

    with tsp.portable() if portable else contextlib.nullcontext():
        values = [tf.constant(v) for v in (*inputs, g)]
        for function in (value, slope):
            with tf.GradientTape() as tape:
                tape.watch(values)
                result = function(*values)
            for i, gradient in enumerate(tape.gradient(result, values)):

                def moved(v, i=i, function=function):
                    return function(*values[:i], tf.constant(v), *values[i + 1 :])

                if function is value and not portable:
                    expected = numeric(moved, values[i].numpy(), 1e-6)
                    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)
                    continue
                direction = np.random.default_rng(i).normal(0, 1, gradient.shape)
                # Near a detail of zero, slopes change within a thousandth, so the step is much smaller.
                expected = numeric_along(moved, values[i].numpy(), direction, 1e-6)
                size = np.sum(np.abs(gradient * direction))
                np.testing.assert_allclose(np.sum(gradient * direction), expected, atol=1e-5 * size + 1e-5)
