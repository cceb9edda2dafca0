"""The CUDA kernels as TensorFlow's ops on a GPU, compared with the kernels on the CPU."""

import os
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import (
    DATA_FORMATS,
    DTYPES,
    FEW,
    MANY_TAPS,
    ODD_SIZES,
    PLANES,
    SEVERAL_TILES,
    SOME_LINES,
    STEPS_OF_ONE,
    TILED,
    VOLUMES,
    with_padding,
)
from conftest import bits, numpy_dtype, run, with_gradient
from poolings import POOLINGS

import tf_softpool as tsp
from tf_softpool.ops import native

INFO = tsp.build_info()["cuda"]
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not INFO["available"], reason=str(INFO["reason"]))]

# The largest difference allowed, relative to a tensor's largest value.
NEAR = {"float64": 1e-11, "float32": 1e-5, "float16": 2e-3, "bfloat16": 1.6e-2}


def made(name, case, padding="same", data_format="channels_last", dtype="float32"):
    """Returns a function that computes a pooling and its gradients, and tensors to call it with."""
    pooling = POOLINGS[name](case.pool_size, case.strides, padding, data_format)
    inputs = POOLINGS[name].inputs(case, data_format, numpy_dtype(dtype))
    with tf.device("/CPU:0"):
        shape = pooling(*inputs).shape
    g = np.random.default_rng(1).normal(0, 1, shape).astype(numpy_dtype(dtype))
    return with_gradient(pooling), [*inputs, g]


def on_gpu(mode, function, tensors):
    """Runs a function in a mode on the GPU, and checks that its results are there."""
    with tf.device("/GPU:0"):
        results = run(mode, function, *tensors)
    assert all("GPU:0" in result.device for result in results)
    return results


def check_near(mode, function, tensors, dtype="float32"):
    """Compares a function's results on the GPU, run in a mode, with those on the CPU."""
    with tf.device("/CPU:0"):
        expected = run("eager", function, *tensors)
    for there, here in zip(on_gpu(mode, function, tensors), expected, strict=True):
        assert there.dtype == here.dtype
        there, here = (np.asarray(t).astype("float64") for t in (there, here))
        scale = np.abs(here[np.isfinite(here)]).max(initial=0)
        np.testing.assert_allclose(there, here, rtol=0, atol=NEAR[dtype] * max(scale, 1e-3))


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("case", "padding"), with_padding(SOME_LINES + PLANES + VOLUMES + MANY_TAPS))
@pytest.mark.parametrize("name", POOLINGS)
def test_values_and_gradients(name, case, padding, data_format):
    check_near("eager", *made(name, case, padding, data_format))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", FEW, ids=str)
@pytest.mark.parametrize("name", POOLINGS)
def test_every_type(name, case, dtype):
    check_near("eager", *made(name, case, dtype=dtype), dtype)


@pytest.mark.parametrize("mode", ["graph", "dynamic", "xla", "xla_operations"])
@pytest.mark.parametrize("name", POOLINGS)
def test_in_graphs_and_programs(name, mode):
    check_near(mode, *made(name, ODD_SIZES))


@pytest.mark.parametrize("kernels", ["1", "0"])
@pytest.mark.parametrize("name", POOLINGS)
def test_programs_call_the_kernels_unless_told_not_to(name, kernels):
    function, tensors = made(name, TILED)
    tensors = [tf.constant(t) for t in tensors]
    with mock.patch.dict(os.environ, TF_SOFTPOOL_XLA_KERNELS=kernels), tf.device("/GPU:0"):
        compiled = tf.function(function, jit_compile=True)
        program = compiled.experimental_get_compiler_ir(*tensors)(stage="hlo", device_name="/GPU:0")
    op = POOLINGS[name].op
    calls = [f'custom_call_target="Softpool>{op}{suffix}"' in program for suffix in ("", "Grad")]
    assert calls == [kernels == "1"] * 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", POOLINGS)
def test_the_same_bits_every_time_and_inside_xla(name, dtype):
    function, tensors = made(name, SEVERAL_TILES, dtype=dtype)
    expected = on_gpu("eager", function, tensors)
    for mode in ("eager", "graph", "xla"):
        for again, first in zip(on_gpu(mode, function, tensors), expected, strict=True):
            np.testing.assert_array_equal(bits(again), bits(first))


@pytest.mark.parametrize("name", POOLINGS)
def test_infinities_and_nan(name):
    function, (x, *others) = made(name, STEPS_OF_ONE)
    for i, value in enumerate([np.inf, -np.inf, np.nan, np.inf, -np.inf]):
        x.flat[i * 71 : i * 71 + 9] = value
    check_near("eager", function, [x, *others])


@pytest.mark.parametrize("mode", ["eager", "xla"])
def test_nothing_to_pool(mode):
    for shape in ((0, 4, 4, 3), (2, 4, 4, 0)):
        x = np.zeros(shape, "float32")
        y, dx = on_gpu(mode, with_gradient(lambda x: tsp.soft_pool(x, 2)), [x, x[:, :2, :2]])
        assert y.shape == (shape[0], 2, 2, shape[3])
        assert dx.shape == shape


def test_what_is_wrong_is_said_as_on_the_cpu():
    with tf.device("/GPU:0"), pytest.raises(tf.errors.InvalidArgumentError, match="must have shape"):
        native.load().ops.softpool_soft_pool_grad(
            tf.zeros((1, 4, 4, 1)), tf.zeros((1, 3, 3, 1)), ksize=[2, 2], strides=[2, 2], padding="VALID"
        )


@pytest.mark.parametrize("jit_compile", [False, True, "auto"])
def test_a_network_learns(jit_compile):
    layers = tsp.layers
    network = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.SoftPooling2D(2),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.DetailPreservingPooling2D(2),
            layers.SortedPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss, jit_compile=jit_compile)
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 256)
    x = random.normal(labels[:, None, None, None], 1, (256, 16, 16, 3)).astype("float32")
    with tf.device("/GPU:0"):
        losses = network.fit(x, labels, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
