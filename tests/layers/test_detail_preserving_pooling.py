"""The layers of detail-preserving pooling: their formula, their learned guide, learning and bad arguments."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import weighted_oracle
from cases import DATA_FORMATS, PADDINGS
from derivatives import numeric
from keras_versions import losses
from layer_inputs import RANKS, images, layer_class
from weighted_oracle import guide_of

import tf_softpool as tsp
from tf_softpool.ops.learned_guide import learned_guide

L = tsp.layers
Constant = keras.initializers.Constant
VARIANTS = ("lite", "full")
NEAR = {"rtol": 1e-5, "atol": 1e-5}


@pytest.mark.parametrize("form", ["compiled", "portable"])
@pytest.mark.parametrize("name", ["alpha", "lambda"])
def test_parameters_without_end_send_no_nan(name, form):
    layer = L.DetailPreservingPooling2D(3, **{f"{name}_initializer": Constant(200.0)})
    x = tf.Variable(images(2))
    with tsp.portable() if form == "portable" else contextlib.nullcontext(), tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    gradients = tape.gradient(loss, [x, layer.log_alpha.value, layer.log_lambda.value])
    assert all(np.isfinite(g).all() for g in gradients)


def with_parameters(rank, log_alpha, log_lambda, x, *arguments, **options):
    """Returns a built layer with these values of its variables, and a random guide kernel."""
    layer = layer_class("DetailPreservingPooling", rank)(*arguments, **options)
    layer.build(x.shape)
    layer.log_alpha.assign(log_alpha)
    layer.log_lambda.assign(log_lambda)
    if layer.variant == "full":
        layer.guide_kernel.assign(np.random.default_rng(1).normal(0, 0.3, layer.guide_kernel.shape))
    return layer


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("rank", RANKS)
def test_is_its_formula(rank, variant, symmetric, padding, data_format):
    x = images(rank, data_format)
    window = ((3,) * rank, (2,) * rank, padding, data_format)
    # Each channel has its own alpha and lambda. Every log_alpha makes a positive alpha.
    log_alpha, log_lambda = np.array([-3.0, 0.1, 0.9], "float32"), np.array([0.3, -1.0, 1.2], "float32")
    layer = with_parameters(
        rank, log_alpha, log_lambda, x, 3, 2, padding, data_format, variant=variant, symmetric=symmetric
    )
    guide = guide_of(x, layer.guide_kernel.numpy(), *window) if variant == "full" else None
    alpha, lam = np.exp(log_alpha), np.exp(log_lambda)
    expected, _ = weighted_oracle.detail_preserving_pool(x, guide, alpha, lam, *window, symmetric)
    np.testing.assert_allclose(layer(x), expected, **NEAR)
    with tsp.portable():
        np.testing.assert_allclose(layer(x), expected, **NEAR)
    dynamic = tf.function(layer, input_signature=[tf.TensorSpec([None] * x.ndim)])
    np.testing.assert_allclose(dynamic(x), expected, **NEAR)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
def test_variables(rank, data_format):
    x = images(rank, data_format, channels=5)
    lite, full = (
        layer_class("DetailPreservingPooling", rank)(data_format=data_format, variant=variant)
        for variant in VARIANTS
    )
    lite.build(x.shape)
    full.build(x.shape)
    assert [(w.name, w.shape) for w in lite.trainable_weights] == [("log_alpha", (5,)), ("log_lambda", (5,))]
    assert [(w.name, w.shape) for w in full.trainable_weights] == [
        ("log_alpha", (5,)),
        ("log_lambda", (5,)),
        ("guide_kernel", (3,) * rank + (5,)),
    ]
    assert not np.any(full.log_alpha)
    assert not np.any(full.log_lambda)
    np.testing.assert_allclose(full.guide_kernel, np.full((3,) * rank + (5,), 3.0**-rank), rtol=1e-6)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("rank", RANKS)
def test_over_windows_of_three_the_learned_guide_starts_as_the_average(rank, padding):
    x = images(rank)
    lite, full = (
        layer_class("DetailPreservingPooling", rank)(3, 2, padding, variant=variant) for variant in VARIANTS
    )
    np.testing.assert_allclose(full(x), lite(x), **NEAR)
    full.guide_kernel.assign(2 * full.guide_kernel)
    assert np.abs(full(x) - lite(x)).max() > 0.01


def test_where_the_image_is_smooth_the_learned_guide_starts_as_the_average():
    row, column = np.mgrid[:11, :9].astype("float32")
    x = np.stack([row, 0.5 * column - row], axis=-1)[None]
    for size in ((5, 5), (3, 5), (1, 3)):
        lite, full = (L.DetailPreservingPooling2D(size, 1, variant=variant) for variant in VARIANTS)
        inside = (slice(None), slice(1, -1), slice(1, -1))
        np.testing.assert_allclose(full(x)[inside], lite(x)[inside], **NEAR)


def test_of_two_values_neither_stands_out():
    x = images(1)
    average = keras.layers.AveragePooling1D(2)(x)
    layer = with_parameters(1, -9.0 * np.ones(3), np.ones(3), x, 2)
    np.testing.assert_allclose(layer(x), average, **NEAR)
    layer = with_parameters(1, -9.0 * np.ones(3), np.ones(3), x, 2, symmetric=False)
    assert (np.asarray(layer(x) - average) > -1e-6).all()
    assert np.max(layer(x) - average) > 0.1


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("log_alpha", [20.0, 200.0])
def test_with_large_alpha_it_is_average_pooling(log_alpha, padding, variant, symmetric):
    x = images(2)
    layer = L.DetailPreservingPooling2D(
        3, 2, padding, variant=variant, symmetric=symmetric, alpha_initializer=Constant(log_alpha)
    )
    np.testing.assert_allclose(layer(x), keras.layers.AveragePooling2D(3, 2, padding)(x), **NEAR)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("log_lambda", "nearness"), [(2.0, 5.0), (5.0, 0.3), (9.0, 0.01), (200.0, 1e-5)])
def test_with_large_lambda_and_small_alpha_it_nears_max_pooling(log_lambda, nearness, variant):
    # In every window a detail is larger than 1, because large powers of smaller details vanish beside any
    # alpha.
    x = 20 * images(2)
    layer = L.DetailPreservingPooling2D(
        3,
        2,
        variant=variant,
        symmetric=False,
        alpha_initializer=Constant(-85.0),
        lambda_initializer=Constant(log_lambda),
    )
    y, largest = np.asarray(layer(x)), np.asarray(keras.layers.MaxPooling2D(3, 2)(x))
    assert (y <= largest + 1e-5).all()
    assert (largest - y).max() < nearness


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients(variant, symmetric):
    x = np.random.default_rng(0).normal(size=(1, 5, 4, 2))
    log_alpha, log_lambda = np.array([-1.0, 0.2]), np.array([0.4, -0.3])
    layer = with_parameters(
        2, log_alpha, log_lambda, x, 3, 2, "same", variant=variant, symmetric=symmetric, dtype="float64"
    )
    g = np.random.default_rng(2).normal(size=layer(x).shape)
    inputs = tf.Variable(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(inputs) * g)
    kernel = [layer.guide_kernel.numpy()] if variant == "full" else []
    start = [x, log_alpha, log_lambda, *kernel]

    def loss_of(x, log_alpha, log_lambda, *kernel):
        window = ((3, 3), (2, 2), "same", "channels_last")
        guide = guide_of(x, kernel[0], *window) if kernel else None
        arguments = (np.exp(log_alpha), np.exp(log_lambda), *window, symmetric)
        return (weighted_oracle.detail_preserving_pool(x, guide, *arguments)[0] * g).sum()

    gradients = tape.gradient(loss, [inputs, *(w.value for w in layer.trainable_weights)])
    assert len(gradients) == len(start)
    for i, gradient in enumerate(gradients):
        expected = numeric(lambda v, i=i: loss_of(*start[:i], v, *start[i + 1 :]), start[i])
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("rank", "size", "stride"), [(1, 2, 2), (1, 5, 3), (2, 3, 2), (3, 2, 1)])
def test_padding_is_as_if_it_were_infinitely_low(rank, size, stride, variant, symmetric, data_format):
    x = images(rank, data_format, size=7)
    arguments = {"data_format": data_format, "variant": variant, "symmetric": symmetric}
    same, valid = (
        with_parameters(rank, -np.ones(3), 0.5 * np.ones(3), x, size, stride, padding, **arguments)
        for padding in ("same", "valid")
    )
    pads = [(0, 0)] * x.ndim
    for axis in same.window.spatial_axes:
        total = max((-(-x.shape[axis] // stride) - 1) * stride + size - x.shape[axis], 0)
        pads[axis] = (total // 2, total - total // 2)
    padded = np.pad(x, pads, constant_values=-np.inf)
    assert padded.shape != x.shape
    np.testing.assert_allclose(valid(padded), same(x), **NEAR)


@pytest.mark.parametrize("form", ["compiled", "portable"])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
def test_infinitely_low_values_send_no_nan(variant, symmetric, form):
    x = images(2, size=8)
    x[:, ::3, ::2] = -np.inf
    x[:, :2, :2, 0] = -np.inf
    layer = with_parameters(2, np.zeros(3), np.zeros(3), x, 2, variant=variant, symmetric=symmetric)

    def values_and_gradients():
        inputs = tf.Variable(x)
        with tf.GradientTape() as tape:
            y = layer(inputs)
            loss = tf.reduce_sum(tf.where(tf.math.is_inf(y), 0.0, y))
        return y, tape.gradient(loss, [inputs, *(w.value for w in layer.trainable_weights)])

    if form == "portable":
        with tsp.portable():
            y, gradients = values_and_gradients()
    else:
        y, gradients = values_and_gradients()
    assert (np.asarray(y)[:, 0, 0, 0] == -np.inf).all()
    assert np.isinf(y).sum() == len(x)
    assert all(np.isfinite(g).all() for g in gradients)
    assert not np.any(gradients[0].numpy()[x == -np.inf])
    assert all(np.any(g) for g in gradients)


@pytest.mark.parametrize("symmetric", [True, False])
def test_learns_what_made_the_data(symmetric):
    x = np.random.default_rng(0).normal(size=(32, 9, 9, 2)).astype("float32")
    arguments = {"variant": "full", "symmetric": symmetric}
    truth = with_parameters(2, np.array([-2.0, 0.5]), np.array([0.7, 0.2]), x, 3, 2, **arguments)
    layer = L.DetailPreservingPooling2D(3, 2, **arguments)
    model = keras.Sequential([keras.Input((9, 9, 2)), layer])
    start = [w.numpy() for w in layer.trainable_weights]
    model.compile(keras.optimizers.Adam(0.05), "mse")
    y = truth(x)
    history = losses(model, x, y, 80)
    assert history[-1] < 0.05 * history[0]
    moved = [np.abs(w.numpy() - s).min() for w, s in zip(layer.trainable_weights[:2], start[:2], strict=True)]
    assert min(moved) > 0.05
    assert np.abs(layer.guide_kernel.numpy() - start[2]).max() > 0.1


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_variables_keep_their_digits_in_mixed_precision(policy, variant):
    x = images(2)
    options = {"variant": variant, "dtype": policy}
    layer = with_parameters(2, 0.1234567 * np.ones(3), -0.7654321 * np.ones(3), x, 3, 2, **options)
    y = layer(x)
    assert {w.dtype for w in layer.weights} == {"float32"}
    assert y.dtype == layer.compute_dtype
    rounded = tf.cast(x, layer.compute_dtype)
    guide = learned_guide(rounded, layer.guide_kernel, layer.window) if variant == "full" else None
    alpha, lam = tf.exp(layer.log_alpha), tf.exp(layer.log_lambda)
    np.testing.assert_array_equal(y, tsp.detail_preserving_pool(rounded, guide, alpha, lam, 3, 2))


def test_a_trained_layer_is_saved_and_loaded(tmp_path):
    x = images(2)
    options = {"variant": "full", "symmetric": False, "lambda_initializer": Constant(0.5)}
    model = keras.Sequential([keras.Input((None, None, 3)), L.DetailPreservingPooling2D(2, 1, **options)])
    model.compile("adam", "mse")
    model.train_on_batch(x, np.zeros(model(x).shape))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    for w, copy in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(w, copy)
    assert loaded.layers[0].variant == "full"
    assert not loaded.layers[0].symmetric


D2 = L.DetailPreservingPooling2D
SMALL = np.zeros((1, 4, 4, 1), "f4")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: D2(0), "pool_size"),
        (lambda: D2(2, variant="heavy"), "`variant` must be one of .*'lite'.*got 'heavy'"),
        (lambda: D2(2, symmetric="no"), "`symmetric` must be True or False, got 'no'"),
        (lambda: D2(2, variant=None), "`variant` must be one of .*got None"),
        (lambda: D2(2, alpha_initializer="fives"), "fives"),
        (lambda: D2(2, lambda_initializer="fives"), "fives"),
        (lambda: D2()(keras.Input((8, 8, None))), "channels must be known"),
        (lambda: D2(variant="full")(keras.Input((8, 8, None))), "channels must be known"),
        (lambda: D2(data_format="channels_first").build((None, None, 8, 8)), "channels must be known"),
        (lambda: D2().build((4,)), "rank"),
        (lambda: D2()(SMALL[0]), "ndim"),
        (lambda: D2(5)(SMALL), "larger"),
        (lambda: D2(5, variant="full")(SMALL), "larger"),
        (lambda: D2(7, 1, variant="full")(SMALL), "larger"),
        (lambda: D2(7, 1, variant="full")(keras.Input((4, 4, 1))), "larger"),
        (lambda: D2()(SMALL.astype("i4")), "one of the types"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_another_number_of_channels_is_an_error(variant, data_format):
    layer = D2(2, data_format=data_format, variant=variant)
    layer(images(2, data_format))
    with pytest.raises(ValueError, match="axis"):
        layer(images(2, data_format, channels=2))
