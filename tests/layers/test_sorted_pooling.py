"""The layers of sorted-weight pooling: their weights, learning and bad arguments."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import DATA_FORMATS
from layer_inputs import RANKS, images, layer_class

import tf_softpool as tsp

Sorted2D = tsp.layers.SortedPooling2D


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("pool_range", [None, 1, 3])
@pytest.mark.parametrize("rank", RANKS)
def test_is_the_function_of_its_weights(rank, pool_range, per_channel, data_format):
    x = images(rank, data_format)
    layer = layer_class("SortedPooling", rank)(
        3,
        2,
        "same",
        data_format,
        pool_range=pool_range,
        per_channel=per_channel,
        rank_initializer="random_normal",
    )
    y = layer(x)
    ranks = pool_range or 3**rank
    assert layer.rank_logits.shape == ((ranks, 3) if per_channel else (ranks,))
    expected = tsp.sorted_pool(x, layer.rank_logits, 3, 2, "same", data_format)
    np.testing.assert_array_equal(y, expected)
    with tsp.portable():
        np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)


def test_weights_can_be_looked_at():
    layer = Sorted2D(2, per_channel=True, rank_initializer="random_normal")
    with pytest.raises(ValueError, match="before it is built"):
        _ = layer.rank_weights
    layer.build((None, 8, 8, 5))
    weights = np.asarray(layer.rank_weights)
    assert weights.shape == (4, 5)
    np.testing.assert_allclose(weights.sum(0), 1, rtol=1e-6)
    np.testing.assert_allclose(weights, np.asarray(tf.nn.softmax(layer.rank_logits, axis=0)), rtol=1e-6)
    plain = Sorted2D(2, normalize="none", rank_initializer=keras.initializers.Constant(0.5))
    plain.build((None, 8, 8, 5))
    np.testing.assert_array_equal(plain.rank_weights, [0.5] * 4)
    x = images(2)
    np.testing.assert_allclose(plain(x), 4 * 0.5 * tf.nn.avg_pool2d(x, 2, 2, "VALID"), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_keep_their_digits_in_mixed_precision(policy):
    layer = Sorted2D(2, dtype=policy, rank_initializer=keras.initializers.Constant(1.2345678))
    x = images(2)
    y = layer(x)
    assert layer.rank_logits.dtype == "float32"
    assert y.dtype == layer.compute_dtype
    expected = tsp.sorted_pool(tf.cast(x, layer.compute_dtype), layer.rank_logits, 2)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("normalize", ["softmax", "none"])
def test_learns_the_weights_that_made_the_data(normalize):
    x = np.random.default_rng(0).normal(size=(64, 8, 8, 3)).astype("float32")
    truth = np.array([0.1, 0.6, 0.05, 0.25], "float32")
    logits = np.log(truth) if normalize == "softmax" else truth
    y = tsp.sorted_pool(x, logits, 2, normalize=normalize)
    layer = Sorted2D(2, normalize=normalize)
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(x, y, epochs=60, verbose=0)
    np.testing.assert_allclose(layer.rank_weights, truth, atol=0.01)


def test_regularizers_and_constraints_hold():
    layer = Sorted2D(2, rank_initializer="ones", rank_regularizer=keras.regularizers.L1(0.25))
    layer.build((None, 8, 8, 1))
    assert float(sum(layer.losses)) == 1.0
    layer = Sorted2D(2, normalize="none", rank_constraint="non_neg", rank_initializer="ones")
    model = keras.Sequential([keras.Input((4, 4, 1)), layer])
    model.compile(keras.optimizers.SGD(10.0), "mse")
    model.fit(np.ones((4, 4, 4, 1)), np.full((4, 2, 2, 1), -9.0), verbose=0)
    assert (np.asarray(layer.rank_weights) >= 0).all()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
@pytest.mark.parametrize("shape", [(1,), (4,), (9, 3)])
def test_leading_rank(shape, share):
    logits = tsp.layers.LeadingRank(share)(shape, "float32")
    weights = np.asarray(tf.nn.softmax(logits, axis=0))
    assert weights.shape == shape
    np.testing.assert_allclose(weights[0], share if shape[0] > 1 else 1, rtol=1e-5)
    np.testing.assert_allclose(weights.sum(0), 1, rtol=1e-5)
    # On some processors, TensorFlow's softmax of equal logits differs in the last bit.
    np.testing.assert_allclose(weights[1:], np.broadcast_to(weights[1:2], weights[1:].shape), rtol=1e-6)


def test_function_in_a_functional_model(tmp_path):
    x, w = keras.Input((None, None, 3)), keras.Input(batch_shape=(4,))
    model = keras.Model([x, w], tsp.sorted_pool(x, w, (3, 2), 2, "same", normalize="none"))
    assert model.output.shape == (None, None, None, 3)
    fixed = keras.Model(x, tsp.sorted_pool(x, np.array([2.0, 1.0, 0.0], "float32"), 3))
    for m, inputs in ((model, [images(2), np.arange(4.0, dtype="float32")]), (fixed, images(2))):
        m.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(loaded(inputs), m(inputs))
    np.testing.assert_array_equal(fixed(images(2)), tsp.sorted_pool(images(2), [2.0, 1.0, 0.0], 3))
    assert fixed.layers[-1].supports_jit == tsp.build_info()["xla"]["available"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sorted2D(0), "pool_size"),
        (lambda: Sorted2D(2, pool_range=0), "pool_range.*from 1 to 4.*got 0"),
        (lambda: Sorted2D(2, pool_range=5), "pool_range.*from 1 to 4.*got 5"),
        (lambda: Sorted2D((3, 2), pool_range=-1), "pool_range.*from 1 to 6"),
        (lambda: Sorted2D(2, pool_range=1.5), "pool_range"),
        (lambda: Sorted2D(2, pool_range=True), "pool_range"),
        (lambda: Sorted2D(2, normalize="l2"), "normalize"),
        (lambda: Sorted2D(2, rank_initializer="zeroes"), "zeroes"),
        (lambda: Sorted2D(2, rank_regularizer="l3"), "l3"),
        (lambda: Sorted2D(2, rank_constraint="positive"), "positive"),
        (lambda: Sorted2D(2, per_channel=True)(keras.Input((8, 8, None))), "channels must be known"),
        (lambda: Sorted2D()(np.zeros((1, 4, 4), "f4")), "ndim"),
        (lambda: Sorted2D(5)(np.zeros((1, 4, 4, 1), "f4")), "larger"),
        (lambda: Sorted2D(2, per_channel=True, data_format="channels_first").build((4,)), "rank"),
        (lambda: Sorted2D(2, normalize="none", rank_initializer=tsp.layers.LeadingRank()), "LeadingRank"),
        (lambda: tsp.layers.LeadingRank(1), "share"),
        (lambda: tsp.layers.LeadingRank(0.0), "share"),
        (lambda: tsp.layers.LeadingRank("most"), "share"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_another_number_of_channels_is_an_error():
    layer = Sorted2D(2, per_channel=True)
    layer(np.zeros((1, 4, 4, 3), "f4"))
    with pytest.raises(ValueError, match="axis"):
        layer(np.zeros((1, 4, 4, 2), "f4"))
