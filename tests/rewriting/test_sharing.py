"""`replace_pooling` with layers and weights that are shared."""

import keras
import numpy as np
import pytest

import tf_softpool as tsp

L = keras.layers
X = np.random.default_rng(0).normal(size=(2, 16, 16, 2)).astype("float32")


class Holder(L.Layer):
    """A layer whose config has the inner layer as an object."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {**super().get_config(), "inner": self.inner}


@pytest.mark.parametrize("inner", [lambda: L.Conv2D(2, 1), lambda: L.TimeDistributed(L.Conv1D(2, 1))])
def test_copies_share_nothing(inner):
    i = keras.Input(X.shape[1:])
    model = keras.Model(i, L.MaxPooling2D(1)(Holder(inner())(i)))
    new, _ = tsp.replace_pooling(model, {"max": "max"})
    assert not {id(v) for v in model.variables} & {id(v) for v in new.variables}
    np.testing.assert_array_equal(new(X), model(X))


def test_weights_that_layers_share_stay_shared():
    dense, i = L.Dense(3, name="dense"), keras.Input((4, 3))
    x = L.TimeDistributed(dense, name="a")(i) + L.TimeDistributed(dense, name="b")(i) + dense(i)
    model = keras.Model(i, L.MaxPooling1D()(x))
    new, report = tsp.replace_pooling(model, {"max": "max"})
    assert new.count_params() == model.count_params() == 12
    assert report.check.carried == 2
    assert not report.notes
    x = np.ones((2, 4, 3), "float32")
    np.testing.assert_array_equal(new(x), model(x))


def test_weights_that_come_apart_are_noted():
    dense, i = L.Dense(3, name="dense"), keras.Input((4, 3))
    inner = keras.Sequential([keras.Input((3,)), dense], name="inner")
    model = keras.Model(i, L.MaxPooling1D()(L.TimeDistributed(inner)(i) + dense(i)))
    with pytest.warns(UserWarning, match="not shared with them"):
        _, report = tsp.replace_pooling(model, {"max": "max"})
    assert len(report.notes) == 1
