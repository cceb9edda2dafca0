"""Random draws of a window's values, in standard operations."""

from typing import Any

import keras
from keras import ops

from tf_softpool.ops.portable.infinities import largest_of
from tf_softpool.ops.portable.taps import TAPS

# The most taps whose weights are added one after the other, as the compiled op adds them.
_MOST_ADDED = 64


def key_of(seed: Any) -> Any:
    """Returns the next key of a `keras.random.SeedGenerator`, in the form that `drawn` takes.

    On TensorFlow it is a tensor of two int32 numbers. On other backends it is the generator itself.
    """
    return ops.cast(seed.next(), "int32") if keras.backend.backend() == "tensorflow" else seed


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
    """Returns random numbers from 0 to less than 1."""
    if keras.backend.backend() != "tensorflow":
        return ops.minimum(keras.random.uniform(shape, dtype=dtype, seed=key), 1 - 1e-6)
    import tensorflow as tf

    # The compiled op makes the same numbers: the algorithm Philox, with a counter of zero.
    key = tf.bitcast(tf.reshape(tf.cast(key, "int32"), (1, 2)), tf.uint64)
    counter = tf.zeros((2,), tf.uint64)
    shape = tf.convert_to_tensor(shape, dtype="int32") if len(shape) else shape
    # XLA makes the same words, but other numbers of them than TensorFlow does.
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape, key=key, counter=counter, alg=1, dtype=tf.uint32
    )
    last_bits = tf.bitwise.bitwise_and(words, tf.constant(0x7FFFFF, tf.uint32))
    return tf.cast(last_bits, dtype) * tf.cast(2.0**-23, dtype)
