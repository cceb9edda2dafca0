"""The layers of median pooling: medians of whole and of cut windows, windows with -inf, and gradients."""

import keras
import numpy as np
import oracle
import pytest
import tensorflow as tf
from cases import DATA_FORMATS, FEW, LARGER_THAN_THE_INPUT, PADDINGS, SHARES_OF_NOTHING, with_nothing
from conftest import numpy_dtype, run, with_gradient
from layer_inputs import RANKS, images, layer_class

import tf_softpool as tsp

L = tsp.layers
MODES = ("eager", "graph", "dynamic", "xla", "portable", "portable_dynamic")


def median_of(x, case, padding):
    """Returns the median of each window of a tensor with channels last. `-inf` counts as absent."""
    spatial = x.shape[1:-1]
    sizes = [oracle.output_size(*d, padding) for d in zip(spatial, case.pool_size, case.strides, strict=True)]
    y = np.empty((x.shape[0], *sizes, x.shape[-1]), "float64")
    for position, where in oracle.windows(spatial, case.pool_size, case.strides, padding):
        a = x[(slice(None), *where)].reshape(x.shape[0], -1, x.shape[-1]).astype("float64")
        for image, channel in np.ndindex(a.shape[0], a.shape[2]):
            values = a[image, :, channel]
            present = values[values != -np.inf]
            y[(image, *position, channel)] = np.median(present) if len(present) else -np.inf
    return y


def layer_of(case, padding, data_format="channels_last", dtype=None):
    """Returns a layer for a case."""
    arguments = (case.pool_size, case.strides, padding, data_format)
    return layer_class("MedianPooling", len(case.spatial))(*arguments, dtype=dtype)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("case", [*FEW, LARGER_THAN_THE_INPUT], ids=str)
def test_medians(case, padding, data_format, mode):
    if not case.fits(padding):
        pytest.skip("the padding does not allow the windows")
    x = np.random.default_rng(0).normal(size=case.shape("channels_last"))
    expected = median_of(x, case, padding)
    if data_format == "channels_first":
        x, expected = np.moveaxis(x, -1, 1), np.moveaxis(expected, -1, 1)
    y = run(mode, layer_of(case, padding, data_format, "float64"), x)
    np.testing.assert_allclose(y, expected, rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("share", SHARES_OF_NOTHING)
@pytest.mark.parametrize("padding", PADDINGS)
def test_nothing_counts_as_absent(padding, share, mode):
    case = FEW[2]
    x = with_nothing(np.random.default_rng(0).normal(size=case.shape("channels_last")), share)
    y = run(mode, layer_of(case, padding, dtype="float64"), x)
    np.testing.assert_allclose(y, median_of(x, case, padding), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("mode", ["eager", "portable"])
def test_types(mode, dtype):
    x = np.arange(16.0).reshape(1, 4, 4, 1).astype(numpy_dtype(dtype))
    y = run(mode, L.MedianPooling2D(2, dtype=dtype), x)
    assert y.dtype == dtype
    assert np.asarray(y, "float64").ravel().tolist() == [2.5, 4.5, 10.5, 12.5]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", PADDINGS)
def test_gradients_go_to_the_middle(padding, mode):
    x = np.random.default_rng(0).permutation(np.arange(36.0)).reshape(1, 6, 6, 1)
    layer = L.MedianPooling2D(3, 2, padding, dtype="float64")
    g = np.random.default_rng(1).normal(size=layer.compute_output_shape(x.shape))
    _, dx = run(mode, with_gradient(layer), x, g)
    expected = np.zeros_like(x)
    for position, where in oracle.windows((6, 6), (3, 3), (2, 2), padding):
        part = x[(slice(None), *where)]
        ranked = np.sort(part, axis=None)
        for middle in ((part.size - 1) // 2, part.size // 2):
            expected[(slice(None), *where)] += 0.5 * g[(0, *position, 0)] * (part == ranked[middle])
    np.testing.assert_allclose(dx, expected, rtol=1e-12)


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize("mode", ["eager", "portable"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, NAN, 2), NAN),
        ((NAN, -INF, -INF), NAN),
        ((INF, 1, 2), 2),
        ((INF, INF, 2), INF),
        ((INF, -INF, 2), INF),
        ((-INF, 3, -INF), 3),
        ((-INF, 3, 1), 2),
        ((-INF, -INF, -INF), -INF),
        ((1e308, 1.5e308, -INF), 1.25e308),
    ],
)
def test_special_numbers(values, expected, mode):
    x = np.array(values, "float64").reshape(1, 3, 1)
    layer = L.MedianPooling1D(3, dtype="float64")
    y, dx = run(mode, with_gradient(layer), x, np.ones((1, 1, 1)))
    np.testing.assert_allclose(np.ravel(y), [expected], rtol=1e-12)
    if np.isfinite(expected):
        assert np.sum(dx) == 1


@pytest.mark.parametrize("rank", RANKS)
def test_a_spike_disappears(rank):
    x = np.zeros((1, *(5,) * rank, 1), "float32")
    x[(0, *(2,) * rank, 0)] = 100
    layer = layer_class("MedianPooling", rank)(3, 1, "same")
    assert not np.any(layer(x))
    assert not layer.weights


def test_it_replaces_and_saves(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.MaxPooling2D(3, 2, "same")])
    new, report = tsp.replace_pooling(model, {"max": "median"})
    assert report.replaced[0].replacement == "MedianPooling2D"
    new.save(tmp_path / "median.keras")
    x = images(2, size=8)[:, :, :8]
    loaded = keras.models.load_model(tmp_path / "median.keras")
    np.testing.assert_array_equal(loaded(x), new(x))
    tsp.export(new, tmp_path / "exported", portable=True)
    served = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(served.serve(x), new(x), rtol=1e-6)
