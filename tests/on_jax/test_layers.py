"""Layers and rewritten models on JAX: trained, saved, and loaded by the other framework."""

import jax
import keras
import numpy as np
import pytest
from layer_inputs import RANKS, WITH_FORMS, images, layer_class, needed
from many_layers import model

import tf_softpool as tsp

OTHERS = ("GatedPooling", "S3Pooling")


def pools_as_portable(layer, x):
    """Asserts that a layer gives what its standard operations give."""
    y = np.asarray(layer(x))
    with tsp.portable():
        np.testing.assert_allclose(y, np.asarray(layer(x)), rtol=1e-5, atol=1e-6)
    return y


@pytest.mark.each_value
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("form", ["", "Global", "Adaptive"])
@pytest.mark.parametrize("name", [*WITH_FORMS, *OTHERS])
def test_every_layer(name, form, rank):
    if form and name in OTHERS:
        pytest.skip("there is no such layer")
    cls = layer_class(f"{form}{name}", rank)
    x = images(rank)
    layer = cls(**needed(cls))
    y = pools_as_portable(layer, x)
    assert y.shape == layer.compute_output_shape(x.shape)
    functional = keras.Model(inputs := keras.Input(x.shape[1:]), layer(inputs))
    np.testing.assert_array_equal(functional.predict(x, verbose=0), y)


@pytest.mark.each_value
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("name", [*WITH_FORMS, "GatedPooling"])
def test_sizes_that_are_not_known(name, padding):
    """A program that is exported for any size has no size to make a compiled call of."""
    sizes = jax.export.symbolic_shape("b, h, w", constraints=["h >= 3", "w >= 3"])
    layer, x = layer_class(name, 2)(3, 2, padding), images(2)
    layer.build(x.shape)
    program = jax.export.export(jax.jit(lambda x: layer(x)))(jax.ShapeDtypeStruct((*sizes, 3), "float32"))
    np.testing.assert_allclose(program.call(x), layer(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["SoftPooling2D", "DetailPreservingPooling2D", "StochasticPooling2D"])
def test_stateless_calls(name):
    layer = getattr(tsp.layers, name)(2)
    x = images(2)
    layer.build(x.shape)
    before = [v.value for v in layer.non_trainable_variables]
    trained = [v.value for v in layer.trainable_variables]
    draws = {"training": True} if name.startswith("Stochastic") else {}
    y, after = layer.stateless_call(trained, before, x, **draws)
    assert y.shape == layer.compute_output_shape(x.shape)
    # A draw moves the seed on.
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert all(same) == (name != "StochasticPooling2D")


def data():
    """Returns images and numbers to learn from them."""
    random = np.random.default_rng(0)
    x = random.normal(size=(16, 14, 13, 3)).astype("float32")
    return x, random.normal(size=(16, 2)).astype("float32")


@pytest.mark.parametrize("jit_compile", [True, False])
def test_training_makes_a_loss_smaller(jit_compile):
    trained, (x, y) = model(), data()
    trained.compile(keras.optimizers.SGD(1e-3), "mse", jit_compile=jit_compile)
    before = [np.asarray(w) for w in trained.trainable_variables]
    losses = trained.fit(x, y, epochs=6, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    for variable, old in zip(trained.trainable_variables, before, strict=True):
        assert np.isfinite(variable).all()
        assert not np.array_equal(variable, old), variable.path


def test_training_is_that_of_the_portable_form():
    x, y = data()
    results = []
    for choose in (tsp.portable, keras.name_scope):
        keras.utils.set_random_seed(1)
        trained = model()
        with choose() if choose is tsp.portable else choose("compiled"):
            trained.fit(x, y, epochs=2, shuffle=False, verbose=0)
        results.append([np.asarray(w) for w in trained.trainable_variables])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_from_tensorflow_to_jax(tmp_path, on_tensorflow):
    path = str(tmp_path / "model.keras")
    expected = on_tensorflow("save_trained", path, *data())
    loaded = keras.models.load_model(path)
    np.testing.assert_allclose(loaded(data()[0]), expected, rtol=1e-5, atol=1e-5)


def test_from_jax_to_tensorflow(tmp_path, on_tensorflow):
    trained, (x, y) = model(), data()
    trained.fit(x, y, verbose=0)
    trained.save(path := str(tmp_path / "model.keras"))
    np.testing.assert_allclose(on_tensorflow("predictions", path, x), trained(x), rtol=1e-5, atol=1e-5)


def with_plain_poolings():
    """Returns a model with Keras's poolings."""
    layers = keras.layers
    inputs = keras.Input((14, 13, 3))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = layers.AveragePooling2D(3, 1, "same")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("pooling", ["soft", "sorted", "local_importance", "detail_preserving", "median"])
def test_replaced_in_memory(pooling):
    old, (x, _) = with_plain_poolings(), data()
    new, report = tsp.replace_pooling(old, {"max": pooling, "average": "soft"})
    assert len(report.replaced) == 2
    pools_as_portable(new, x)


def test_replaced_in_a_file(tmp_path):
    old, (x, _) = with_plain_poolings(), data()
    old.save(tmp_path / "old.keras")
    report = tsp.replace_pooling_in_file(tmp_path / "old.keras", tmp_path / "new.keras", {"max": "soft"})
    assert len(report.replaced) == 1
    pools_as_portable(keras.models.load_model(tmp_path / "new.keras"), x)
