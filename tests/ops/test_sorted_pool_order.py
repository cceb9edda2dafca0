"""`sorted_pool` with weights that make it another pooling, and tests that only the ranks of values count."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from cases import DTYPES, MODES, PADDINGS
from conftest import bits, numpy_dtype, run, with_gradient

import tf_softpool as tsp

NATIVE = ("eager", "graph")


def max_pool(rank):
    return {1: tf.nn.max_pool1d, 2: tf.nn.max_pool2d, 3: tf.nn.max_pool3d}[rank]


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_one_rank_is_max_pooling_bit_for_bit(rank, dtype, padding, size):
    random = np.random.default_rng(0)
    shape = (2, *(9, 8, 7)[:rank], 19)
    distinct = random.permutation(np.prod(shape)).reshape(shape) / 7 - 50
    # Which of two zeros TensorFlow's 3D pooling takes depends on the processor.
    few = np.array([-2.0, -0.0 if rank < 3 else 0.0, 0.0, 1e-30, 3.0])[random.integers(0, 5, shape)]
    arguments = ((size,) * rank, (2,) * rank, padding.upper())
    for values in (distinct, few):
        # In three dimensions, TensorFlow's max pooling on the CPU takes neither float64 nor float16.
        wider = rank == 3 and dtype in ("float64", "float16")
        x = tf.constant(values.astype(numpy_dtype(dtype)))
        x = tf.cast(tf.cast(x, "float32"), dtype) if wider else x
        peer = tf.cast(x, "float32") if wider else x
        expected = tf.cast(max_pool(rank)(peer, *arguments), dtype)
        for mode in NATIVE:
            y = run(mode, lambda x: tsp.sorted_pool(x, [0.3], *arguments), x)
            np.testing.assert_array_equal(bits(y), bits(expected))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("size", [2, 3])
def test_one_rank_sends_back_what_max_pooling_does(size, dtype, padding):
    # There are few enough values for 16-bit types to tell them apart.
    x = np.random.default_rng(0).permutation(8 * 8 * 3).reshape(1, 8, 8, 3).astype(numpy_dtype(dtype))
    arguments = (size, size, padding.upper())
    g = np.random.default_rng(1).normal(size=tf.nn.max_pool2d(x, *arguments).shape)
    g = g.astype(numpy_dtype(dtype))
    _, expected = run("eager", with_gradient(lambda x: tf.nn.max_pool2d(x, *arguments)), x, g)
    _, dx = run("eager", with_gradient(lambda x: tsp.sorted_pool(x, [0.0], *arguments)), x, g)
    np.testing.assert_array_equal(bits(dx), bits(expected))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [2, 3, 5])
def test_equal_weights_are_average_pooling(size, padding, mode):
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 18)).astype("float32")
    logits = np.full(size * size, -7.0, "float32")
    arguments = (size, 2, padding.upper())
    expected = tf.nn.avg_pool2d(x, *arguments)
    g = np.random.default_rng(1).normal(size=expected.shape).astype("float32")
    _, expected_dx = run("eager", with_gradient(lambda x: tf.nn.avg_pool2d(x, *arguments)), x, g)
    y, dx = run(mode, with_gradient(lambda x: tsp.sorted_pool(x, logits, *arguments)), x, g)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [2, 3, 4])
def test_permuting_a_window_changes_nothing(size, mode):
    random = np.random.default_rng(0)
    x = random.normal(size=(1, size, 18)).astype("float32")
    logits = random.normal(size=size).astype("float32")

    def pool(x):
        return np.asarray(run(mode, lambda x: tsp.sorted_pool(x, logits, size), x))

    for order in itertools.permutations(range(size)):
        np.testing.assert_array_equal(pool(x[:, list(order)]), pool(x))


@pytest.mark.parametrize("count", [8, 9, 16, 25, 27, 49])
def test_shuffling_a_large_window_changes_nothing(count):
    random = np.random.default_rng(0)
    x = random.normal(size=(1, count, 18)).astype("float32")
    logits = random.normal(size=count).astype("float32")
    expected = tsp.sorted_pool(x, logits, count)
    for _ in range(20):
        shuffled = x[:, random.permutation(count)]
        np.testing.assert_array_equal(tsp.sorted_pool(shuffled, logits, count), expected)


@pytest.mark.parametrize("count", [2, 3, 4, 8, 9, 16, 25, 27, 49])
def test_every_order_of_zeros_and_ones_is_sorted(count):
    # A sorting network that sorts every order of zeros and ones sorts everything (Knuth 5.3.4, theorem Z).
    random = np.random.default_rng(0)
    if count <= 9:
        x = np.array(list(itertools.product((0.0, 1.0), repeat=count)), "float32")
    else:
        x = (random.random((4096, count)) < random.random((4096, 1))).astype("float32")
    logits = np.log(np.arange(1, count + 1)).astype("float32")
    weights = np.arange(1, count + 1) / np.arange(1, count + 1).sum()
    expected = (np.sort(x)[:, ::-1] * weights).sum(1)
    y = tsp.sorted_pool(x.T[None], logits, count)
    np.testing.assert_allclose(np.ravel(y), expected, rtol=1e-5)
