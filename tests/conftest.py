"""Helpers that all tests share.

`near` says how near a result must be to the expected one.
"""

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
from run_options import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

import tf_softpool as tsp

# The tests of this folder run on JAX alone: see its own conftest.py.
collect_ignore = ["on_jax"]
# Tests that need TensorFlow import all helpers from here, those of `near` too. pytest takes the hooks.
__all__ = [
    "NUMPY",
    "RELATIVE",
    "assert_near",
    "bits",
    "numpy_dtype",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "python",
    "run",
    "with_gradient",
]


@pytest.fixture(autouse=True)
def seeded():
    """Sets the seed, so that networks begin with the same weights in every run."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def effort(request):
    """Returns a function that takes two numbers: how much to try in any run, and in `make harden`."""
    return lambda quick, hard: hard if request.config.option.harden else quick


def run(mode, function, *tensors):
    """Calls a function of tensors in one of several modes.

    Args:
        mode: string. `"eager"` calls the function directly. `"graph"` and `"dynamic"` call it in a graph of
            known and of unknown sizes. `"xla"` and `"xla_operations"` compile it to an XLA program, which
            calls our kernels or consists of XLA's own operations. `"portable"` and `"portable_dynamic"` use
            TensorFlow's standard operations, eagerly and in a graph of unknown sizes.
        function: function of tensors.
        tensors: the tensors to call it with.

    Returns:
        What the function returns.
    """
    tensors = [tf.convert_to_tensor(t) for t in tensors]
    if mode == "eager":
        return function(*tensors)
    if mode == "graph":
        return tf.function(function)(*tensors)
    if mode == "xla":
        if not (xla := tsp.build_info()["xla"])["available"] and "came without the headers" in xla["reason"]:
            pytest.skip(xla["reason"])
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
    """Runs code in a new Python process, and returns what it printed."""
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
    """Returns a function of inputs and an output gradient that returns the output and input gradients."""

    def run_both(*tensors):
        *inputs, g = tensors
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
        return y, *tape.gradient(y, inputs, output_gradients=g)

    return run_both
