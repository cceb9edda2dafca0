"""Helpers that all tests share, and the options of the short run.

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
import short_run
import tensorflow as tf
from near import NUMPY, RELATIVE, assert_near, bits, numpy_dtype

import tf_softpool as tsp

# Tests that need TensorFlow import all helpers from here, those of `near` too.
__all__ = ["NUMPY", "RELATIVE", "assert_near", "bits", "numpy_dtype", "python", "run", "with_gradient"]

LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption(
        "--short", action="store_true", help="run a selection of tests: see support/short_run.py"
    )
    parser.addoption(
        "--harden", action="store_true", help="try as many random cases as `make harden` promises"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Leaves out the tests that are not in the short run."""
    if config.option.short:
        items[:], left_out = short_run.split(items)
        config.hook.pytest_deselected(items=left_out)
        config.stash[LEFT_OUT] = len(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Takes the number of tests left out from a worker of pytest-xdist. Every worker leaves out the same."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_sessionfinish(session):
    """Tells pytest-xdist's controller how many tests this worker left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, 0)


def pytest_terminal_summary(terminalreporter, config):
    """Prints how many tests were left out."""
    if left_out := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"The short run left out {left_out} tests, because their pairs of values occur in other tests. "
            "To run them too, use `make test-all`, or pytest without `--short`."
        )


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
