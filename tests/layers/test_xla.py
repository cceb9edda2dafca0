"""Models with our layers, compiled for XLA: training, evaluation, prediction and saving."""

import keras
import numpy as np
import pytest
from layer_inputs import RANKS, images, layer_class

import tf_softpool as tsp

LAYERS = [
    (layer_class(name, rank), rank, arguments)
    for rank in RANKS
    for name, arguments in [
        ("SoftPooling", {"padding": "same"}),
        ("GlobalSoftPooling", {"keepdims": True}),
        ("SortedPooling", {"pool_size": 3, "pool_range": 2}),
        ("LocalImportancePooling", {}),
        ("DetailPreservingPooling", {"pool_size": 3, "strides": 2, "padding": "same"}),
        ("DetailPreservingPooling", {"variant": "full"}),
        ("S3Pooling", {"pooling": layer_class("SoftPooling", rank)}),
        ("AdaptiveSoftPooling", {"output_size": 4}),
        ("GlobalLpPooling", {}),
        ("MedianPooling", {"pool_size": 3, "strides": 1, "padding": "same"}),
    ]
]


def model_of(layer, rank, arguments, dtype=None):
    """Returns a small network with the layer between other layers."""
    shape = images(rank).shape[1:]
    return keras.Sequential(
        [
            keras.Input(shape),
            layer_class("Conv", rank, keras.layers)(4, 3, padding="same", dtype=dtype),
            layer(dtype=dtype, **arguments),
            keras.layers.Flatten(dtype=dtype),
            keras.layers.Dense(1, dtype="float32"),
        ]
    )


@pytest.mark.each_value
@pytest.mark.parametrize(("layer", "rank", "arguments"), LAYERS)
def test_trains_as_it_does_outside(layer, rank, arguments):
    # Ten images are trained in batches of four. The last batch has another size, so the model compiles again.
    x = np.concatenate([images(rank)] * 5)
    x = x + np.random.default_rng(1).normal(0, 0.1, x.shape).astype("float32")
    y = x.mean(axis=tuple(range(1, x.ndim)))[:, None]
    inside, outside = (model_of(layer, rank, arguments) for _ in range(2))
    outside.set_weights(inside.get_weights())
    history = []
    for model, jit in ((inside, True), (outside, False)):
        assert all(layer.supports_jit for layer in model.layers)
        model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=jit)
        assert model.jit_compile == jit
        history.append(model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"])
    # S3Pooling draws random positions in training, so its losses differ.
    if "S3" not in layer.__name__:
        np.testing.assert_allclose(*history, rtol=1e-3)
        for a, b in zip(inside.get_weights(), outside.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    outside.set_weights(inside.get_weights())
    predicted = inside.predict(x, batch_size=4, verbose=0)
    np.testing.assert_allclose(predicted, outside.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    losses = [model.evaluate(x, y, batch_size=3, verbose=0) for model in (inside, outside)]
    np.testing.assert_allclose(*losses, rtol=1e-4, atol=1e-7)


@pytest.mark.each_value
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("name", ["SoftPooling", "SortedPooling", "LocalImportancePooling"])
def test_other_types(name, dtype):
    model = model_of(layer_class(name, 2), 2, {}, dtype)
    model.compile("sgd", "mse", jit_compile=True)
    x = images(2)
    before = model.predict(x, verbose=0)
    model.fit(x, np.zeros((2, 1)), verbose=0, epochs=3)
    assert np.isfinite(before).all()
    assert (model.predict(x, verbose=0) != before).any()


def test_a_saved_model_compiles(tmp_path):
    model = model_of(tsp.layers.SoftPooling2D, 2, {})
    model.compile("sgd", "mse", jit_compile=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.jit_compile
    x = images(2)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)


def test_replaced_poolings_compile():
    pools = [keras.layers.MaxPooling2D(2), keras.layers.AveragePooling2D(2)]
    model = keras.Sequential([keras.Input((16, 16, 3)), *pools])
    model, _ = tsp.replace_pooling(model, {"max": "soft", "average": "sorted"})
    model.compile("sgd", "mse", jit_compile=True)
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), rtol=1e-5)
