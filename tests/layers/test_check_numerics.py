"""`tf.debugging.enable_check_numerics()` finds no infinity or NaN of ours if the input has none."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import DATA_FORMATS, PADDINGS
from conftest import run
from layer_inputs import RANKS, WITH_FORMS, images, layer_class, needed
from masked_sequences import mask_named, sequences

import tf_softpool as tsp

L = tsp.layers
# XLA cannot compile the checks.
MODES = ("eager", "dynamic", "portable", "portable_dynamic")
# Keras compiles convolutions of unknown channels for XLA.
OF_CONVOLUTIONS = {"dynamic": "graph", "portable_dynamic": "portable"}
# By name, a pooling and the arguments of its layer.
POOLINGS = {name: (name, {}) for name in (*WITH_FORMS, "GatedPooling", "S3Pooling")} | {
    "full": ("DetailPreservingPooling", {"variant": "full"}),
    "no alpha": ("DetailPreservingPooling", {"alpha_initializer": keras.initializers.Constant(-1e4)}),
    "largest": ("PowerAveragePooling", {"p": float("inf")}),
    "weights": ("SoftPooling", {"gradient": "weights"}),
}
LOCAL_IMPORTANCE = tuple(
    layer_class(f"{form}LocalImportancePooling", rank)
    for form in ("", "Global", "Adaptive")
    for rank in RANKS
)
OF_FORMS = [name for name in POOLINGS if POOLINGS[name][0] in WITH_FORMS]


@pytest.fixture
def checked():
    """Makes TensorFlow stop at infinities and NaN."""
    tf.debugging.enable_check_numerics()
    yield
    tf.debugging.disable_check_numerics()


def layer_of(name, form, rank, data_format, **arguments):
    cls = layer_class(f"{form}{POOLINGS[name][0]}", rank)
    return cls(**{**needed(cls), **POOLINGS[name][1], **arguments}, data_format=data_format)


def check(mode, layer, x, **arguments):
    """Pools a tensor, and computes the gradients of the result."""

    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **arguments)
        return y, tape.gradient(y, [x, *(w.value for w in layer.trainable_weights)])

    if isinstance(layer, LOCAL_IMPORTANCE):
        mode = OF_CONVOLUTIONS.get(mode, mode)
    layer.build(x.shape)
    y, gradients = run(mode, both, x)
    assert all(np.isfinite(t).all() for t in (y, *gradients) if t is not None)


def test_the_checks_find_infinities(checked):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Infinity"):
        tf.constant(1.0) / tf.constant(0.0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Infinity"):
        L.SumPooling1D(2)(np.full((1, 2, 1), -np.inf, "float32"))


@pytest.mark.each_value
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("name", POOLINGS)
def test_windows(checked, name, rank, data_format, padding, mode):
    layer = layer_of(name, "", rank, data_format, pool_size=3, strides=2, padding=padding)
    check(mode, layer, images(rank, data_format, size=7))


@pytest.mark.each_value
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["Global", "Adaptive"])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("name", OF_FORMS)
def test_global_and_adaptive_windows(checked, name, rank, data_format, form, mode):
    check(mode, layer_of(name, form, rank, data_format), images(rank, data_format, size=7))


@pytest.mark.each_value
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mask", ["behind", "between", "nothing"])
@pytest.mark.parametrize("form", ["", "Global", "Adaptive"])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("name", OF_FORMS)
def test_masked_steps(checked, name, data_format, form, mask, mode):
    x = sequences().astype("float32")
    x = np.moveaxis(x, 1, 2) if data_format == "channels_first" else x
    check(mode, layer_of(name, form, 1, data_format), x, mask=mask_named(mask))


@pytest.mark.parametrize("mode", ["eager", "portable", "dynamic"])
@pytest.mark.parametrize("name", ["SoftPooling", "MixedPooling"])
@pytest.mark.parametrize("layer", ["StochasticPooling", "S3Pooling"])
def test_draws(checked, layer, name, mode):
    more = {"pooling": layer_class(name, 2)} if layer == "S3Pooling" else {}
    check(mode, layer_class(layer, 2)(3, 2, "same", seed=1, **more), images(2, size=7), training=True)


@pytest.mark.each_value
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("mode", ["eager", "portable", "dynamic"])
@pytest.mark.parametrize("name", POOLINGS)
def test_other_types(checked, name, mode, dtype):
    layer = layer_of(name, "", 1, "channels_last", pool_size=3, strides=2, padding="same", dtype=dtype)
    check(mode, layer, tf.cast(sequences(), layer.compute_dtype))


@pytest.mark.parametrize("name", ["SoftPooling", "SortedPooling", "MixedPooling", "DetailPreservingPooling"])
def test_second_derivatives(checked, name):
    layer = layer_of(name, "", 1, "channels_last", pool_size=3, strides=2, padding="same")
    x = tf.constant(sequences(), "float32")
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = layer(x)
        dx = inner.gradient(y, x)
    assert np.isfinite(outer.gradient(dx, x)).all()


def test_masks_give_the_same_as_without_the_checks():
    x, mask = sequences(), mask_named("between")
    layers = [layer_of(name, "", 1, "channels_last", dtype="float64") for name in OF_FORMS]
    expected = [layer(x, mask=mask) for layer in layers]
    tf.debugging.enable_check_numerics()
    try:
        results = [layer(x, mask=mask) for layer in layers]
    finally:
        tf.debugging.disable_check_numerics()
    for y, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(y, other, rtol=1e-12, atol=1e-12)
