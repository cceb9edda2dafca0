"""Stochastic pooling: a value of each window, drawn at random, or the expected value."""

from typing import Any

from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.portable import standard
from tf_softpool.ops.portable.draws import draw_weights, drawn, key_of
from tf_softpool.ops.portable.integers import mixtures as integers
from tf_softpool.ops.portable.quick import mixtures
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.standard import mean
from tf_softpool.ops.portable.taps import TAPS
from tf_softpool.ops.window import PoolWindow


def pool(x: Any, window: PoolWindow, seed: Any = None) -> Any:
    """Returns one value of each window, drawn with probability `p_i = relu(a_i) / sum_j relu(a_j)`.

    In a window without positive values, all values are equally likely. The gradient goes to the drawn value.
    Uses the compiled op if it can be used. What is drawn depends on the seed and on the window's place in
    the result. It does not depend on threads or on the device, and the compiled op draws what standard
    operations draw on TensorFlow.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        seed: a `keras.random.SeedGenerator`, or None to return the expectation, `sum_i p_i a_i`.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    x = ops.convert_to_tensor(x)
    key = None if seed is None else key_of(seed)
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_stochastic_pool(
            input=x, seed=[] if key is None else [key], **window.attributes()
        ),
        lambda: portable_stochastic_pool(x, key, window),
    )


def portable_stochastic_pool(x: Any, key: Any, window: PoolWindow) -> Any:
    """Pools with standard operations, on any backend of Keras. `key` is what `key_of` returns, or None."""
    if key is not None:
        return exact_stochastic_pool(x, key, window)
    return or_exact(
        mixtures.expected_value,
        (x,),
        window,
        lambda: exact_stochastic_pool(x, None, window),
        integers.expected_value,
    )


def exact_stochastic_pool(x: Any, key: Any, window: PoolWindow) -> Any:
    """Pools with standard operations that are right for all numbers."""

    def reduce(a: Any, present: Any) -> Any:
        weights, largest, some = draw_weights(a, present)
        if key is not None:
            return drawn(a, weights, key)
        # The values are the largest one times their weights, so no product overflows.
        total = ops.sum(weights, axis=TAPS, keepdims=True)
        squares = ops.sum(ops.where(some, weights, 0.0) ** 2, axis=TAPS, keepdims=True)
        # `standard.pool` replaces the result of a window without numbers, but its derivative must be finite.
        expected = largest * (squares / ops.where(total > 0, total, 1.0))
        return ops.where(some, expected, mean(a, present))

    return standard.pool(x, window, reduce)


native.register_gradients("StochasticPool", exact_stochastic_pool)
