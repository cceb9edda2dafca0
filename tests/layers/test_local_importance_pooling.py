"""The layers of local importance pooling: their start, their logits, learning and bad arguments."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import weighted_oracle
from cases import DATA_FORMATS, PADDINGS
from keras_versions import losses
from layer_inputs import RANKS, images, layer_class, needed

import tf_softpool as tsp

L = tsp.layers
Constant = keras.initializers.Constant
CenterTap = L.CenterTap
NEAR = {"rtol": 1e-5, "atol": 1e-5}


def logits_of(x, kernel, gamma, beta):
    """Computes the network's logits, with channels last: convolution, normalisation, 12 sigmoid."""
    x, spatial = x.astype(np.float64), x.shape[1:-1]
    pads = [((size - 1) // 2, size // 2) for size in kernel.shape[:-2]]
    padded = np.pad(x, [(0, 0), *pads, (0, 0)])
    y = np.zeros((*x.shape[:-1], kernel.shape[-1]))
    for tap in itertools.product(*map(range, kernel.shape[:-2])):
        part = tuple(slice(t, t + n) for t, n in zip(tap, spatial, strict=True))
        y += padded[(slice(None), *part)] @ kernel[tap]
    axes = tuple(range(1, x.ndim - 1))
    y = (y - y.mean(axes, keepdims=True)) / np.sqrt(y.var(axes, keepdims=True) + 1e-3)
    return 12 / (1 + np.exp(-(gamma * y + beta)))


def changed(layer, input_shape):
    """Builds a layer, gives it random variables and returns it."""
    random = np.random.default_rng(1)
    layer.build(input_shape)
    for w in layer.weights:
        w.assign(random.normal(0.5, 1, w.shape))
    return layer


def average(x, size, strides, padding, data_format):
    """Computes average pooling. On a CPU, Keras cannot do it with channels first."""
    x = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
    y = np.asarray(layer_class("AveragePooling", x.ndim - 2, keras.layers)(size, strides, padding)(x))
    return np.moveaxis(y, -1, 1) if data_format == "channels_first" else y


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 2)])
@pytest.mark.parametrize("rank", RANKS)
def test_starts_as_average_pooling(rank, size, strides, padding, data_format):
    x = images(rank, data_format)
    layer = layer_class("LocalImportancePooling", rank)(size, strides, padding, data_format)
    expected = average(x, size, strides, padding, data_format)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(layer.logits(x), np.full(x.shape, 6.0))


