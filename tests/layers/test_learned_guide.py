"""The learned guide of detail-preserving pooling: its values, infinite inputs, and its gradients."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf
from cases import DATA_FORMATS, PADDINGS, Case, with_padding
from derivatives import numeric
from weighted_oracle import guide_of

import tf_softpool as tsp
from tf_softpool.ops.learned_guide import learned_guide
from tf_softpool.ops.window import PoolWindow

L = tsp.layers


def check_guide(spatial, pool_size, strides, padding, data_format, function=None, some_infinite=False):
    """Compares a guide with the oracle's. `function`, if given, may have been traced for another size."""
    random = np.random.default_rng(0)
    rank = len(spatial)
    shape = (2, 3, *spatial) if data_format == "channels_first" else (2, *spatial, 3)
    x = random.normal(size=shape).astype("float32")
    if some_infinite:
        x[random.random(shape) < 0.3] = -np.inf
        x[random.random(shape) < 0.2] = np.inf
    kernel = random.normal(size=(3,) * rank + (3,)).astype("float32")
    window = PoolWindow.of(rank, pool_size, strides, padding, data_format)
    y = function(x, kernel) if function else learned_guide(x, kernel, window)
    expected = guide_of(x, kernel, pool_size, strides, padding, data_format)
    assert y.dtype == "float32"
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def unknown_sizes(rank, pool_size, strides, padding, data_format):
    """Returns the guide as a graph function for every size."""
    window = PoolWindow.of(rank, pool_size, strides, padding, data_format)
    x = tf.TensorSpec([None] * (rank + 2))
    kernel = tf.TensorSpec([3] * rank + [None])
    return tf.function(lambda x, kernel: learned_guide(x, kernel, window), input_signature=[x, kernel])


@pytest.mark.parametrize("unknown", [False, True], ids=["known", "unknown"])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", range(1, 6))
def test_the_guide_of_every_line(size, padding, data_format, unknown):
    for stride in range(1, 5):
        window = ((size,), (stride,), padding, data_format)
        function = unknown_sizes(1, *window) if unknown else None
        for length in range(1 if padding == "same" else size, 10):
            check_guide((length,), *window, function)


@pytest.mark.parametrize("unknown", [False, True], ids=["known", "unknown"])
@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize(
    ("case", "padding"),
    with_padding(
        [
            Case((6, 6), (2, 2), (2, 2)),
            Case((7, 9), (3, 2), (2, 3)),
            Case((5, 7), (4, 5), (1, 2)),
            Case((5, 3), (1, 1), (2, 1)),
            Case((2, 3), (5, 4), (2, 2)),
            Case((1, 5), (1, 3), (1, 4)),
            Case((4, 5, 3), (2, 2, 2), (2, 2, 2)),
            Case((3, 5, 4), (3, 1, 4), (1, 2, 3)),
            Case((2, 3, 1), (4, 5, 3), (2, 1, 1)),
        ]
    ),
)
def test_the_guide_of_planes_and_volumes(case, padding, data_format, unknown):
    window = (case.pool_size, case.strides, padding, data_format)
    function = unknown_sizes(len(case.spatial), *window) if unknown else None
    check_guide(case.spatial, *window, function)


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("spatial", "size"), [((9,), 1), ((9,), 4), ((7, 6), 2), ((4, 3, 5), 3)])
def test_infinite_values_take_no_part_in_the_guide(spatial, size, padding, data_format):
    sizes = (size,) * len(spatial)
    check_guide(spatial, sizes, sizes, padding, data_format, some_infinite=True)


def test_the_guide_where_there_is_nothing_is_zero():
    x = np.full((1, 5, 1), -np.inf, "float32")
    window = PoolWindow.of(1, 2)
    np.testing.assert_array_equal(learned_guide(x, tf.ones((3, 1)), window), np.zeros((1, 2, 1)))


@pytest.mark.parametrize("kernel", [[1, 1, 0], [1, 0, -1], [0.3, 0.3, 0.4]], ids=str)
@pytest.mark.parametrize("form", ["compiled", "portable"])
def test_infinite_values_are_infinite_only_in_their_windows(form, kernel):
    x = np.arange(12, dtype="float32").reshape(1, 12, 1)
    x[:, [4, 6]] = np.inf
    layer = L.DetailPreservingPooling1D(2, variant="full")
    layer.build(x.shape)
    layer.guide_kernel.assign(np.reshape(kernel, (3, 1, 1))[..., 0])

    def values_and_gradient():
        with tf.GradientTape() as tape:
            y = layer(x)
            loss = tf.reduce_sum(tf.where(tf.math.is_inf(y), 0.0, y))
        return np.asarray(y), tape.gradient(loss, layer.guide_kernel.value)

    with tsp.portable() if form == "portable" else contextlib.nullcontext():
        y, gradient = values_and_gradient()
    np.testing.assert_array_equal(y[0, 2:4, 0], [np.inf] * 2)
    np.testing.assert_array_equal(np.isfinite(y[0, :, 0]), [1, 1, 0, 0, 1, 1])
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("low", [False, True], ids=["finite", "with -inf"])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("spatial", "size", "stride"), [((7,), 2, 2), ((5,), 3, 1), ((4, 3), 2, 1)])
def test_gradients_of_the_guide(spatial, size, stride, padding, low):
    random = np.random.default_rng(0)
    rank = len(spatial)
    window = PoolWindow.of(rank, size, stride, padding)
    x, kernel = random.normal(size=(1, *spatial, 2)), random.normal(size=(3,) * rank + (2,))
    if low:
        x[:, 1] = -np.inf
    variable, weights = tf.Variable(x), tf.Variable(kernel)
    with tf.GradientTape() as tape:
        y = learned_guide(variable, weights, window)
        loss = tf.reduce_sum(y**2)
    to_x, to_kernel = tape.gradient(loss, [variable, weights])

    def loss_of(x, kernel):
        return (guide_of(x, kernel, window.pool_size, window.strides, padding) ** 2).sum()

    np.testing.assert_allclose(to_kernel, numeric(lambda k: loss_of(x, k), kernel), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(to_x, numeric(lambda v: loss_of(v, kernel), x), rtol=1e-6, atol=1e-6)
