"""Layers for sequences leave out masked steps, and pass a pooled mask on."""

import itertools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import DATA_FORMATS
from conftest import run
from layer_inputs import layer_class, masked_images, needed
from masked_sequences import ARGUMENTS, MASKS, STEPS, WINDOWS, kept_windows, mask_named, pooled, sequences
from standard import check_gradients

import tf_softpool as tsp

L = tsp.layers
NEAR = {"rtol": 1e-9, "atol": 1e-9}
MODES = ("eager", "graph", "xla", "xla_operations", "dynamic", "portable", "portable_dynamic")
# Every mode, with data formats in turn, and windows with masks in turn.
WAYS = [(mode, DATA_FORMATS[i % 2]) for i, mode in enumerate([*MODES, "eager", "portable"])]
WINDOWS_AND_MASKS = [
    (window, mask)
    for i, window in enumerate(WINDOWS)
    for mask in ("nothing", ["behind", "in front", "between"][i % 3])
]

# Poolings with these forms. The full variant and the network also look around the windows.
OF_FORMS = [
    name
    for name in ARGUMENTS
    if name not in ("GatedPooling", "DetailPreservingPooling, full", "LocalImportancePooling")
]


def layer_of(name, form="", data_format="channels_last", **arguments):
    """Returns a float64 layer with random variables, the same for all forms of a pooling."""
    cls = layer_class(form + name.partition(",")[0], 1)
    own = {**needed(cls), **ARGUMENTS[name], **arguments}
    layer = cls(data_format=data_format, dtype="float64", **own)
    layer.build((None, None, 3) if data_format == "channels_last" else (None, 3, None))
    random = np.random.default_rng(1)
    for w in layer.trainable_weights:
        w.assign(random.uniform(0.1, 0.9, w.shape))
    return layer


def moved(x, data_format):
    return np.moveaxis(np.asarray(x), 1, 2) if data_format == "channels_first" else np.asarray(x)


def gradients(layer, x, mask):
    """Returns the gradients of a weighted sum of a layer's results: those of its input and its variables."""
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, mask=mask)
        loss = tf.reduce_sum(y * np.random.default_rng(2).normal(size=y.shape))
    return tape.gradient(loss, [x, *(w.value for w in layer.trainable_weights)])


@pytest.mark.each_value
@pytest.mark.parametrize(("mode", "data_format"), WAYS)
@pytest.mark.parametrize(("window", "mask"), WINDOWS_AND_MASKS, ids=str)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_windows_without_their_masked_steps(name, window, mask, mode, data_format):
    x, mask = sequences(), mask_named(mask)
    layer = layer_of(name, "", data_format, pool_size=window[0], strides=window[1], padding=window[2])
    expected = pooled(name, layer, x, mask, *window)
    # Nothing that a masked step holds may show.
    garbage = np.where(mask[..., None], x, np.resize([np.nan, np.inf, -np.inf, 1e300], x.shape))
    y = run(mode, lambda x, mask: layer(x, mask=mask), moved(garbage, data_format), mask)
    np.testing.assert_allclose(moved(y, data_format), expected, **NEAR)
    np.testing.assert_array_equal(layer.compute_mask(garbage, mask), kept_windows(mask, *window))


@pytest.mark.each_value
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(("window", "mask"), WINDOWS_AND_MASKS[1::2] + WINDOWS_AND_MASKS[2:3], ids=str)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_gradients(name, window, mask, data_format):
    x, mask = moved(sequences(), data_format), mask_named(mask)
    layer = layer_of(name, "", data_format, pool_size=window[0], strides=window[1], padding=window[2])
    check_gradients(lambda x: layer(x, mask=mask), x)
    dx, *dw = gradients(layer, x, mask)
    assert not moved(dx, data_format)[~mask].any()
    with tsp.portable():
        others = gradients(layer, x, mask)
    for found, other in zip([dx, *dw], others, strict=True):
        np.testing.assert_allclose(found, other, rtol=1e-7, atol=1e-9)


