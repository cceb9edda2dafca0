"""Makes this process one with JAX and without TensorFlow. It is imported before Keras and JAX."""

import importlib.util
import os
import sys

HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None

# Whatever imports it now finds that it is absent.
sys.modules["tensorflow"] = None
os.environ["KERAS_BACKEND"] = "jax"
# Some tests divide work between two devices, and some compute in float64.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
os.environ["JAX_ENABLE_X64"] = "1"
