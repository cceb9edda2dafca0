"""The layers of S3Pool: their first step, what they draw, and bad arguments."""

import keras
import numpy as np
import pytest
import standard_oracle
from cases import PADDINGS
from layer_inputs import images

import tf_softpool as tsp

L = tsp.layers


@pytest.mark.parametrize("padding", PADDINGS)
def test_s3_is_a_pooling_and_then_averages(padding):
    x = np.random.default_rng(0).normal(size=(2, 9, 10, 3)).astype("float32")
    step = standard_oracle.pool(x, (3, 2), (1, 1), padding, "channels_last", standard_oracle.mixed(1.0))[0]
    pads = [(0, 0), *((0, -n % 2) for n in step.shape[1:3]), (0, 0)]
    cells = np.pad(step, pads, constant_values=np.nan)
    cells = cells.reshape(2, cells.shape[1] // 2, 2, cells.shape[2] // 2, 2, 3)
    layer = L.S3Pooling2D((3, 2), 2, padding)
    np.testing.assert_allclose(layer(x), np.nanmean(cells, axis=(2, 4)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layer(x, training=False), layer(x))


@pytest.mark.parametrize(
    "pooling", ["max", "average", L.SoftPooling2D, L.SortedPooling2D, L.StochasticPooling2D]
)
def test_s3_draws_from_its_first_step(pooling):
    x = images(2)
    layer = L.S3Pooling2D(2, 2, "same", grid_size=(4, 2), pooling=pooling, seed=1)
    y = np.asarray(layer(x, training=True))
    if pooling is not L.StochasticPooling2D:
        step = np.asarray(layer.pooling(x))
        assert all((step[0, :, :, 0] == value).any() for value in np.ravel(y[0, :, :, 0]))
    else:
        assert np.isin(y, x).all()
    assert (y != np.asarray(layer(x, training=True))).any()
    again = L.S3Pooling2D(2, 2, "same", grid_size=(4, 2), pooling=pooling, seed=1)
    if pooling is not L.StochasticPooling2D:
        np.testing.assert_array_equal(again(x, training=True), y)


def test_s3_owns_its_first_step():
    layer = L.S3Pooling2D(2, pooling=L.SortedPooling2D, dtype="mixed_bfloat16")
    assert layer.pooling.compute_dtype == "bfloat16"
    layer.build((None, 8, 8, 3))
    assert [w.name for w in layer.trainable_weights] == ["rank_logits"]
    copy = L.S3Pooling2D.from_config(layer.get_config())
    assert type(copy.pooling) is L.SortedPooling2D
    assert copy.pooling is not layer.pooling


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.S3Pooling2D(2, grid_size=3), "`grid_size` must be a multiple of the strides"),
        (lambda: L.S3Pooling2D(2, pooling="soft"), "`pooling` must be one of .*got 'soft'"),
        (lambda: L.S3Pooling2D(2, pooling=None), "`pooling` must be one of .*got None"),
        (lambda: L.S3Pooling2D(2, pooling=L.SoftPooling2D(2)), r"strides=\(1, 1\), got one with \(2, 2\)"),
        (
            lambda: L.S3Pooling2D(2, pooling=L.SoftPooling2D(3, 1)),
            r"pool_size=\(2, 2\), got one with \(3, 3\)",
        ),
        (lambda: L.S3Pooling2D(2, pooling=L.SoftPooling2D(2, 1, "same")), "padding='valid'"),
        (lambda: L.S3Pooling2D(2, pooling=L.SoftPooling1D(2, 1)), r"pool_size=\(2, 2\)"),
        (lambda: L.S3Pooling2D(2, pooling=keras.layers.Dense(3)), "pool_size"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