@pytest.mark.parametrize("kernel_size", [1, 2, 3])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
def test_is_the_pooling_of_its_networks_logits(rank, data_format, kernel_size):
    x = images(rank, data_format)
    layer = layer_class("LocalImportancePooling", rank)(3, 2, "same", data_format, kernel_size=kernel_size)
    changed(layer, x.shape)
    last = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
    logits = logits_of(last, *(w.numpy() for w in layer.weights))
    y, _ = weighted_oracle.importance_pool(last, logits, (3,) * rank, (2,) * rank, "same", "channels_last")
    if data_format == "channels_first":
        logits, y = np.moveaxis(logits, -1, 1), np.moveaxis(y, -1, 1)
    np.testing.assert_allclose(layer.logits(x), logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layer(x), y, rtol=1e-4, atol=1e-4)
    with tsp.portable():
        np.testing.assert_allclose(layer(x), y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_logits_are_between_0_and_12(scale, policy):
    x = scale * images(2)
    options = {"kernel_initializer": "glorot_uniform", "scale_initializer": Constant(5.0), "dtype": policy}
    layer = L.LocalImportancePooling2D(**options)
    y = layer(x)
    logits = np.asarray(layer.logits(tf.cast(x, layer.compute_dtype)))
    assert logits.shape == x.shape
    assert logits.min() >= 0
    assert logits.max() <= 12
    assert np.ptp(logits.astype("float32")) > (1 if scale < 1 else 8)
    assert np.isfinite(np.asarray(y, "float32")).all()


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
def test_variables(rank, data_format):
    x = images(rank, data_format, channels=5)
    layer = layer_class("LocalImportancePooling", rank)(data_format=data_format, scale_initializer="zeros")
    layer.build(x.shape)
    assert [(w.name, w.shape) for w in layer.trainable_weights] == [
        ("kernel", (3,) * rank + (5, 5)),
        ("gamma", (5,)),
        ("beta", (5,)),
    ]
    assert not any(np.any(w) for w in layer.weights)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
def test_with_a_center_tap_larger_values_get_larger_logits(rank, data_format):
    x = images(rank, data_format)
    layer = layer_class("LocalImportancePooling", rank)(
        2, data_format=data_format, kernel_initializer=CenterTap()
    )
    y, logits = np.asarray(layer(x)), np.asarray(layer.logits(x))
    axis = -1 if data_format == "channels_last" else 1
    for values, of_values in zip(np.moveaxis(x, axis, 1), np.moveaxis(logits, axis, 1), strict=True):
        for channel, of_channel in zip(values, of_values, strict=True):
            order = np.argsort(channel, axis=None)
            assert (np.diff(of_channel.ravel()[order]) > 0).all()
    assert (y > average(x, 2, 2, "valid", data_format)).all()
    if data_format == "channels_last":
        assert (y < np.asarray(layer_class("MaxPooling", rank, keras.layers)(2)(x))).all()


def test_each_image_and_channel_is_normalised_by_itself():
    x = images(2)
    layer = changed(L.LocalImportancePooling2D(2, kernel_initializer=CenterTap()), x.shape)
    np.testing.assert_allclose(layer(x[1:]), layer(x)[1:], **NEAR)
    layer = L.LocalImportancePooling2D(2, kernel_initializer=CenterTap())
    layer.build(x.shape)
    moved = x * np.array([1.0, 50.0, 2.0], "float32") + np.array([0.0, -3.0, 9.0], "float32")
    # The normalisation adds 0.001 to the variance, so the logits are only nearly the same.
    np.testing.assert_allclose(layer.logits(moved), layer.logits(x), atol=0.02)


def test_the_network_learns():
    x = np.random.default_rng(0).normal(size=(32, 8, 8, 2)).astype("float32")
    layer = L.LocalImportancePooling2D(2)
    model = keras.Sequential([keras.Input((8, 8, 2)), layer])
    start = [w.numpy() for w in layer.trainable_weights]
    model.compile(keras.optimizers.Adam(0.05), "mse")
    y = keras.layers.MaxPooling2D(2)(x)
    history = losses(model, x, y, 60)
    assert history[-1] < 0.1 * history[0]
    moved = [np.abs(w.numpy() - before).max() for w, before in zip(layer.weights, start, strict=True)]
    assert min(moved) > 0.1
    assert len(moved) == 3


def test_regularizers_add_to_the_loss():
    layer = L.LocalImportancePooling2D(
        2, kernel_initializer=CenterTap(2.0), kernel_regularizer=keras.regularizers.L1(0.25)
    )
    layer.build((None, 8, 8, 3))
    assert float(sum(layer.losses)) == 0.25 * 2 * 3
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    model.compile("sgd", "mse")
    x = images(2, size=8)[:, :, :8]
    loss = model.evaluate(x, model(x), verbose=0)
    assert loss == pytest.approx(1.5, rel=1e-6)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("rank", RANKS)
def test_channels_first_is_the_same_with_the_channels_moved(rank, padding):
    x = images(rank)
    arguments = {"pool_size": 3, "strides": 2, "padding": padding, "kernel_size": (3, 2, 1)[:rank]}
    last, first = (
        layer_class("LocalImportancePooling", rank)(**arguments, data_format=data_format)
        for data_format in DATA_FORMATS
    )
    changed(last, x.shape)
    moved = np.moveaxis(x, -1, 1)
    changed(first, moved.shape)
    np.testing.assert_allclose(np.moveaxis(np.asarray(first(moved)), 1, -1), last(x), **NEAR)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("form", ["", "Global", "Adaptive"])
@pytest.mark.parametrize("rank", RANKS)
def test_both_formats_run_and_learn_under_every_policy(rank, form, policy):
    """TensorFlow's CPU has no convolutions with channels first in most types."""
    x = images(rank)
    cls = layer_class(f"{form}LocalImportancePooling", rank)
    last, first = (
        cls(data_format=data_format, dtype=policy, **needed(cls), kernel_initializer=CenterTap())
        for data_format in DATA_FORMATS
    )
    y, moved = last(x), first(np.moveaxis(x, -1, 1))
    if form != "Global":
        moved = np.moveaxis(np.asarray(moved), 1, -1)
    near = {"float32": 1e-4, "float64": 1e-6, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}[policy]
    np.testing.assert_allclose(np.asarray(moved, "float64"), np.asarray(y, "float64"), rtol=near, atol=near)
    assert [w.path.split("/")[1:] for w in first.weights] == [w.path.split("/")[1:] for w in last.weights]
    assert [w.shape for w in first.weights] == [w.shape for w in last.weights]
    model = keras.Sequential([keras.Input(np.moveaxis(x, -1, 1).shape[1:]), first, keras.layers.Flatten()])
    model.compile("sgd", "mse")
    loss = model.train_on_batch(np.moveaxis(x, -1, 1), np.zeros((2, model.output_shape[1])))
    assert np.isfinite(loss)


@pytest.mark.parametrize("form", ["compiled", "portable"])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
def test_infinite_values_are_zeros_to_the_network(data_format, form):
    x = images(2, data_format, size=8)
    spatial = (slice(None), slice(None)) if data_format == "channels_first" else (slice(None),)
    high, low, alone = x.copy(), x.copy(), x.copy()
    high[(*spatial, 2, 3)], low[(*spatial, 2, 3)], alone[(*spatial, 2, 3)] = np.inf, -np.inf, 0
    layer = changed(L.LocalImportancePooling2D(2, data_format=data_format), x.shape)

    def values_and_gradients(x):
        inputs = tf.Variable(x)
        with tf.GradientTape() as tape:
            y = layer(inputs)
            loss = tf.reduce_sum(tf.where(tf.math.is_inf(y), 0.0, y))
        return np.array(y), tape.gradient(loss, [inputs, *(w.value for w in layer.trainable_weights)])

    if form == "portable":
        with tsp.portable():
            results = [values_and_gradients(v) for v in (high, low, alone)]
    else:
        results = [values_and_gradients(v) for v in (high, low, alone)]
    (of_high, to_high), (of_low, to_low), (expected, _) = results
    window = (*spatial, 1, 1)
    assert (of_high[window] == np.inf).all()
    assert np.isfinite(of_low).all()
    assert (of_low[window] != expected[window]).all()
    for y in (of_high, of_low):
        y[window] = expected[window]
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
    assert all(np.isfinite(g).all() for g in (*to_high, *to_low))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    x = images(2)
    options = {"kernel_initializer": CenterTap(), "scale_initializer": Constant(0.5)}
    layer = L.LocalImportancePooling2D(2, **options, dtype=policy)
    y = layer(x)
    assert {w.dtype for w in layer.weights} == {"float32"}
    assert y.dtype == layer.compute_dtype
    expected = L.LocalImportancePooling2D(2, **options)(x)
    tolerance = {"mixed_float16": 0.01, "mixed_bfloat16": 0.08}[policy]
    np.testing.assert_allclose(np.asarray(y, "float32"), expected, atol=tolerance)
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(x, np.zeros(y.shape)))


