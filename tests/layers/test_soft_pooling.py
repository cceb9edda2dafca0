"""The layers of SoftPool: global pooling, masks and bad arguments."""

import keras
import numpy as np
import pytest
from cases import DATA_FORMATS
from layer_inputs import RANKS, images, layer_class

import tf_softpool as tsp


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("rank", RANKS)
def test_global_pooling_is_one_window_over_everything(rank, data_format, keepdims):
    x = images(rank, data_format)
    layer = layer_class("GlobalSoftPooling", rank)(data_format, keepdims)
    peer = layer_class("GlobalMaxPooling", rank, keras.layers)(data_format, keepdims)
    spatial = x.shape[2:] if data_format == "channels_first" else x.shape[1:-1]
    expected = tsp.soft_pool(x, spatial, data_format=data_format)
    for portable in (False, True):
        if portable:
            with tsp.portable():
                y = layer(x)
        else:
            y = layer(x)
        assert y.shape == layer.compute_output_shape(x.shape) == peer(x).shape
        np.testing.assert_allclose(np.ravel(y), np.ravel(expected), rtol=1e-5)
    open_shape = (None, *(None if d in spatial else d for d in x.shape[1:]))
    assert layer.compute_output_shape(open_shape) == peer.compute_output_shape(open_shape)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
def test_masked_steps_take_no_part(data_format):
    x = images(1, data_format)
    steps = 2 if data_format == "channels_first" else 1
    layer = tsp.layers.GlobalSoftPooling1D(data_format)
    mask = np.arange(x.shape[steps]) < 4
    part = np.take(x, np.arange(4), axis=steps)
    np.testing.assert_allclose(layer(x, mask=np.stack([mask, mask])), layer(part), rtol=1e-6)
    words = keras.Sequential(
        [keras.layers.Embedding(9, 3, mask_zero=True), layer_class("GlobalSoftPooling", 1)()]
    )
    np.testing.assert_allclose(words(np.array([[1, 2, 3, 0, 0]])), words(np.array([[1, 2, 3]])), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tsp.layers.SoftPooling2D(0), "pool_size"),
        (lambda: tsp.layers.SoftPooling2D((2, 2, 2)), "pool_size"),
        (lambda: tsp.layers.SoftPooling2D(2, strides=-1), "strides"),
        (lambda: tsp.layers.SoftPooling2D(padding="reflect"), "padding"),
        (lambda: tsp.layers.SoftPooling2D(data_format="last"), "data_format"),
        (lambda: tsp.layers.SoftPooling2D(gradient="none"), "gradient"),
        (lambda: tsp.layers.GlobalSoftPooling1D("first"), "data_format"),
        (lambda: tsp.layers.SoftPooling2D()(np.zeros((1, 4, 4), "f4")), "ndim"),
        (lambda: tsp.layers.SoftPooling2D(5)(np.zeros((1, 4, 4, 1), "f4")), "larger"),
        (lambda: tsp.layers.SoftPooling2D(5)(keras.Input((4, 4, 1))), "larger"),
        (lambda: tsp.layers.GlobalSoftPooling2D()(np.zeros((1, 0, 4, 1), "f4")), "nothing"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
