"""The global and adaptive forms of every pooling: their windows, gradients, masks and bad arguments."""

import itertools
import math

import keras
import numpy as np
import oracle
import pytest
import tensorflow as tf
from cases import DATA_FORMATS
from conftest import run
from keras_versions import ADAPTIVE
from layer_inputs import RANKS, WITH_FORMS, images, layer_class, masked_images, needed

import tf_softpool as tsp

L = tsp.layers
# Arguments that give each pooling variables of all sorts, and results that show them.
ARGUMENTS = {
    "DetailPreservingPooling": {"symmetric": False},
    "LpPooling": {"per_channel": True},
    "MixedPooling": {"per_channel": True},
    "SortedPooling": {"pool_range": 3, "per_channel": True},
}
NEAR = {"rtol": 1e-5, "atol": 1e-6}
SIZES = [(1, 2, 3), (4, 3, 2), (7, 9, 6)]


def layer_of(form, name, rank, data_format, **arguments):
    """Returns a layer of a form. Its variables have random values, the same for all forms of a pooling."""
    layer = layer_class(form + name, rank)(
        data_format=data_format, **{**ARGUMENTS.get(name, {}), **arguments}
    )
    layer.build(images(rank, data_format).shape)
    random = np.random.default_rng(1)
    for w in layer.trainable_weights:
        w.assign(random.uniform(0.1, 0.9, w.shape))
    return layer


def parts(x, sizes, data_format):
    """Yields the place of each adaptive window among the windows, and its part of a tensor."""
    first = 2 if data_format == "channels_first" else 1
    for place, where in oracle.adaptive_windows(x.shape[first : first + len(sizes)], sizes):
        yield (slice(None),) * first + place, x[(slice(None),) * first + where]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("name", WITH_FORMS)
def test_global_pooling_is_one_window_over_everything(name, rank, data_format, keepdims):
    x = images(rank, data_format)
    layer = layer_of("Global", name, rank, data_format, keepdims=keepdims)
    spatial = x.shape[2:] if data_format == "channels_first" else x.shape[1:-1]
    expected = layer_of("", name, rank, data_format, pool_size=spatial)(x)
    peer = layer_class("GlobalMaxPooling", rank, keras.layers)(data_format, keepdims)
    for mode in ("eager", "portable", "dynamic", "portable_dynamic"):
        y = run(mode, layer, x)
        assert y.shape == layer.compute_output_shape(x.shape) == peer.compute_output_shape(x.shape)
        np.testing.assert_allclose(np.ravel(y), np.ravel(expected), **NEAR)
    open_shape = (None, *(None if d in spatial else d for d in x.shape[1:]))
    assert layer.compute_output_shape(open_shape) == peer.compute_output_shape(open_shape)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("name", WITH_FORMS)
def test_an_adaptive_window_is_a_global_one_of_its_part(name, rank, data_format, sizes):
    x, sizes = images(rank, data_format), sizes[:rank]
    layer = layer_of("Adaptive", name, rank, data_format, output_size=sizes)
    alone = layer_of("Global", name, rank, data_format)
    if name == "LocalImportancePooling":
        # The network sees the whole input, so a part gets the logits of the whole.
        def pool(part, logits):
            window = part.shape[2:] if data_format == "channels_first" else part.shape[1:-1]
            return np.reshape(tsp.importance_pool(part, logits, window, data_format=data_format), (2, 3))

        logits = np.asarray(layer.logits(x))
        results = [
            (place, pool(part, part_of_logits))
            for (place, part), (_, part_of_logits) in zip(
                parts(x, sizes, data_format), parts(logits, sizes, data_format), strict=True
            )
        ]
    else:
        results = [(place, alone(part)) for place, part in parts(x, sizes, data_format)]
    for mode in ("eager", "portable", "dynamic", "portable_dynamic"):
        y = np.asarray(run(mode, layer, x))
        assert y.shape == layer.compute_output_shape(x.shape)
        for place, expected in results:
            np.testing.assert_allclose(y[place], expected, **NEAR)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("name", [name for name in WITH_FORMS if name != "LocalImportancePooling"])
def test_gradients_of_adaptive_windows_add_up(name, rank, data_format):
    x, sizes = images(rank, data_format), (4, 3, 2)[:rank]
    layer = layer_of("Adaptive", name, rank, data_format, output_size=sizes)
    alone = layer_of("Global", name, rank, data_format)
    g = np.random.default_rng(2).normal(size=layer.compute_output_shape(x.shape)).astype("float32")
    expected, of_weights = np.zeros_like(x), [np.zeros(w.shape, "float32") for w in layer.trainable_weights]
    first = 2 if data_format == "channels_first" else 1
    for place, where in oracle.adaptive_windows(x.shape[first : first + rank], sizes):
        at = (slice(None),) * first
        _, (to_part, *to_weights) = gradients(alone, x[at + where], g[at + place])
        expected[at + where] += to_part
        of_weights = [total + each for total, each in zip(of_weights, to_weights, strict=True)]
    assert np.isfinite(expected).all()
    for mode in ("eager", "portable"):
        _, (dx, *dw) = run(mode, lambda x: gradients(layer, x, g), x)
        np.testing.assert_allclose(dx, expected, rtol=1e-4, atol=1e-5)
        for found, total in zip(dw, of_weights, strict=True):
            np.testing.assert_allclose(found, total, rtol=1e-4, atol=1e-5)


