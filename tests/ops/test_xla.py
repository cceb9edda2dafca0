"""Our ops inside XLA programs: they give the same bits as outside, take any shape, and raise errors."""

import os
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from cases import (
    DATA_FORMATS,
    DTYPES,
    FEW,
    LINE,
    MANY_TAPS,
    ODD_SIZES,
    PLANES,
    SOME_LINES,
    SOME_PLANES,
    SOME_VOLUMES,
    STEPS_OF_ONE,
    TILED,
    VOLUMES,
    with_padding,
)
from conftest import bits, numpy_dtype, run, with_gradient
from poolings import POOLINGS

import tf_softpool as tsp
from tf_softpool.ops import native

LARGER_WINDOWS = replace(ODD_SIZES, pool_size=(3, 3))


def results(mode, name, case, padding, data_format, dtype):
    """Returns a pooling's values and gradients, computed in a mode."""
    pooling = POOLINGS[name](case.pool_size, case.strides, padding, data_format)
    inputs = POOLINGS[name].inputs(case, data_format, numpy_dtype(dtype))
    g = np.random.default_rng(1).normal(0, 1, pooling(*inputs).shape).astype(numpy_dtype(dtype))
    return run(mode, with_gradient(pooling), *inputs, g)


def check_bits(*arguments):
    """Compares the kernels' results inside and outside of an XLA program."""
    for inside, outside in zip(results("xla", *arguments), results("eager", *arguments), strict=True):
        np.testing.assert_array_equal(bits(inside), bits(outside))


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(SOME_PLANES + SOME_VOLUMES + MANY_TAPS[:1]))
@pytest.mark.parametrize("name", POOLINGS)
def test_the_same_bits_as_outside(name, case, padding, data_format):
    check_bits(name, case, padding, data_format, "float32")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", FEW, ids=str)
@pytest.mark.parametrize("name", POOLINGS)
def test_the_same_bits_of_every_type(name, case, dtype):
    check_bits(name, case, "same", "channels_last", dtype)


@pytest.mark.each_value
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(SOME_LINES + PLANES + VOLUMES + MANY_TAPS))
def test_every_window_in_operations(case, padding, data_format):
    """One pooling is enough for each case: all share the operations that cut windows and add up gradients."""
    name = "soft" if max(case.spatial) > 50 else "importance"
    arguments = (name, case, padding, data_format, "float64")
    for inside, outside in zip(
        results("xla_operations", *arguments), results("eager", *arguments), strict=True
    ):
        np.testing.assert_allclose(inside, outside, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kernels", ["1", "0"])
@pytest.mark.parametrize("name", POOLINGS)
def test_programs_call_the_kernels_unless_told_not_to(name, kernels):
    pooling = POOLINGS[name](2, 2, "valid", "channels_last")
    inputs = [tf.constant(v) for v in POOLINGS[name].inputs(TILED, "channels_last", "float32")]
    g = tf.ones_like(pooling(*inputs))
    with mock.patch.dict(os.environ, TF_SOFTPOOL_XLA_KERNELS=kernels):
        function = tf.function(with_gradient(pooling), jit_compile=True)
        program = function.experimental_get_compiler_ir(*inputs, g)(stage="hlo")
    op = POOLINGS[name].op
    calls = [f'custom_call_target="Softpool>{op}{suffix}"' in program for suffix in ("", "Grad")]
    assert calls == [kernels == "1"] * 2
    assert ("custom-call" in program) == (kernels == "1")


@pytest.mark.each_value
@pytest.mark.parametrize("case", [LINE, TILED, STEPS_OF_ONE], ids=str)
@pytest.mark.parametrize("name", POOLINGS)
def test_second_order(name, case):
    pooling = POOLINGS[name](case.pool_size, case.strides, "same", "channels_last")
    inputs = POOLINGS[name].inputs(case, "channels_last", "float64")
    directions = [np.random.default_rng(20 + i).normal(0, 1, v.shape) for i, v in enumerate(inputs)]
    g = np.random.default_rng(9).normal(0, 1, pooling(*inputs).shape)

    def slope(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            _, *gradients = with_gradient(pooling)(*tensors)
            along = [tf.reduce_sum(a * b) for a, b in zip(directions, gradients, strict=True)]
            slope = tf.add_n(along)
        return tape.gradient(slope, tensors)

    expected = slope(*(tf.constant(v) for v in (*inputs, g)))
    for inside, outside in zip(run("xla", slope, *inputs, g), expected, strict=True):
        scale = np.abs(outside).max()
        np.testing.assert_allclose(inside, outside, rtol=1e-9, atol=1e-10 * scale)


@pytest.mark.parametrize("name", POOLINGS)
def test_another_batch_size_compiles_again(name):
    pooling = POOLINGS[name](3, 2, "same", "channels_last")
    inputs = POOLINGS[name].inputs(LARGER_WINDOWS, "channels_last", "float32")
    per_image = [v.ndim == 4 for v in inputs]
    signature = [
        tf.TensorSpec([None, *v.shape[1:]] if p else v.shape) for v, p in zip(inputs, per_image, strict=True)
    ]
    function = tf.function(pooling, jit_compile=True, input_signature=signature)
    for count in (1, 5, 2, 1):
        batch = [np.concatenate([v] * 3)[:count] if p else v for v, p in zip(inputs, per_image, strict=True)]
        np.testing.assert_array_equal(function(*batch), pooling(*batch))
    assert function.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("name", POOLINGS)
def test_a_batch_whose_size_depends_on_values(name):
    """XLA gives such a batch memory for its largest possible size, but the kernels do not know that size."""
    pooling = with_gradient(POOLINGS[name](3, 2, "same", "channels_last"))
    inputs = POOLINGS[name].inputs(LARGER_WINDOWS, "channels_last", "float32")
    g = np.random.default_rng(1).normal(0, 1, (2, 4, 5, 21)).astype("float32")

    def of_some(keep, *tensors):
        return pooling(*(tf.boolean_mask(v, keep) if v.shape.rank == 4 else v for v in tensors))

    results = run("xla", of_some, np.array([False, True]), *inputs, g)
    expected = run("eager", pooling, *(v[1:] if v.ndim == 4 else v for v in (*inputs, g)))
    for inside, outside in zip(results, expected, strict=True):
        np.testing.assert_allclose(inside, outside, rtol=1e-4, atol=1e-5)


def test_other_sizes_that_depend_on_values_are_an_error():
    x, keep = np.ones((2, 8, 8, 3), "float32"), np.arange(8) < 5
    with pytest.raises(tf.errors.UnimplementedError, match="depends on values"):
        run("xla", lambda x, keep: tsp.soft_pool(tf.boolean_mask(x, keep, axis=1), 3, 2), x, keep)


@pytest.mark.parametrize("mode", ["xla", "xla_operations"])
def test_nothing_along_an_axis(mode):
    x = np.zeros((2, 0, 6, 3), "float32")
    y, dx = run(mode, with_gradient(lambda x: tsp.soft_pool(x, 2, padding="same")), x, x[:, :, :3])
    assert y.shape == (2, 0, 3, 3)
    assert dx.shape == x.shape


def test_more_windows_than_indices():
    x = np.zeros((1, 50_000, 1), "float32")
    with pytest.raises(tf.errors.ResourceExhaustedError, match="indices"):
        run("xla_operations", lambda x: tsp.soft_pool(x, 50_000, 1, "same"), x)


def test_inside_loops_and_conditions():
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 5)).astype("float32")

    def pools(x, count):
        total = tf.zeros((2, 3, 3, 5))
        for i in tf.range(count):
            if i % 2 == 0:
                total += tsp.soft_pool(x * tf.cast(i, "float32"), 2)
        return total

    inside = run("xla", lambda x: pools(x, 5), x)
    expected = sum(tsp.soft_pool(x * np.float32(i), 2) for i in (0, 2, 4))
    np.testing.assert_allclose(inside, expected, rtol=1e-6)


