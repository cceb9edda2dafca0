"""`replace_pooling` with Functional and Sequential models that are subclasses."""

import keras
import numpy as np
import pytest

import tf_softpool as tsp

L = keras.layers
X = np.random.default_rng(0).normal(size=(2, 16, 16, 2)).astype("float32")


def predictions(model):
    return model.predict(X, verbose=0)


@keras.saving.register_keras_serializable("tests")
class Doubling(keras.Sequential):
    def call(self, x):
        return 2 * super().call(x)


class Counting(keras.Model):
    def train_step(self, data):
        self.steps = getattr(self, "steps", 0) + 1
        return super().train_step(data)


@keras.saving.register_keras_serializable("tests")
class Backbone(keras.Model):
    """A Functional model that makes its layers in its constructor."""

    def __init__(self, width, **kwargs):
        i = keras.Input(X.shape[1:])
        super().__init__(i, L.MaxPooling2D(name="pool")(L.Conv2D(width, 1)(i)), **kwargs)
        self.width = width

    def get_config(self):
        return {"width": self.width, "name": self.name}


def test_a_sequence_that_does_more():
    model = Doubling([keras.Input(X.shape[1:]), L.Conv2D(2, 1), L.MaxPooling2D(name="pool")])
    new, report = tsp.replace_pooling(model, {"max": "max"})
    assert type(new) is Doubling
    assert len(report.replaced) == 1
    np.testing.assert_array_equal(predictions(new), predictions(model))
    new, _ = tsp.replace_pooling(model, {"max": "soft"})
    assert type(new.layers[-1]) is tsp.layers.SoftPooling2D
    np.testing.assert_allclose(predictions(new), 2 * tsp.soft_pool(model.layers[0](X), 2), rtol=1e-6)


def test_a_class_with_its_own_training_is_kept():
    i = keras.Input(X.shape[1:])
    model = Counting(i, L.GlobalAveragePooling2D()(L.Conv2D(2, 1)(i)))
    model.compile("sgd", "mse", run_eagerly=True)
    new, _ = tsp.replace_pooling(model, {"global_average": "soft"})
    assert type(new) is Counting
    new.fit(X, np.zeros((2, 2)), verbose=0)
    assert new.steps == 1
    assert not hasattr(model, "steps")


def test_a_class_whose_config_has_no_place_for_the_pooling_is_said():
    model = Backbone(3)
    with pytest.warns(UserWarning, match="is of class Functional, not Backbone"):
        new, report = tsp.replace_pooling(model, {"max": "max"})
    np.testing.assert_array_equal(predictions(new), predictions(model))
    assert len(report.notes) == 1


def test_a_class_inside_a_wrapper_is_noted_as_well():
    """The wrapper's config describes the model, so the copy is made from a description."""
    model = keras.Sequential([keras.Input((3, *X.shape[1:])), L.TimeDistributed(Backbone(3), name="wrapper")])
    with pytest.warns(UserWarning, match="is of class Functional, not Backbone"):
        new, report = tsp.replace_pooling(model, {"max": "soft"})
    assert len(report.notes) == 1
    assert [f.path for f in report.replaced] == [f"wrapper/{model.layers[0].layer.name}/pool"]
    x = np.stack([X] * 3, axis=1)
    one = new.layers[0].layer.predict(X, verbose=0)
    np.testing.assert_allclose(new.predict(x, verbose=0)[:, 1], one, rtol=1e-6)
