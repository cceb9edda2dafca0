"""The portable forms of layers on Keras's other backends: results and training.

`tests/on_jax` tests the compiled ops of JAX. PyTorch has none.
"""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import python

import tf_softpool as tsp

CODE = """
import os, sys
os.environ["KERAS_BACKEND"] = sys.argv[1]
import warnings
warnings.simplefilter("error", RuntimeWarning)
import keras, numpy as np
import tf_softpool as tsp

assert "tensorflow" not in sys.modules or sys.argv[1] == "tensorflow"
x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype("float32")
inputs = keras.Input((None, None, 3))
outputs = tsp.layers.SoftPooling2D(3, 2, "same")(inputs)
outputs = tsp.layers.DetailPreservingPooling2D(2, 1, "same", alpha_initializer="ones")(outputs)
outputs = tsp.layers.DetailPreservingPooling2D(2, 1, "same", variant="full", symmetric=False)(outputs)
start = tsp.layers.CenterTap()
outputs = tsp.layers.LocalImportancePooling2D(2, 1, "same", kernel_initializer=start)(outputs)
outputs = tsp.layers.SortedPooling2D(2, 1, rank_initializer=tsp.layers.LeadingRank(0.6))(outputs)
outputs = tsp.layers.LpPooling2D(2, 1, initial_p=3, per_channel=True)(outputs)
outputs = tsp.layers.GatedPooling2D(2, 1, "same", bias_initializer="ones")(outputs)
outputs = tsp.layers.StochasticPooling2D(2, 1, "same", seed=1)(outputs)
outputs = tsp.layers.S3Pooling2D(2, 1, "same", seed=1)(outputs)
outputs = tsp.layers.MedianPooling2D(3, 1, "same")(outputs)
outputs = tsp.layers.AdaptiveMixedPooling2D((2, 3))(outputs)
outputs = tsp.layers.AdaptiveDetailPreservingPooling2D(2, variant="full")(outputs)
whole = tsp.layers.GlobalSortedPooling2D(pool_range=3)(outputs), tsp.layers.GlobalLpPooling2D()(outputs)
model = keras.Model(inputs, keras.ops.add(*whole) + tsp.layers.GlobalSoftPooling2D()(outputs))
portable = tsp.portable()
portable.__enter__()
np.save(sys.argv[2], keras.ops.convert_to_numpy(model(x)))
layers = [
    tsp.layers.DetailPreservingPooling2D(3, 1, "same", variant="full"),
    tsp.layers.LocalImportancePooling2D(2, 1, "same"),
    tsp.layers.StochasticPooling2D(),
    tsp.layers.S3Pooling2D(2, pooling=tsp.layers.MixedPooling2D),
]
model = keras.Sequential([keras.Input((7, 8, 3)), *layers])
model.compile("sgd", "mse")
assert np.isfinite(model.train_on_batch(x, np.zeros((2, 1, 2, 3), "float32")))
assert all(np.isfinite(np.asarray(keras.ops.convert_to_numpy(w))).all() for w in model.weights)
embedding, last = keras.layers.Embedding(9, 3, mask_zero=True), keras.layers.LSTM(4)
model = keras.Sequential([embedding, tsp.layers.SoftPooling1D(), last])
y = keras.ops.convert_to_numpy(model(np.array([[1, 2, 3, 4, 0, 0]])))
short = keras.ops.convert_to_numpy(model(np.array([[1, 2, 3, 4]])))
np.testing.assert_allclose(y, short, rtol=1e-5, atol=1e-6)
try:
    tsp.compare(x)
except RuntimeError as error:
    assert f"not with {sys.argv[1]}" in str(error)
else:
    raise AssertionError("compare did not refuse this backend")
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_numbers(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    out = tmp_path / "y.npy"
    subprocess.run([sys.executable, "-c", CODE, backend, str(out)], check=True)
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype("float32")
    expected = tsp.layers.SoftPooling2D(3, 2, "same")(x)
    expected = tsp.layers.DetailPreservingPooling2D(2, 1, "same", alpha_initializer="ones")(expected)
    expected = tsp.layers.DetailPreservingPooling2D(2, 1, "same", variant="full", symmetric=False)(expected)
    start = tsp.layers.CenterTap()
    expected = tsp.layers.LocalImportancePooling2D(2, 1, "same", kernel_initializer=start)(expected)
    start = tsp.layers.LeadingRank(0.6)
    expected = tsp.layers.SortedPooling2D(2, 1, rank_initializer=start)(expected)
    expected = tsp.layers.LpPooling2D(2, 1, initial_p=3)(expected)
    expected = tsp.layers.GatedPooling2D(2, 1, "same", bias_initializer="ones")(expected)
    expected = tsp.layers.StochasticPooling2D(2, 1, "same")(expected)
    expected = tsp.layers.S3Pooling2D(2, 1, "same")(expected)
    expected = tsp.layers.MedianPooling2D(3, 1, "same")(expected)
    expected = tsp.layers.AdaptiveMixedPooling2D((2, 3))(expected)
    expected = tsp.layers.AdaptiveDetailPreservingPooling2D(2, variant="full")(expected)
    whole = tsp.layers.GlobalSortedPooling2D(pool_range=3)(expected), tsp.layers.GlobalLpPooling2D()(expected)
    expected = whole[0] + whole[1] + tsp.layers.GlobalSoftPooling2D()(expected)
    np.testing.assert_allclose(np.load(out), expected, rtol=1e-5, atol=1e-6)


EVERY_LAYER = """
import os, sys
os.environ["KERAS_BACKEND"] = sys.argv[1]
import keras, numpy as np
import tf_softpool as tsp
from layer_inputs import needed

