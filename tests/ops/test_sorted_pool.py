"""`sorted_pool` and its gradients, compared with the oracle over the tables of cases."""

import math

import numpy as np
import oracle
import pytest
import tensorflow as tf
from cases import (
    DATA_FORMATS,
    DTYPES,
    EVERY_MODE,
    FEW,
    LINES,
    MODES,
    MODES_AND_DTYPES,
    PLANES,
    SHARES_OF_NOTHING,
    SOME_LINES,
    STANDARD,
    VOLUMES,
    Case,
    two_of,
    with_nothing,
    with_padding,
)
from conftest import assert_near, numpy_dtype, run, with_gradient

import tf_softpool as tsp
from tf_softpool.ops.arguments import compute_dtype

# The share of a window that is ranked, whether each channel has its own weights, the normalization, and
# whether there are few different values, so that many are equal.
VARIANTS = {
    "all": (1.0, False, "softmax", False),
    "all-ties": (1.0, True, "softmax", True),
    "some": (0.5, True, "softmax", False),
    "some-ties-none": (0.4, False, "none", True),
    "none": (1.0, True, "none", False),
    "one": (0.0, False, "softmax", True),
}


def inputs(case, data_format, dtype, variant):
    """Returns a tensor to pool, and logits."""
    part, per_channel, normalize, ties = VARIANTS[variant]
    random = np.random.default_rng(0)
    x = random.normal(0, 1 if ties else 3, case.shape(data_format))
    x = (np.round(x) if ties else x).astype(numpy_dtype(dtype))
    pool_range = max(1, round(part * math.prod(case.pool_size)))
    shape = (pool_range, case.channels) if per_channel else (pool_range,)
    return x, random.normal(0, 1, shape).astype(compute_dtype(dtype)), normalize


def check(case, padding, data_format, dtype="float32", variant="all", mode="eager", nothing=None):
    """Compares the values and gradients of a case with the oracle's. `nothing` is the share of -inf."""
    x, logits, normalize = inputs(case, data_format, dtype, variant)
    x = x if nothing is None else with_nothing(x, nothing)
    arguments = (case.pool_size, case.strides, padding, data_format, normalize)
    expected, scale = oracle.sorted_pool(x, logits, *arguments)
    g = np.random.default_rng(1).normal(0, 1, expected.shape).astype(numpy_dtype(dtype))
    dx, dx_scale, dw, dw_scale = oracle.sorted_pool_gradient(x, logits, g, *arguments)
    function = with_gradient(lambda x, w: tsp.sorted_pool(x, w, *arguments))
    results = run(mode, function, x, logits, g)
    standard = mode in STANDARD
    assert_near(results[0], expected, scale, dtype, standard)
    if standard and nothing is not None:
        # In windows of nothing but -inf, standard operations send back zeros and not the ranks' weights.
        results = [results[0], tf.where(x == -np.inf, tf.zeros_like(x), results[1]), results[2]]
        dx = np.where(x == -np.inf, 0, dx)
    assert_near(results[1], dx, dx_scale, dtype, standard)
    assert_near(results[2], dw, dw_scale, compute_dtype(dtype), standard)


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


# Windows of every size for which the kernels have separate code, and of sizes between.
SIZES = [
    *(Case((40,), (k,), (k,), channels=c) for k in (6, 8, 10, 15, 16, 17, 25, 27, 32, 40) for c in (5, 20)),
    Case((14, 14), (7, 7), (7, 7), channels=18),
    Case((14, 14), (14, 14), (14, 14), channels=3),
    Case((5000,), (5000,), (5000,), channels=2),
    Case((9000,), (4500,), (3000,), channels=2),
]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", SIZES, ids=str)
def test_every_size(case, dtype, variant):
    check(case, "valid", "channels_last", dtype, variant)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("nothing", SHARES_OF_NOTHING)
@pytest.mark.parametrize(("case", "padding"), with_padding([*SOME_LINES, *PLANES, *VOLUMES, *SIZES[::3]]))
def test_minus_infinity_in_every_window(case, padding, nothing, variant):
    data_format = DATA_FORMATS[(sum(case.spatial) + case.channels) % 2]
    check(case, padding, data_format, variant=variant, nothing=nothing)


@pytest.mark.each_value
@pytest.mark.parametrize("nothing", SHARES_OF_NOTHING)
@pytest.mark.parametrize(("mode", "dtype"), MODES_AND_DTYPES)
@pytest.mark.parametrize("case", FEW, ids=str)
def test_minus_infinity_in_every_way(case, dtype, nothing, mode):
    for variant in two_of(VARIANTS, FEW.index(case) + DTYPES.index(dtype)):
        check(case, "same", "channels_last", dtype, variant, mode, nothing)


@pytest.mark.parametrize(("size", "pool_range"), [(n, r) for n in (2, 3, 4, 8, 9) for r in range(1, n + 1)])
def test_every_range(size, pool_range):
    x = np.random.default_rng(0).integers(0, 5, (2, 3 * size, 21)).astype("float32")
    logits = np.random.default_rng(1).normal(0, 1, pool_range).astype("float32")
    arguments = ((size,), (size,), "valid", "channels_last")
    expected, scale = oracle.sorted_pool(x, logits, *arguments)
    g = np.random.default_rng(2).normal(0, 1, expected.shape).astype("float32")
    dx, dx_scale, dw, dw_scale = oracle.sorted_pool_gradient(x, logits, g, *arguments)
    results = run("eager", with_gradient(lambda x, w: tsp.sorted_pool(x, w, *arguments)), x, logits, g)
    assert_near(results[0], expected, scale, "float32")
    assert_near(results[1], dx, dx_scale, "float32")
    assert_near(results[2], dw, dw_scale, "float32")


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0), (0, 4, 4, 0)])
@pytest.mark.parametrize("mode", EVERY_MODE)
def test_empty(shape, mode):
    out = (shape[0], 2, 2, shape[3])
    for logits in (np.zeros(4, "float32"), np.zeros((4, shape[3]), "float32")):
        function = with_gradient(lambda x, w: tsp.sorted_pool(x, w, 2))
        y, dx, dw = run(mode, function, np.zeros(shape, "float32"), logits, np.zeros(out, "float32"))
        assert y.shape == out
        assert dx.shape == shape
        np.testing.assert_array_equal(dw, np.zeros_like(logits))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sizes", [(3, 4), (1, 2)])
def test_the_largest_of_a_whole_map(sizes, mode):
    x = np.random.default_rng(0).normal(size=(2, *sizes, 5)).astype("float32")
    logits = np.array([0.5, -0.5, 1.0], "float32")
    y = run(mode, lambda x: tsp.sorted_pool(x, logits, 2**31 - 1, padding="same"), x)
    expected, scale = oracle.sorted_pool(x, logits, sizes, sizes, "valid", "channels_last")
    assert_near(y, expected, scale, "float32", mode in STANDARD)


def test_numbers_keep_the_digits_of_the_values_type():
    y = tsp.sorted_pool(tf.constant([[[1.0], [0.0]]], "float64"), [0.1, 0.9], 2, normalize="none")
    assert float(y[0, 0, 0]) == 0.1


def test_logits_may_be_numbers_or_variables():
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype("float32")
    for logits in ([1.0, 0.5, 0.0], np.array([1, 0.5, 0]), tf.Variable([1.0, 0.5, 0.0], dtype=tf.bfloat16)):
        expected = tsp.sorted_pool(x, tf.constant([1.0, 0.5, 0.0]), 2)
        np.testing.assert_array_equal(tsp.sorted_pool(x, logits, 2), expected)
