"""The run of the tests on JAX, without TensorFlow: `pytest --confcutdir=tests/on_jax tests/on_jax`."""

from only_jax import HAS_TENSORFLOW  # isort: split

import keras
import pytest
from run_options import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tensorflow_process import TensorFlow

# pytest takes the hooks.
__all__ = [
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]


@pytest.fixture(autouse=True)
def seeded():
    """Sets the seed, so that networks begin with the same weights in every run."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def on_tensorflow():
    """Returns a function that computes in another process what TensorFlow's ops give."""
    if not HAS_TENSORFLOW:
        pytest.skip("TensorFlow is not installed, so there is nothing to compare with")
    process = TensorFlow()
    yield process.ask
    process.end()