x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype("float32")
windows = [{"pool_size": 3, "strides": 2, "padding": "same"}, {"pool_size": 2, "strides": 1}]
pooled = {}
with tsp.portable():
    for name in [name for name in tsp.layers.__all__ if name.endswith("2D")]:
        cls = getattr(tsp.layers, name)
        for i, arguments in enumerate([needed(cls)] if name.startswith(("Adaptive", "Global")) else windows):
            layer = cls(**arguments)
            layer.build(x.shape)
            random = np.random.default_rng(1)
            for weight in layer.trainable_variables:
                weight.assign(random.uniform(0.2, 0.6, weight.shape).astype("float32"))
            pooled[f"{name} {i}"] = keras.ops.convert_to_numpy(layer(x))
np.savez(sys.argv[2], **pooled)
"""


# JAX compiles each operation of each layer, which takes a minute. Its model above has most of the layers.
@pytest.mark.parametrize("backend", ["torch"])
def test_every_layer(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for each in (backend, "tensorflow"):
        path = tmp_path / f"{each}.npz"
        subprocess.run([sys.executable, "-c", EVERY_LAYER, each, str(path)], check=True, env=environment)
    found, expected = np.load(tmp_path / f"{backend}.npz"), np.load(tmp_path / "tensorflow.npz")
    assert found.files == expected.files
    assert len(found.files) > 40
    for name in found.files:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_jax_chooses_a_form_in_and_out_of_a_trace():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    print_differences = """
    import os
    os.environ["KERAS_BACKEND"] = "jax"
    import jax, numpy as np
    import tf_softpool as tsp
    from tf_softpool.ops.soft_pool import exact_soft_pool
    from tf_softpool.ops.window import PoolWindow

    def pool(x):
        with tsp.portable():
            return tsp.soft_pool(x, 3, 2, "same")

    def exactly(x):
        return exact_soft_pool(x, PoolWindow.of(2, 3, 2, "same"), "exact")

    def gradient(function):
        return jax.grad(lambda x: (function(x) * weights).sum())

    random = np.random.default_rng(0)
    weights = random.normal(size=(2, 4, 4, 3)).astype("float32")
    # Numbers that the quick form takes, and numbers that it does not take.
    for size in (1, 1e3, 1e30):
        x = (size * random.normal(size=(2, 7, 8, 3))).astype("float32")
        for made in (lambda f: f, jax.jit, lambda f: jax.vmap(lambda image: f(image[None])[0])):
            print(abs(made(pool)(x) - exactly(x)).max() / size)
        for made in (lambda f: f, jax.jit):
            found, expected = made(gradient(pool))(x), gradient(exactly)(x)
            print(abs(found - expected).max() / abs(expected).max())
    """
    differences = [float(line) for line in python(print_differences).split()]
    assert len(differences) == 15
    assert max(differences) < 2e-6
