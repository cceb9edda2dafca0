"""What tests of examples share."""

import numpy as np
import pytest
import tensorflow as tf
from experiments import data


@pytest.fixture(scope="session")
def bars():
    """Returns pictures with a bar whose place is their class, in the form of Fashion-MNIST."""
    random = np.random.default_rng(0)
    y = random.integers(0, 10, 4000).astype("int32")
    x = random.uniform(0, 0.3, (4000, 28, 28, 1)).astype("float32")
    rows = np.arange(28)
    x[np.abs(rows - 2.5 * y[:, None] - 2) < 2] += 0.7
    return x[:2000], y[:2000], x[2000:], y[2000:]


@pytest.fixture(autouse=True)
def no_fashion(bars, monkeypatch):
    """Takes the place of Fashion-MNIST, which is large and may be missing."""
    monkeypatch.setattr(data, "fashion_mnist", lambda: bars)


@pytest.fixture
def eagerly():
    """Runs Keras without graphs. A few steps of a small network take less time than it takes to trace one."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