def test_a_trained_layer_is_saved_and_loaded(tmp_path):
    x = images(2)
    layer = L.LocalImportancePooling2D(
        2, 1, "same", kernel_size=(2, 3), kernel_initializer=CenterTap(0.5), scale_initializer=Constant(2.0)
    )
    model = keras.Sequential([keras.Input((None, None, 3)), layer])
    model.compile("adam", "mse")
    model.train_on_batch(x, np.zeros(model(x).shape))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    assert len(loaded.weights) == 3
    for w, copy in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(w, copy)
    assert loaded.layers[0].kernel_initializer.gain == 0.5
    assert loaded.layers[0].kernel_size == (2, 3)


@pytest.mark.parametrize(
    ("pooling", "variables"), [(L.LocalImportancePooling2D, 3), (L.DetailPreservingPooling2D, 2)]
)
def test_s3_over_it_trains_and_averages_at_inference(pooling, variables, tmp_path):
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    layer = L.S3Pooling2D(2, padding="same", grid_size=4, pooling=pooling, seed=1)
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    start = [w.numpy() for w in model.trainable_weights]
    assert len(start) == variables
    model.compile(keras.optimizers.Adam(0.05), "mse")
    y = keras.layers.MaxPooling2D(2)(x)
    history = losses(model, x, y, 20)
    assert np.isfinite(history).all()
    assert all((w.numpy() != s).any() for w, s in zip(model.trainable_weights, start, strict=True))
    step = np.asarray(layer.pooling(x))
    assert step.shape == x.shape
    expected = step.reshape(4, 4, 2, 4, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, **NEAR)
    drawn = np.asarray(layer(x, training=True))
    # Windows at drawn positions may have other last bits than the same windows among all.
    distances = np.abs(drawn[0, :, :, 0].reshape(-1, 1) - step[0, :, :, 0].reshape(1, -1))
    assert distances.min(axis=1).max() < 1e-5
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


