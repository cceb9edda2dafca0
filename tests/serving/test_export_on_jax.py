"""Keras's own exports where Keras runs on JAX: what is served has standard operations."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import python

EXPORT = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np
import tf_softpool as tsp

layers = [keras.Input({input}), tsp.layers.SoftPooling2D(3, 2, "same"), tsp.layers.SortedPooling2D()]
model = keras.Sequential([*layers, tsp.layers.GlobalLpPooling2D()])
assert tsp.build_info()["jax"]["available"]
model.export({out!r}, verbose=False)
x = np.random.default_rng(0).normal(size=(2, 8, 9, 3)).astype("float32")
np.save({out!r} + "/expected.npy", model(x))
"""


@pytest.mark.parametrize("shape", ["shape=(8, 9, 3)", "shape=(None, None, 3)", "batch_shape=(2, 8, 9, 3)"])
def test_a_saved_model(shape, tmp_path):
    pytest.importorskip("jax")
    python(EXPORT.format(input=shape, out=str(tmp_path)))
    x = np.random.default_rng(0).normal(size=(2, 8, 9, 3)).astype("float32")
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.serve(x), np.load(tmp_path / "expected.npy"), rtol=1e-5, atol=1e-6)