@pytest.mark.each_value
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", OF_FORMS)
def test_global_and_adaptive_windows(name, mask, mode):
    """They are those of shorter inputs."""
    x, mask = sequences(), mask_named(mask)
    alone = layer_of(name, "Global")
    for form, parts in (("Global", [slice(None)]), ("Adaptive", [slice(0, 3), slice(3, 6), slice(6, 9)])):
        layer = layer_of(name, form)
        y = np.reshape(run(mode, lambda x, mask, layer=layer: layer(x, mask=mask), x, mask), (2, -1, 3))
        for example, (o, part) in itertools.product(range(2), enumerate(parts)):
            a = x[example, part][mask[example, part]]
            expected = np.asarray(alone(a[None]))[0] if len(a) else np.zeros(3)
            np.testing.assert_allclose(y[example, o], expected, **NEAR)
    kept = np.stack([mask[:, part].any(axis=1) for part in parts], axis=1)
    np.testing.assert_array_equal(layer.compute_mask(x, mask), kept)


@pytest.mark.parametrize("form", ["", "Global"])
@pytest.mark.parametrize("name", ["LocalImportancePooling", "DetailPreservingPooling"])
def test_padding_behind_changes_nothing(name, form):
    """The network and its normalization see what they would see of the shorter sequence."""
    x, mask = sequences(), mask_named("behind")
    y = layer_of(name, form)(x, mask=mask)
    shorter = np.asarray(layer_of(name, form)(x[:1, :5]))
    np.testing.assert_allclose(y[0] if form else y[0, :2], shorter[0], **NEAR)