X = tf.zeros((2, 6, 6, 3))
G, W, C = X[:, :3, :3], tf.zeros(4), tf.zeros(3)
BAD = {
    "window too large": ("soft_pool", {"input": X}, {"ksize": [7, 2]}, "larger than the input"),
    "rank": ("soft_pool", {"input": X[0]}, {}, "rank"),
    "gradient's shape": ("soft_pool_grad", {"orig_input": X, "grad": X}, {}, "must be equal"),
    "gradient's rank": ("soft_pool_grad", {"orig_input": X, "grad": G[0]}, {}, "rank"),
    "too many ranks": ("sorted_pool", {"input": X, "rank_logits": tf.zeros(5)}, {}, "rank_logits"),
    "other channels": ("sorted_pool", {"input": X, "rank_logits": tf.zeros((4, 2))}, {}, "rank_logits"),
    "logits": ("importance_pool", {"input": X, "logits": X[:1]}, {}, "must be equal"),
    "alpha": ("detail_preserving_pool", {"input": X, "guide": [], "alpha": W, "lam": C}, {}, "must be"),
    "guide": ("detail_preserving_pool", {"input": X, "guide": [X], "alpha": C, "lam": C}, {}, "must be"),
}


@pytest.mark.parametrize("kernels", ["1", "0"])
@pytest.mark.parametrize("name", BAD)
def test_errors_when_compiled(name, kernels):
    op, inputs, attributes, message = BAD[name]
    function = getattr(native.load().ops, f"softpool_{op}")
    attributes = {"ksize": [2, 2], "strides": [2, 2], "padding": "VALID", **attributes}
    flat = tf.nest.flatten(inputs)

    # The graph does not know the shapes. They become known when it is compiled for its arguments.
    @tf.function(jit_compile=True, input_signature=[tf.TensorSpec(None, v.dtype) for v in flat])
    def call(*tensors):
        return function(**tf.nest.pack_sequence_as(inputs, tensors), **attributes)

    with (
        mock.patch.dict(os.environ, TF_SOFTPOOL_XLA_KERNELS=kernels),
        pytest.raises(tf.errors.InvalidArgumentError, match=message),
    ):
        call(*flat)
