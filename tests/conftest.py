"""What the tests share: ways to run a function, and from `near`, how near a result must be."""

import os
import subprocess
import sys
import textwrap
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest
import short_run
import tensorflow as tf
from near import NUMPY, RELATIVE, assert_near, bits, numpy_dtype

import tf_softpool as tsp

# Tests that have TensorFlow import these from here.
__all__ = ["NUMPY", "RELATIVE", "assert_near", "bits", "numpy_dtype", "python", "run", "with_gradient"]

LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption("--short", action="store_true", help="leave out tests, by support/short_run.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Leaves out tests in the short run."""
    if config.option.short:
        items[:], left_out = short_run.split(items)
        config.hook.pytest_deselected(items=left_out)
        config.stash[LEFT_OUT] = len(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """With pytest-xdist, it is its workers that leave out tests, each the same."""
    node.config.stash[LEFT_OUT] = node.workeroutput.get("left_out", 0)


def pytest_sessionfinish(session):
    """A worker tells how many tests it left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, 0)


def pytest_terminal_summary(terminalreporter, config):
    """Says how many tests were left out."""
    if left_out := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"The short run left out {left_out} tests, whose pairs of values occur in others. "
            "`make test-all` runs them too, and so does pytest without `--short`."
        )


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