@pytest.mark.parametrize("name", [name for name in ARGUMENTS if "full" not in name])
def test_a_pooling_before_an_lstm(name):
    """Results are those of the shortened sequences, one by one."""
    cls = layer_class(name, 1)
    words = np.array([[1, 2, 3, 4, 0, 0, 0, 0], [5, 6, 7, 1, 2, 3, 0, 0]])
    layers = [keras.layers.Embedding(9, 3, mask_zero=True), cls(2), keras.layers.LSTM(4)]
    model = keras.Sequential(layers)
    y = model(words)
    for example, length in enumerate((4, 6)):
        short = layers[2](layers[1](tf.convert_to_tensor(layers[0](words[example : example + 1, :length]))))
        np.testing.assert_allclose(y[example], short[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict(words, verbose=0), y, rtol=1e-5, atol=1e-6)
    model.compile("sgd", "mse", jit_compile=True)
    assert np.isfinite(model.train_on_batch(words, np.zeros((2, 4))))


@pytest.mark.parametrize("cls", [keras.layers.MaxPooling1D, L.SoftPooling1D])
def test_functional_models_keep_masks_when_saved_and_replaced(cls, tmp_path):
    words = np.array([[1, 2, 3, 4, 0, 0, 0, 0], [5, 6, 7, 1, 2, 3, 0, 0]])
    inputs = keras.Input((8,), dtype="int32")
    steps = cls(2)(keras.layers.Embedding(9, 3, mask_zero=True)(inputs))
    model = keras.Model(inputs, keras.layers.LSTM(4)(steps))
    if cls is not L.SoftPooling1D:
        model, _ = tsp.replace_pooling(model, {"max": "soft"})
    _, embedding, *_, lstm = model.layers
    y = model(words)
    for example, length in enumerate((4, 6)):
        short = lstm(L.SoftPooling1D(2)(embedding(words[example : example + 1, :length])))
        np.testing.assert_allclose(y[example], short[0], rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(words), y)


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32"])
def test_masks_of_every_type(dtype):
    x, mask = sequences(), mask_named("between")
    for layer in (L.SoftPooling1D(2, dtype="float64"), L.GlobalSoftPooling1D(dtype="float64")):
        expected = layer(x, mask=mask)
        np.testing.assert_array_equal(layer(x, mask=mask.astype(dtype)), expected)
        np.testing.assert_array_equal(layer(x, mask=tf.constant(mask.astype(dtype))), expected)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("adaptive", [False, True])
def test_the_passed_mask_in_functional_models(adaptive, padding):
    inputs, mask = keras.Input((STEPS, 3)), keras.Input((STEPS,), dtype="bool")
    layer = L.AdaptiveSumPooling1D(4) if adaptive else L.SumPooling1D(3, 2, padding)
    y = layer(inputs, mask=mask)
    passed = layer.compute_mask(inputs, mask)
    assert (passed.shape, passed.dtype) == (y.shape[:2], "bool")
    given = mask_named("between")
    found = keras.Model([inputs, mask], passed)([sequences(), given])
    np.testing.assert_array_equal(found, layer.compute_mask(sequences(), given))
    assert layer.compute_mask(inputs) is None


def test_a_mask_of_whole_sequences():
    """`TimeDistributed` gives a layer such masks."""
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    mask = np.array([[1, 1, 0], [1, 0, 0]], bool)
    for layer in (L.SoftPooling1D(2), L.GlobalSoftPooling1D(keepdims=True)):
        y = np.asarray(keras.layers.TimeDistributed(layer)(x, mask=mask))
        np.testing.assert_allclose(y[mask], layer(x[mask]), rtol=1e-6)
        assert not y[~mask].any()


@pytest.mark.parametrize("form", ["", "Global", "Adaptive"])
def test_what_is_drawn_is_kept(form):
    x = np.random.default_rng(0).normal(size=(50, STEPS, 3)).astype("float32")
    cls = layer_class(f"{form}StochasticPooling", 1)
    mask = np.tile(mask_named("between"), (25, 1))
    for mode in ("eager", "portable"):
        layer = cls(**needed(cls), seed=1)
        y = np.asarray(run(mode, lambda x, layer=layer: layer(x, mask=mask, training=True), x))
        for example, drawn, kept in zip(x, y, mask, strict=True):
            assert np.isin(drawn, [*example[kept].ravel(), 0]).all()


def test_s3_pooling_heeds_no_mask():
    layer = L.S3Pooling1D(2, padding="same")
    words = keras.layers.Embedding(9, 3, mask_zero=True)(np.array([[1, 2, 3, 0, 0]]))
    assert not layer.supports_masking
    with pytest.warns(UserWarning, match="does not support masking"):
        y = layer(words)
    np.testing.assert_array_equal(y, layer(np.asarray(words)))


@pytest.mark.parametrize("name", ["SoftPooling", "AdaptiveSoftPooling", "StochasticPooling"])
def test_masks_of_images_are_left_out_with_a_warning(name):
    cls, x = layer_class(name, 2), masked_images()
    with pytest.warns(UserWarning, match="does not support masking"):
        y = cls(**needed(cls))(x)
    np.testing.assert_array_equal(y, cls(**needed(cls))(np.asarray(x)))


@pytest.mark.parametrize("shape", [(2, 8), (2, STEPS, 3), ()])
@pytest.mark.parametrize("layer", [L.SoftPooling1D(2), L.GlobalSoftPooling1D()])
def test_masks_of_other_shapes(layer, shape):
    with pytest.raises(ValueError, match=r"mask must have the shape \[batch, steps\]"):
        layer(sequences(), mask=np.ones(shape, bool))


@pytest.mark.parametrize("form", ["", "Adaptive", "Global"])
def test_without_a_mask_there_is_only_the_op(form):
    cls = layer_class(f"{form}SoftPooling", 1)
    layer = cls(**needed(cls))
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec((2, STEPS, 3))).graph
    kinds = [op.type for op in graph.get_operations()]
    assert kinds == ["Placeholder", "Softpool>SoftPool", *["Squeeze"] * (form == "Global"), "Identity"]


def test_no_warning_without_a_mask():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        L.SoftPooling1D(2)(sequences())
