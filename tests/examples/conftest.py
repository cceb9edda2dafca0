"""What tests of examples share."""

import pytest
import tensorflow as tf


@pytest.fixture
def eagerly():
    """Runs Keras without graphs. A few steps of a small network take less time than it takes to trace one."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
