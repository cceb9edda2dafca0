"""A check that an installed package works with JAX and without TensorFlow. It is run as `smoke.py` is."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

import tf_softpool as tsp

ROOT = Path(__file__).resolve().parent.parent


def main():
    assert importlib.util.find_spec("tensorflow") is None, "TensorFlow is installed here"
    info = tsp.build_info()
    assert info["error"] is None, info["error"]
    assert info["jax"]["available"], info["jax"]["reason"]
    package = Path(tsp.__file__).resolve().parent
    assert package != ROOT / "tf_softpool", "the checkout was imported instead of an installation"

    x = np.random.default_rng(0).normal(size=(2, 8, 8, 5)).astype("float32")
    a = x.reshape(2, 4, 2, 4, 2, 5)
    e = np.exp(a)
    expected = (e * a).sum((2, 4)) / e.sum((2, 4))
    for function in (lambda x: tsp.soft_pool(x, 2), jax.jit(lambda x: tsp.soft_pool(x, 2))):
        np.testing.assert_allclose(function(x), expected, rtol=1e-5, atol=1e-6)
    found = jax.jit(jax.grad(lambda x: (tsp.soft_pool(x, 2) ** 2).sum()))(x)
    with tsp.portable():
        slopes = jax.grad(lambda x: (tsp.soft_pool(x, 2) ** 2).sum())(x)
    np.testing.assert_allclose(found, slopes, rtol=1e-4, atol=1e-5)

    model = keras.Sequential([keras.Input((8, 8, 5)), keras.layers.MaxPooling2D()])
    model, report = tsp.replace_pooling(model, {"max": "soft"})
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.models.load_model(f"{folder}/model.keras")
        np.testing.assert_allclose(loaded(x), expected, rtol=1e-5, atol=1e-6)
    script = Path(sys.executable).with_name("tf-softpool")
    doctor = subprocess.run([script, "doctor", "--json"], capture_output=True, text=True, check=False)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert json.loads(doctor.stdout)["well"]
    assert "tensorflow" not in sys.modules
    jax_version = info["jax"]["running"]
    print(f"{report}; tf_softpool {info['version']} works on JAX {jax_version}, on {info['simd_target']}")


if __name__ == "__main__":
    main()
