"""Random draws of a window's values, in standard operations."""

import math
from typing import Any

import keras
from keras import ops

from tf_softpool.ops.portable import philox
from tf_softpool.ops.portable.infinities import largest_of
from tf_softpool.ops.portable.taps import TAPS

# The most taps whose weights are added one after the other, as the compiled op adds them.
_MOST_ADDED = 64
# A number's share of a random word.
_BITS = 0x7FFFFF


def key_of(seed: Any) -> Any:
    """Returns the next key of a `keras.random.SeedGenerator`, in the form that `drawn` takes.

    Where there are compiled ops, it is a tensor of two int32 numbers. On PyTorch it is the generator itself.
    """
    return ops.cast(seed.next(), "int32") if keras.backend.backend() in ("tensorflow", "jax") else seed


def draw_weights(a: Any, present: Any) -> tuple[Any, Any, Any]:
    """Returns weights in proportion to the probabilities of stochastic pooling.

    Args:
        a: the values of windows, with zeros at taps without a number.
        present: a bool tensor that is True at taps with a number.

    Returns:
        Three tensors. The first is the weights: the positive values, divided by the largest of them, or ones
        if there are none. The second is the number that they were divided by. The third says whether there
        are positive values.
    """
    positive = ops.relu(a)
    largest = ops.stop_gradient(largest_of(positive))
    some = largest > 0
    largest = ops.where(some, largest, 1.0)
    return ops.where(some, positive / largest, ops.cast(present, a.dtype)), largest, some


def drawn(a: Any, weights: Any, key: Any) -> Any:
    """Returns a drawn value of each window. Its probability is in proportion to its weight."""
    size, *rest = ops.shape(a)
    likely = weights > 0
    # A cumulative sum that is computed in parallel may fall from one tap to the next. So only taps with a
    # weight can be drawn. The sum of at least one of them is above the threshold.
    until = ops.where(likely, _cumulative(weights), 0.0)
    threshold = _uniform(rest, a.dtype, key) * ops.max(until, axis=TAPS, initial=0.0)
    places = ops.reshape(ops.arange(size, dtype="int32"), (-1, 1, 1, 1))
    above = ops.logical_and(likely, until > threshold)
    place = ops.min(ops.where(above, places, size), axis=TAPS, initial=size)
    return ops.sum(ops.where(places == place, a, 0.0), axis=TAPS, keepdims=True)


def _cumulative(weights: Any) -> Any:
    size = weights.shape[TAPS]
    if not isinstance(size, int) or not 0 < size <= _MOST_ADDED:
        return ops.cumsum(weights, axis=TAPS)
    sums = [weights[0]]
    for i in range(1, size):
        sums.append(sums[-1] + weights[i])
    return ops.stack(sums, axis=TAPS)


def _uniform(shape: Any, dtype: Any, key: Any) -> Any:
    """Returns random numbers from 0 to less than 1. The compiled op makes the same ones."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        bits = _bits_of_tensorflow(shape, key)
    elif backend == "jax":
        bits = _bits_of_jax(shape, key)
    else:
        return ops.minimum(keras.random.uniform(shape, dtype=dtype, seed=key), 1 - 1e-6)
    return ops.cast(bits, dtype) * ops.cast(2.0**-23, dtype)


def _bits_of_tensorflow(shape: Any, key: Any) -> Any:
    """Returns 23 random bits for each number: those of the algorithm Philox, with a counter of zero."""
    import tensorflow as tf

    key = tf.bitcast(tf.reshape(tf.cast(key, "int32"), (1, 2)), tf.uint64)
    counter = tf.zeros((2,), tf.uint64)
    shape = tf.convert_to_tensor(shape, dtype="int32") if len(shape) else shape
    # XLA makes the same words, but other numbers of them than TensorFlow does.
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape, key=key, counter=counter, alg=1, dtype=tf.uint32
    )
    return tf.bitwise.bitwise_and(words, tf.constant(_BITS, tf.uint32))


def _bits_of_jax(shape: Any, key: Any) -> Any:
    """Returns the same bits. JAX's own Philox puts its words in another order."""
    from jax import numpy as jnp

    count = math.prod(shape)
    blocks = jnp.arange(-(-count // 4), dtype="uint32")
    words = jnp.stack(philox.blocks(key.astype("uint32"), blocks), axis=-1)
    return (words & jnp.uint32(_BITS)).reshape(-1)[:count].reshape(shape)