L2D = L.LocalImportancePooling2D
SMALL = np.zeros((1, 4, 4, 1), "f4")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L2D(0), "pool_size"),
        (lambda: L2D(2, kernel_size=0), "`kernel_size` must be an integer or 2 integers.*got 0"),
        (lambda: L2D(2, kernel_size=(3, 3, 3)), "`kernel_size` must be an integer or 2 integers"),
        (lambda: L2D(2, kernel_size=1.5), "kernel_size"),
        (lambda: L2D(2, kernel_initializer="fives"), "fives"),
        (lambda: L2D(2, scale_initializer="fives"), "fives"),
        (lambda: L2D(2, kernel_regularizer="l3"), "l3"),
        (lambda: L2D()(keras.Input((8, 8, None))), "channels must be known"),
        (lambda: L2D(data_format="channels_first").build((None, None, 8, 8)), "channels must be known"),
        (lambda: L2D().build((4,)), "rank"),
        (lambda: L2D()(SMALL[0]), "ndim"),
        (lambda: L2D(5)(SMALL), "larger"),
        (lambda: L2D(7, 1)(keras.Input((4, 4, 1))), "larger"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("data_format", DATA_FORMATS)
def test_another_number_of_channels_is_an_error(data_format):
    layer = L2D(2, data_format=data_format)
    layer(images(2, data_format))
    with pytest.raises(ValueError, match="axis"):
        layer(images(2, data_format, channels=2))


@pytest.mark.parametrize("size", [(1,), (2,), (5,), (3, 3), (4, 3), (2, 1), (2, 3, 4)])
def test_a_center_tap_passes_its_input_on(size):
    rank = len(size)
    x = images(rank)
    for gain in (1.0, -2.5):
        convolution = layer_class("Conv", rank, keras.layers)(
            3, size, padding="same", use_bias=False, kernel_initializer=CenterTap(gain)
        )
        np.testing.assert_allclose(convolution(x), gain * x, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_a_center_tap_of_other_channels(dtype):
    kernel = CenterTap(3)((2, 3, 2, 4), dtype)
    assert keras.backend.standardize_dtype(kernel.dtype) == dtype
    expected = np.zeros((2, 3, 2, 4))
    expected[0, 1] = 3 * np.eye(2, 4)
    np.testing.assert_array_equal(kernel, expected)


def test_a_center_tap_can_be_saved():
    config = keras.initializers.serialize(CenterTap(2))
    copy = keras.initializers.deserialize(config)
    assert type(copy) is CenterTap
    assert copy.gain == 2.0
    assert copy.get_config() == {"gain": 2.0}
    assert CenterTap().get_config() == {"gain": 1.0}


def test_an_input_without_channels():
    with pytest.raises(ValueError, match=r"Layer 'lip' needs channels, got shape \(None, 8, 8, 0\)"):
        L.LocalImportancePooling2D(2, name="lip").build((None, 8, 8, 0))


def test_nan_stays_in_its_window():
    x = images(2, size=8)
    x[0, 2, 3, 1] = np.nan
    y = np.asarray(L.LocalImportancePooling2D(2, kernel_initializer="glorot_uniform")(x))
    nan = np.zeros_like(y, bool)
    nan[0, 1, 1, 1] = True
    np.testing.assert_array_equal(np.isnan(y), nan)
