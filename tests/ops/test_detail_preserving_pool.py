"""`detail_preserving_pool` and its gradients, compared with the oracle over the tables of cases."""

import numpy as np
import pytest
import tensorflow as tf
import weighted_oracle as oracle
from cases import (
    DATA_FORMATS,
    DTYPES,
    EVERY_MODE,
    FEW,
    LINES,
    MANY_TAPS,
    MODES,
    MODES_AND_DTYPES,
    PLANES,
    SHARES_OF_NOTHING,
    SOME_LINES,
    SOME_PLANES,
    STANDARD,
    VOLUMES,
    two_of,
    with_nothing,
    with_padding,
)
from conftest import assert_near, numpy_dtype, run, with_gradient
from detail_inputs import pooling

import tf_softpool as tsp
from tf_softpool.ops.arguments import compute_dtype

# Whether there is a guide, whether details are symmetric, and the size of lambda.
VARIANTS = {
    "lite": (False, True, 1.0),
    "lite-asymmetric": (False, False, 2.5),
    "guided": (True, True, 0.3),
    "guided-asymmetric": (True, False, 1.0),
    "lite-steep": (False, True, 8.0),
    "inverse": (True, True, -1.0),
}


def check(
    case,
    padding,
    data_format,
    dtype="float32",
    variant="lite",
    mode="eager",
    scale=3.0,
    offset=0.0,
    nothing=None,
):
    """Compares the values and all gradients of a case with the oracle's. `nothing` is the share of -inf."""
    guided, symmetric, lam = VARIANTS[variant]
    random = np.random.default_rng(0)
    x = (random.normal(0, scale, case.shape(data_format)) + offset).astype(numpy_dtype(dtype))
    x = x if nothing is None else with_nothing(x, nothing)
    alpha = random.uniform(0.2, 2, case.channels).astype(compute_dtype(dtype))
    lam = (lam * random.uniform(0.5, 1.5, case.channels)).astype(compute_dtype(dtype))
    arguments = (case.pool_size, case.strides, padding, data_format, symmetric)
    shape = oracle.detail_preserving_pool(x, None, alpha, lam, *arguments)[0].shape
    g = random.normal(0, 1, shape).astype(numpy_dtype(dtype))
    guide = (random.normal(0, scale, shape) + offset).astype(numpy_dtype(dtype)) if guided else None
    expected = [oracle.detail_preserving_pool(x, guide, alpha, lam, *arguments)]
    expected += oracle.detail_preserving_pool_gradient(x, guide, alpha, lam, g, *arguments)

    inputs = [x, guide, alpha, lam] if guided else [x, alpha, lam]
    actual = run(mode, with_gradient(pooling(*arguments)), *inputs, g)
    for i, (value, (result, size)) in enumerate(zip(actual, expected, strict=True)):
        of_parameter = i >= len(actual) - 2
        assert_near(value, result, size, compute_dtype(dtype) if of_parameter else dtype, mode in STANDARD)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(LINES + PLANES + VOLUMES))
def test_every_window(case, padding, data_format):
    for variant in two_of(VARIANTS, sum(case.spatial) + sum(case.pool_size) + case.channels + len(padding)):
        check(case, padding, data_format, variant=variant)


@pytest.mark.each_value
@pytest.mark.parametrize(("mode", "dtype"), MODES_AND_DTYPES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(FEW))
def test_every_way(case, dtype, padding, data_format, mode):
    which = FEW.index(case) + DTYPES.index(dtype) + len(padding) + 3 * DATA_FORMATS.index(data_format)
    for variant in two_of(VARIANTS, which):
        check(case, padding, data_format, dtype, variant, mode)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", PLANES + VOLUMES, ids=str)
def test_every_type(case, dtype, variant):
    check(case, "same", "channels_last", dtype, variant)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", MANY_TAPS, ids=str)
def test_windows_of_very_many_values(case, dtype, variant):
    check(case, "valid", "channels_last", dtype, variant)
    check(case, "same", "channels_first", dtype, variant)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("nothing", SHARES_OF_NOTHING)
@pytest.mark.parametrize(("case", "padding"), with_padding([*SOME_LINES, *PLANES, *VOLUMES, *MANY_TAPS[:1]]))
def test_minus_infinity_in_every_window(case, padding, nothing, variant):
    data_format = DATA_FORMATS[(sum(case.spatial) + case.channels) % 2]
    check(case, padding, data_format, variant=variant, nothing=nothing)


