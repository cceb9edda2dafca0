"""What the tests share: ways to run a function, and from `near`, how near a result must be."""

import os
import subprocess
import sys
import textwrap
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest
import tensorflow as tf
from near import NUMPY, RELATIVE, assert_near, bits, numpy_dtype

import tf_softpool as tsp

# Tests that have TensorFlow import these from here.
__all__ = ["NUMPY", "RELATIVE", "assert_near", "bits", "numpy_dtype", "python", "run", "with_gradient"]


@pytest.fixture(autouse=True)
def seeded():
    """Networks begin with the same weights each time."""
    keras.utils.set_random_seed(0)


def run(mode, function, *tensors):
    """Calls a function of tensors in some way.

    Args:
        mode: `"eager"`; in a graph of known sizes, `"graph"`, or unknown ones, `"dynamic"`; in an XLA program
            that calls our kernels, `"xla"`, or has XLA's operations instead, `"xla_operations"`; in
            TensorFlow's standard operations, `"portable"` or `"portable_dynamic"`.
        function: a function of tensors.
        tensors: what it is called with.
    """
    tensors = [tf.convert_to_tensor(t) for t in tensors]
    if mode == "eager":
        return function(*tensors)
    if mode == "graph":
        return tf.function(function)(*tensors)
    if mode == "xla":
        return tf.function(function, jit_compile=True)(*tensors)
    if mode == "xla_operations":
        with mock.patch.dict(os.environ, TF_SOFTPOOL_XLA_KERNELS="0"):
            return run("xla", function, *tensors)
    if mode == "dynamic":
        signature = [tf.TensorSpec([None] * t.shape.rank, t.dtype) for t in tensors]
        return tf.function(function, input_signature=signature)(*tensors)
    if mode == "portable":
        with tsp.portable():
            return function(*tensors)
    if mode == "portable_dynamic":
        with tsp.portable():
            return run("dynamic", function, *tensors)
    raise ValueError(mode)


def python(code, **environment):
    """Runs code in a fresh Python, and returns what it printed."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def with_gradient(function):
    """A function of inputs and the output's gradient, that returns the output and the inputs' gradients."""

    def run_both(*tensors):
        *inputs, g = tensors
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
        return y, *tape.gradient(y, inputs, output_gradients=g)

    return run_both
