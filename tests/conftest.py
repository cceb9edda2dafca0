"""What the tests share: ways to run a function, and how near a result must be."""

import os
import subprocess
import sys
import textwrap
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

import tf_softpool as tsp
from tf_softpool.ops.portable import compute_dtype

# Relative to the scale of the rounding error, in units that the oracle returns beside each value.
RELATIVE = {"float64": 1e-12, "float32": 1e-6, "float16": 1e-6, "bfloat16": 1e-6}
NUMPY = {"bfloat16": ml_dtypes.bfloat16}


@pytest.fixture(autouse=True)
def seeded():
    """Networks begin with the same weights each time."""
    keras.utils.set_random_seed(0)


def numpy_dtype(dtype):
    """The NumPy type of a Keras type's name."""
    return np.dtype(NUMPY.get(dtype, dtype))


def bits(a):
    """What a tensor has in memory, zeros of different sign told apart."""
    a = np.asarray(a)
    return a.view(f"u{a.dtype.itemsize}")


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


def assert_near(actual, expected, scale, dtype, standard=False):
    """Checks a result of some type against a float64 value whose rounding error has a scale.

    16-bit results may be one unit in the last place from the rounded value. TensorFlow's standard
    operations round more often on the way, and flush subnormal weights to zero.
    """
    actual = np.asarray(actual)
    assert actual.shape == expected.shape
    assert actual.dtype == numpy_dtype(dtype)
    wide = actual.astype(np.float64)
    special = ~np.isfinite(expected)
    np.testing.assert_array_equal(wide[special], expected[special])
    wide, expected, scale = wide[~special], expected[~special], scale[~special]
    info = ml_dtypes.finfo(numpy_dtype(dtype))
    allowed = RELATIVE[dtype] * scale + 4 * float(info.smallest_subnormal)
    if standard:
        flushed = float(ml_dtypes.finfo(compute_dtype(dtype)).tiny)
        allowed = 2 * allowed + 1e3 * flushed
    if info.bits == 16:
        rounded = expected.astype(numpy_dtype(dtype))
        place = np.abs(np.spacing(rounded).astype(np.float64))
        expected = rounded.astype(np.float64)
        allowed = np.maximum(allowed + place / 2, place)
        overflow = np.isinf(expected)
        np.testing.assert_array_equal(wide[overflow], expected[overflow])
        wide, expected, allowed = wide[~overflow], expected[~overflow], allowed[~overflow]
    error = np.abs(wide - expected)
    worst = np.argmax(error - allowed) if error.size else 0
    assert error.size == 0 or error.flat[worst] <= allowed.flat[worst], (
        f"{wide.flat[worst]!r} should be {expected.flat[worst]!r} within {allowed.flat[worst]:.3g}, "
        f"is {error.flat[worst]:.3g} away"
    )