@pytest.mark.each_value
@pytest.mark.parametrize("nothing", SHARES_OF_NOTHING)
@pytest.mark.parametrize(("mode", "dtype"), MODES_AND_DTYPES)
@pytest.mark.parametrize("case", FEW, ids=str)
def test_minus_infinity_in_every_way(case, dtype, nothing, mode):
    for variant in two_of(VARIANTS, FEW.index(case) + DTYPES.index(dtype)):
        check(case, "same", "channels_last", dtype, variant, mode, nothing=nothing)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", ["lite", "lite-asymmetric", "guided", "guided-asymmetric"])
@pytest.mark.parametrize(("scale", "dtype"), [(1e-6, "float32"), (1e3, "float32"), (1e6, "float64")])
@pytest.mark.parametrize("case", FEW, ids=str)
def test_every_size_of_detail(case, scale, dtype, variant, mode):
    check(case, "same", "channels_last", dtype, variant, mode, scale)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", ["lite", "guided-asymmetric"])
@pytest.mark.parametrize("offset", [1e3, -1e3])
@pytest.mark.parametrize("case", FEW, ids=str)
def test_offsets(case, offset, variant, mode):
    check(case, "same", "channels_last", variant=variant, mode=mode, offset=offset)


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0), (0, 4, 4, 0)])
@pytest.mark.parametrize("mode", EVERY_MODE)
def test_empty(shape, mode, guided):
    x, g = np.zeros(shape, "float32"), np.zeros((shape[0], 2, 2, shape[3]), "float32")
    parameters = [np.ones(shape[3], "float32")] * 2

    inputs = [x, g, *parameters] if guided else [x, *parameters]
    y, *gradients = run(mode, with_gradient(pooling(2)), *inputs, g)
    assert y.shape == g.shape
    assert [v.shape for v in gradients] == [v.shape for v in inputs]
    assert not np.any(gradients[-1])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("alpha", "lam"), [(1e4, 1.0), (1e20, 3.0), (np.inf, 1.0), (0.5, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize(("case", "padding"), with_padding(SOME_PLANES))
def test_with_large_alpha_or_no_lambda_it_is_average_pooling(case, padding, alpha, lam, mode):
    x = np.random.default_rng(0).uniform(-1, 1, case.shape("channels_last")).astype("float32")
    arguments = (case.pool_size, case.strides, padding)
    y = run(mode, lambda x: tsp.detail_preserving_pool(x, None, alpha, lam, *arguments), x)
    average = tf.nn.avg_pool2d(x, *arguments[:2], padding.upper())
    # Every weight lies between alpha and alpha + 2.
    np.testing.assert_allclose(y, average, rtol=1e-5, atol=2 / alpha + 1e-6 if lam else 1e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("lam", "nearness"), [(10.0, 0.2), (100.0, 0.02), (1e4, 2e-4), (np.inf, 1e-6)])
@pytest.mark.parametrize(("case", "padding"), with_padding(SOME_PLANES))
def test_with_large_lambda_the_asymmetric_form_is_max_pooling(case, padding, lam, nearness, mode):
    # Values differ by at least a tenth of their range, so the second largest weighs less than 0.9 ** lam.
    random = np.random.default_rng(0)
    x = random.integers(0, 11, case.shape("channels_last")).astype("float32")
    arguments = (case.pool_size, case.strides, padding)

    def pool(x):
        return tsp.detail_preserving_pool(x, None, 0.0, lam, *arguments, symmetric=False)

    largest = tf.nn.max_pool2d(x, *arguments[:2], padding.upper())
    assert np.max(np.abs(run(mode, pool, x) - largest)) <= 10 * nearness


def test_parameters_may_be_numbers_or_tensors():
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype("float32")
    expected = tsp.detail_preserving_pool(x, None, tf.fill([2], 0.5), tf.fill([2], 2.0), 2)
    for alpha, lam in [(0.5, 2), (np.float64(0.5), tf.Variable(2.0)), (tf.constant(0.5, "bfloat16"), [2, 2])]:
        np.testing.assert_array_equal(tsp.detail_preserving_pool(x, None, alpha, lam, 2), expected)
    y = tsp.detail_preserving_pool(tf.constant([[[1.0], [0.0]]], "float64"), np.zeros((1, 1, 1)), 0.1, 1.0, 2)
    rho = np.sqrt(1 + 1e-6)
    np.testing.assert_allclose(y, [[[(0.1 + rho) / (0.2 + rho + 1e-3)]]], rtol=1e-15)


def test_average_as_guide_is_no_guide():
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 5)).astype("float32")
    guide = tf.nn.avg_pool2d(x, 3, 2, "SAME")
    lite = tsp.detail_preserving_pool(x, None, 0.7, 1.3, 3, 2, "same")
    guided = tsp.detail_preserving_pool(x, guide, 0.7, 1.3, 3, 2, "same")
    np.testing.assert_allclose(guided, lite, rtol=1e-5, atol=1e-6)
