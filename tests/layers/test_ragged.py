"""Ragged sequences: global layers pool each by itself, and other layers say what to do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import run
from keras_versions import RAGGED
from layer_inputs import WITH_FORMS, layer_class, needed

import tf_softpool as tsp

L = tsp.layers
LENGTHS = [[3, 1, 0, 5], [0, 2], [0, 0], [4, 4]]


def ragged(lengths, channels=3):
    """Returns random sequences of the given lengths."""
    values = np.random.default_rng(0).normal(size=(sum(lengths), channels)).astype("float32")
    return tf.RaggedTensor.from_row_lengths(values, lengths)


def layer_of(name, **arguments):
    cls = layer_class(f"Global{name}", 1)
    layer = cls(**{**needed(cls), **arguments})
    layer.build((None, None, 3))
    random = np.random.default_rng(1)
    for w in layer.trainable_weights:
        w.assign(random.uniform(0.1, 0.9, w.shape))
    return layer


def one_by_one(layer, x):
    rows = [layer(row[None])[0] if row.shape[0] else np.zeros(3) for row in x]
    return np.stack([np.ravel(row) for row in rows])


@pytest.mark.each_value
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("name", WITH_FORMS)
def test_each_sequence_is_pooled_by_itself(name, lengths):
    x, layer = ragged(lengths), layer_of(name)
    expected = one_by_one(layer, x)
    in_graph = tf.function(layer, input_signature=[tf.RaggedTensorSpec((None, None, 3), ragged_rank=1)])
    with tsp.portable():
        results = [layer(x)]
    for y in (*results, layer(x), in_graph(x)):
        assert tuple(y.shape) == (len(lengths), 3)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@RAGGED
@pytest.mark.parametrize("name", WITH_FORMS)
def test_in_a_functional_model(name):
    x, layer = ragged(LENGTHS[0]), layer_of(name)
    inputs = keras.Input((None, 3), ragged=True)
    model = keras.Model(inputs, layer(inputs))
    for y in (model(x), model.predict(x, verbose=0)):
        np.testing.assert_allclose(y, one_by_one(layer, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", WITH_FORMS)
def test_gradients(name):
    x, layer = ragged([3, 1, 0, 5]), layer_of(name, dtype="float64")
    values = tf.cast(x.values, "float64")

    def gradients(values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            y = layer(x.with_values(values))
            loss = tf.reduce_sum(y * tf.reshape(tf.range(12, dtype="float64"), (4, 3)))
        return tf.convert_to_tensor(tape.gradient(loss, values))

    first = gradients(values)
    assert np.isfinite(first).all()
    np.testing.assert_allclose(run("portable", gradients, values), first, rtol=1e-7, atol=1e-9)


def test_kept_dimensions():
    x, layer = ragged([3, 1, 0, 5]), L.GlobalSoftPooling1D(keepdims=True)
    np.testing.assert_allclose(layer(x)[:, 0], L.GlobalSoftPooling1D()(x))
    assert layer(x).shape == (4, 1, 3)


@RAGGED
def test_a_replaced_layer_takes_them():
    x = tf.ragged.constant([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[1.0, 1.0]]], ragged_rank=1)
    steps = keras.Input((None, 2), ragged=True)
    model = keras.Model(steps, keras.layers.GlobalAveragePooling1D()(steps))
    new, _ = tsp.replace_pooling(model, {"global_average": "soft"})
    w = np.exp([1.0, 3.0, 5.0])
    y = (w * [1, 3, 5]).sum() / w.sum()
    np.testing.assert_allclose(new(x), [[y, y + 1], [1, 1]], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: L.SoftPooling1D(2, name="mine"),
            r"'mine' \(SoftPooling1D\).*x.to_tensor\(\).*sequence_mask",
        ),
        (lambda: L.AdaptiveSoftPooling1D(2), "AdaptiveSoftPooling1D.*does not pool ragged"),
        (lambda: L.StochasticPooling1D(2), "StochasticPooling1D.*does not pool ragged"),
        (lambda: L.S3Pooling1D(2), "S3Pooling1D.*does not pool ragged"),
        (lambda: L.GlobalSoftPooling1D("channels_first"), "GlobalSoftPooling1D.*does not pool ragged"),
    ],
)
def test_layers_that_take_none(make, message):
    with pytest.raises(ValueError, match=message):
        make()(ragged([3, 1]))


def test_other_ragged_axes():
    x = tf.ragged.constant([[[1.0, 2.0], [3.0]], [[1.0]]])
    with pytest.raises(ValueError, match="A ragged tensor must have the shape"):
        L.GlobalSoftPooling1D()(x)
    with pytest.raises(ValueError, match=r"GlobalSoftPooling2D.*does not pool ragged"):
        L.GlobalSoftPooling2D()(tf.RaggedTensor.from_row_lengths(np.zeros((4, 5, 3), "float32"), [3, 1]))


def test_a_ragged_tensor_has_no_mask():
    with pytest.raises(ValueError, match="does not pool ragged"):
        L.GlobalSoftPooling1D()(ragged([3, 1]), mask=np.ones((2, 3), bool))