def gradients(layer, x, g):
    """Returns a layer's result, and the gradients of its input and of its variables."""
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    variables = [w.value for w in layer.trainable_weights]
    return y, tape.gradient(y, [x, *variables], output_gradients=tf.convert_to_tensor(g))


# With one window, or more windows than positions, the layers of Keras 3.15 end the process on a CPU.
@ADAPTIVE
@pytest.mark.parametrize("size", [2, 3, 4, 6])
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
def test_adaptive_max_and_average_pooling_are_those_of_keras(rank, size, data_format):
    x = images(rank, data_format, size=7)
    for kind, mix in (("Max", 1), ("Average", 0)):
        peer = layer_class(f"Adaptive{kind}Pooling", rank, keras.layers)(size, data_format)
        layer = layer_class("AdaptiveMixedPooling", rank)(size, data_format, mix=mix)
        for mode in ("eager", "portable_dynamic"):
            np.testing.assert_allclose(run(mode, layer, x), peer(x), **NEAR)
        assert layer.compute_output_shape(x.shape) == peer.compute_output_shape(x.shape)
        unknown = (None,) * len(x.shape)
        assert layer.compute_output_shape(unknown) == peer.compute_output_shape(unknown)


@pytest.mark.parametrize(("sizes", "spatial"), [((2, 3), (5, 4)), ((4, 4), (3, 8)), ((1, 1), (6, 2))])
def test_adaptive_soft_pooling_in_numpy(sizes, spatial):
    x = np.random.default_rng(0).normal(0, 3, (2, *spatial, 3))
    y = np.asarray(L.AdaptiveSoftPooling2D(sizes, dtype="float64")(x))
    for place, part in parts(x, sizes, "channels_last"):
        a = part.reshape(2, -1, 3)
        w = oracle.softmax(a)
        np.testing.assert_allclose(y[place], (w * a).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("form", ["Global", "Adaptive"])
def test_the_learned_guide_is_around_the_middle_of_a_window(form, rank, data_format):
    x = images(rank, data_format)
    sizes = (4, 3, 2)[:rank] if form == "Adaptive" else (1,) * rank
    more = {"output_size": sizes} if form == "Adaptive" else {"keepdims": True}
    layer = layer_of(form, "DetailPreservingPooling", rank, data_format, variant="full", **more)
    kernel = np.asarray(layer.guide_kernel)
    last = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
    guide = np.empty((2, *sizes, 3), "float32")
    for place, where in oracle.adaptive_windows(last.shape[1:-1], sizes):
        middle = [part.start + (part.stop - part.start) // 2 for part in where]
        total, count = 0, 0
        for tap in itertools.product(range(3), repeat=rank):
            position = tuple(m + t - 1 for m, t in zip(middle, tap, strict=True))
            if all(0 <= p < n for p, n in zip(position, last.shape[1:-1], strict=True)):
                total = total + last[(slice(None), *position)] * kernel[tap]
                count += 1
        guide[(slice(None), *place)] = total * 3**rank / count
    alpha, lam = (np.exp(np.asarray(v)) for v in (layer.log_alpha, layer.log_lambda))
    first = 2 if data_format == "channels_first" else 1
    at = (slice(None),) * first
    for mode in ("eager", "portable", "portable_dynamic"):
        y = np.asarray(run(mode, layer, x))
        for place, where in oracle.adaptive_windows(last.shape[1:-1], sizes):
            a = last[(slice(None), *where)].reshape(2, -1, 3)
            detail = np.maximum(a - guide[(slice(None), *place)][:, None], 0)
            weights = alpha + np.sqrt(detail**2 + 1e-6) ** lam
            expected = (weights * a).sum(axis=1) / weights.sum(axis=1)
            np.testing.assert_allclose(y[at + place], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("name", WITH_FORMS)
def test_masked_steps_take_no_part(name, data_format):
    x = images(1, data_format)
    steps = 2 if data_format == "channels_first" else 1
    layer = layer_of("Global", name, 1, data_format)
    mask = np.arange(x.shape[steps]) < 4
    part = np.take(x, np.arange(4), axis=steps)
    np.testing.assert_allclose(layer(x, mask=np.stack([mask, mask])), layer(part), rtol=1e-6)
    nothing = np.stack([mask, np.zeros_like(mask)])
    y = np.asarray(layer(x, mask=nothing))
    assert np.isfinite(y[0]).all()
    assert not y[1].any()


@pytest.mark.parametrize("name", WITH_FORMS)
def test_masks_come_from_an_embedding(name):
    cls = layer_class(f"Global{name}", 1)
    words = keras.Sequential([keras.layers.Embedding(9, 3, mask_zero=True), cls(**needed(cls))])
    y = words(np.array([[1, 2, 3, 0, 0]]))
    np.testing.assert_allclose(y, words(np.array([[1, 2, 3]])), rtol=1e-6)


def test_masks_of_images_are_left_out_with_a_warning():
    x = masked_images()
    with pytest.warns(UserWarning, match="does not support masking"):
        y = L.GlobalSumPooling2D()(x)
    np.testing.assert_array_equal(y, L.GlobalSumPooling2D()(np.asarray(x)))


def test_draws_in_training():
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 2)).astype("float32")
    for layer in (L.GlobalStochasticPooling2D(seed=1), L.AdaptiveStochasticPooling2D(3, seed=1)):
        drawn, expected = np.asarray(layer(x, training=True)), np.asarray(layer(x))
        assert drawn.shape == expected.shape
        assert np.isin(drawn, x).all()
        assert (drawn != expected).any()
    steps = L.GlobalStochasticPooling1D(seed=1)
    mask = np.arange(8) < 2
    drawn = np.asarray(steps(x[:, 0], mask=np.stack([mask] * 4), training=True))
    assert np.isin(drawn, x[:, 0, :2]).all()


def test_fewer_values_than_ranks():
    """The softmax is that of the first ranks, so a window of two values has the weights of two."""
    layer = L.AdaptiveSortedPooling1D(2, pool_range=3, dtype="float64")
    layer.build((None, 4, 1))
    layer.rank_logits.assign(np.log([0.2, 0.3, 0.5]))
    y = np.ravel(layer(np.array([1.0, 4.0, 2.0, 3.0]).reshape(1, 4, 1)))
    np.testing.assert_allclose(y, [0.4 * 4 + 0.6 * 1, 0.4 * 3 + 0.6 * 2], rtol=1e-12)
    layer = L.GlobalSortedPooling1D(pool_range=20)
    x = np.arange(5.0, dtype="float32").reshape(1, 5, 1)
    np.testing.assert_allclose(layer(x), [[2.0]], rtol=1e-6)


def test_more_ranks_than_there_are_windows():
    x = np.arange(12.0, dtype="float32").reshape(1, 12, 1)
    layer = L.AdaptiveSortedPooling1D(2, pool_range=5)
    np.testing.assert_allclose(np.ravel(layer(x)), [3.0, 9.0], rtol=1e-6)
    with tsp.portable():
        np.testing.assert_allclose(np.ravel(layer(x)), [3.0, 9.0], rtol=1e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", WITH_FORMS)
def test_special_numbers_stay_in_their_windows(name, value):
    x = images(1)
    with_it = x.copy()
    with_it[:, 1] = value
    for mode in ("eager", "portable"):
        layer = layer_of("Adaptive", name, 1, "channels_last", output_size=3)
        y, plain = np.asarray(run(mode, layer, with_it)), np.asarray(run(mode, layer, x))
        if name != "LocalImportancePooling":
            # In standard operations, one such number decides in which form all windows are computed.
            rounding = 1e-6 if mode == "portable" else 0
            np.testing.assert_allclose(y[:, 1:], plain[:, 1:], rtol=rounding)
        assert np.isnan(y[:, 0]).all() if math.isnan(value) else not np.isnan(y[:, 0]).any()
        if value == math.inf:
            assert (y[:, 0] == value).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.AdaptiveSoftPooling2D(0), "`output_size`.*from 1"),
        (lambda: L.AdaptiveSoftPooling2D((2, 2, 2)), "`output_size`.*2 integers"),
        (lambda: L.AdaptiveSumPooling1D(2.5), "output_size"),
        (lambda: L.AdaptiveLpPooling3D(2, "last"), "data_format"),
        (lambda: L.GlobalSumPooling1D("first"), "data_format"),
        (lambda: L.GlobalMixedPooling2D(mix=2), "mix"),
        (lambda: L.SumPooling2D(2, padding="adaptive"), "padding"),
        (lambda: L.GlobalSortedPooling2D(), "`pool_range` must be given"),
        (lambda: L.AdaptiveSortedPooling2D(2), "`pool_range` must be given"),
        (lambda: L.AdaptiveSortedPooling2D(2, pool_range=0), "pool_range.*Got 0"),
        (lambda: L.GlobalSortedPooling2D(pool_range=1.5), "pool_range.*Got 1.5"),
        (lambda: L.GlobalSortedPooling2D(pool_range=True), "pool_range.*Got True"),
        (lambda: L.GlobalLpPooling2D(per_channel=True)(keras.Input((8, 8, None))), "channels must be known"),
        (lambda: L.AdaptiveSumPooling2D(2)(np.zeros((1, 0, 4, 1), "f4")), "nothing to pool.*is 0"),
        (lambda: L.AdaptiveSumPooling2D(2)(keras.Input((4, 0, 1))), "nothing to pool.*is 0"),
        (lambda: L.GlobalSumPooling2D()(np.zeros((1, 0, 4, 1), "f4")), "nothing to pool.*is 0"),
        (lambda: L.AdaptiveSumPooling2D(2)(np.zeros((1, 4, 4), "f4")), "ndim"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
