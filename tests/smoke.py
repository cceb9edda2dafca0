"""A check that an installed package works. Run it from anywhere, with the Python that has the package."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

import tf_softpool as tsp

ROOT = Path(__file__).resolve().parent.parent


def main():
    info = tsp.build_info()
    assert info["error"] is None, info["error"]
    package = Path(tsp.__file__).resolve().parent
    assert package != ROOT / "tf_softpool", "the checkout was imported instead of an installation"
    # Highway must be the one inside the package, and not one that happens to be installed here.
    maps = Path("/proc/self/maps").read_text()
    highway = [line for line in maps.splitlines() if "libhwy" in line]
    assert all(str(package) in line for line in highway), highway

    x = np.random.default_rng(0).normal(size=(2, 8, 8, 5)).astype("float32")
    a = x.reshape(2, 4, 2, 4, 2, 5)
    e = np.exp(a)
    expected = (e * a).sum((2, 4)) / e.sum((2, 4))
    v = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(v)
        y = tsp.soft_pool(v, 2)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    assert np.isfinite(tape.gradient(y, v)).all()

    ranked = np.sort(a.transpose(0, 1, 3, 5, 2, 4).reshape(2, 4, 4, 5, 4))[..., ::-1]
    y = tsp.sorted_pool(x, np.log([8.0, 4.0, 2.0, 1.0]), 2)
    np.testing.assert_allclose(y, ranked @ (np.array([8, 4, 2, 1]) / 15), rtol=1e-5, atol=1e-6)

    y = tsp.importance_pool(x, x, 2)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    y = tsp.detail_preserving_pool(x, None, 1.0, 2.0, 2)
    weights = 1 + (a - a.mean((2, 4), keepdims=True)) ** 2
    np.testing.assert_allclose(y, (weights * a).sum((2, 4)) / weights.sum((2, 4)), rtol=1e-4, atol=1e-5)

    # TensorFlow's wheels before 2.20 lack headers that the library for XLA needs.
    has_xla = tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 20)
    assert info["xla"]["available"] == has_xla, info["xla"]["reason"]
    if has_xla:
        y = tf.function(lambda x: tsp.soft_pool(x, 2), jit_compile=True)(x)
        np.testing.assert_array_equal(y, tsp.soft_pool(x, 2))

    model = keras.Sequential([keras.Input((8, 8, 5)), keras.layers.MaxPooling2D()])
    model, report = tsp.replace_pooling(model, {"max": "soft"})
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.models.load_model(f"{folder}/model.keras")
        np.testing.assert_allclose(loaded(x), expected, rtol=1e-5, atol=1e-6)
    script = Path(sys.executable).with_name("tf-softpool")
    version = subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.strip() == tsp.__version__, version
    print(f"{report}; tf_softpool {info['version']} works, on {info['simd_target']}")


if __name__ == "__main__":
    main()
