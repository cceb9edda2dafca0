"""The layers of sums, norms, mixtures and draws: their variables, XLA, random draws and bad arguments."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import DATA_FORMATS, PADDINGS
from layer_inputs import RANKS, images, layer_class

import tf_softpool as tsp
from tf_softpool.ops import gated_pool, lp_pool, mixed_pool

L = tsp.layers


def lp_of_rho(x, rho, window):
    """Pools as a layer does, given its variable."""
    return lp_pool.pool(x, lp_pool.exponent(tf.convert_to_tensor(rho)), window)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("rank", RANKS)
def test_layers_are_functions_of_their_variables(rank, per_channel, data_format):
    x = images(rank, data_format)
    random = np.random.default_rng(3)
    last = (3,) if per_channel else ()
    arguments = {"padding": "same", "data_format": data_format, "per_channel": per_channel}
    for name, shapes, function in [
        ("LpPooling", [last], lp_of_rho),
        ("MixedPooling", [last], mixed_pool.pool),
        ("GatedPooling", [(3,) * rank + last, last], gated_pool.pool),
    ]:
        layer = layer_class(name, rank)(3, 2, **arguments)
        layer.build(x.shape)
        assert [w.shape for w in layer.weights] == shapes
        for w in layer.weights:
            w.assign(random.uniform(0, 1, w.shape))
        np.testing.assert_array_equal(layer(x), function(x, *layer.weights, layer.window))


def test_how_they_start():
    x = images(2)
    average = tf.nn.avg_pool2d(x, 2, 2, "VALID")
    half = (tf.nn.max_pool2d(x, 2, 2, "VALID") + average) / 2
    near = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(L.MixedPooling2D()(x), half, **near)
    np.testing.assert_allclose(L.GatedPooling2D()(x), half, **near)
    np.testing.assert_allclose(L.SumPooling2D()(x), 4 * average, **near)
    root = np.sqrt(tf.nn.avg_pool2d(x**2, 2, 2, "VALID"))
    np.testing.assert_allclose(L.LpPooling2D()(x), root, **near)
    np.testing.assert_allclose(L.PowerAveragePooling2D()(x), 2 * root, **near)


def test_the_exponent_can_be_looked_at():
    layer = L.LpPooling1D(2, initial_p=3, per_channel=True)
    with pytest.raises(ValueError, match="before it is built"):
        _ = layer.p
    layer.build((None, 4, 5))
    np.testing.assert_allclose(layer.p, [3] * 5, rtol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_variables_keep_their_digits(policy):
    for layer in (
        L.LpPooling2D(dtype=policy),
        L.MixedPooling2D(dtype=policy),
        L.GatedPooling2D(dtype=policy),
    ):
        layer(images(2))
        kept = "float64" if policy == "float64" else "float32"
        assert {w.dtype for w in layer.weights} == {kept}


def test_a_mix_stays_between_max_and_average():
    model = keras.Sequential([keras.Input((4, 1)), L.MixedPooling1D(2, name="pool")])
    model.compile(keras.optimizers.SGD(10.0), "mse")
    x = np.array([0.0, 1.0, 0.0, 1.0], "float32").reshape(1, 4, 1)
    for target, end in ((9.0, 1), (-9.0, 0), (9.0, 1)):
        model.fit(x, np.full((1, 2, 1), target), verbose=0)
        assert float(model.get_layer("pool").mix) == end


def test_learns_what_made_the_data():
    x = np.random.default_rng(0).normal(size=(32, 8, 8, 2)).astype("float32")
    kind = np.tile(np.array([[0.9, -0.9]]), (4, 1)).reshape(2, 2, 2)
    for truth, layer, start in [
        (lp_of_rho, L.LpPooling2D(per_channel=True), [np.array([-1.0, 3.0])]),
        (mixed_pool.pool, L.MixedPooling2D(per_channel=True), [np.array([0.2, 0.9])]),
        (gated_pool.pool, L.GatedPooling2D(per_channel=True), [kind, np.array([-1.0, 1.0])]),
    ]:
        y = truth(x, *start, layer.window)
        model = keras.Sequential([keras.Input((8, 8, 2)), layer])
        model.compile(keras.optimizers.Adam(0.1), "mse", jit_compile=False)
        for _ in range(150):
            model.train_on_batch(x, y)
        for w, value in zip(layer.weights, start, strict=True):
            np.testing.assert_allclose(w, value, atol=0.03)


def standard_model():
    inputs = keras.Input((16, 16, 3))
    x = L.SumPooling2D(2, 1)(inputs)
    x = L.PowerAveragePooling2D(3, 1, p=3)(x)
    x = L.LpPooling2D(2, 1, "same")(x)
    x = L.MixedPooling2D(2, 1)(x)
    x = L.GatedPooling2D(3, 1, "same", per_channel=True)(x - 5.0)
    x = L.StochasticPooling2D(2, seed=1)(x)
    return keras.Model(inputs, L.S3Pooling2D(2, grid_size=4, seed=2)(x))


def test_xla_computes_the_same():
    model = standard_model()
    assert all(layer.supports_jit for layer in model.layers)
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    compiled = tf.function(model, jit_compile=True)
    np.testing.assert_allclose(compiled(x, training=False), model(x), rtol=1e-5, atol=1e-5)
    model.compile("sgd", "mse", jit_compile=True)
    assert np.isfinite(model.train_on_batch(x, np.zeros(model(x).shape)))


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("rank", RANKS)
def test_training_gives_the_same_shapes(rank, padding, data_format):
    x = images(rank, data_format)
    for size, strides, grid in ((2, 2, 4), (3, 2, 2), (1, 2, 6), (2, 3, None), (3, 1, 3)):
        expected = layer_class("MaxPooling", rank, keras.layers)(size, strides, padding, data_format)
        shape = expected.compute_output_shape(x.shape)
        s3 = layer_class("S3Pooling", rank)(size, strides, padding, data_format, grid_size=grid)
        assert s3(x, training=True).shape == shape
        stochastic = layer_class("StochasticPooling", rank)(size, strides, padding, data_format)
        assert stochastic(x, training=True).shape == shape


def test_keras_tells_them_when_it_trains():
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 2)).astype("float32")
    model = keras.Sequential([keras.Input((8, 8, 2)), L.StochasticPooling2D(), L.S3Pooling2D()])
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), rtol=1e-6)
    assert np.abs(np.asarray(model(x, training=True)) - np.asarray(model(x))).max() > 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.SumPooling2D(0), "pool_size"),
        (lambda: L.SumPooling2D(5)(np.zeros((1, 4, 4, 1), "f4")), "larger"),
        (lambda: L.SumPooling2D(2)(np.zeros((1, 4, 4), "f4")), "ndim"),
        (lambda: L.SumPooling2D(2)(np.zeros((1, 4, 4, 1), "i4")), "one of the types"),
        (lambda: L.PowerAveragePooling2D(p=0.5), "`p` must be a number of at least 1, or infinity, got 0.5"),
        (lambda: L.LpPooling2D(initial_p=1), "`initial_p` must be a finite number above 1, got 1"),
        (lambda: L.LpPooling2D(initial_p="2"), "`initial_p` must be a finite number above 1"),
        (lambda: L.LpPooling2D(per_channel=True)(keras.Input((8, 8, None))), "channels must be known"),
        (lambda: L.MixedPooling2D(mix=1.1), "`mix` must be None or a number from 0 to 1, got 1.1"),
        (lambda: L.MixedPooling2D(mix=0.5, per_channel=True), "for a learned mix"),
        (lambda: L.MixedPooling2D(mix=0.5, mix_initializer="ones"), "for a learned mix"),
        (lambda: L.MixedPooling2D(mix_initializer="fives"), "fives"),
        (lambda: L.MixedPooling2D(per_channel=True).build((4,)), "rank"),
        (lambda: L.GatedPooling2D(bias_initializer="fives"), "fives"),
        (lambda: L.GatedPooling2D(per_channel=True)(keras.Input((8, 8, None))), "channels must be known"),
        (lambda: L.StochasticPooling2D(seed="now"), "seed"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
