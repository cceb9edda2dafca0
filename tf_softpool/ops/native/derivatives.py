"""Derivatives of functions in standard operations, on the backends that have compiled ops."""

from collections.abc import Callable
from typing import Any

import keras


def vjp(function: Callable, *inputs: Any) -> tuple[Any, Callable]:
    """Returns what a function of tensors gives, and a function that sends a gradient of it back.

    The second function takes a gradient of the structure of the first result, and returns a sequence with
    the gradient of each input. An input that the result does not depend on has a gradient of zeros.

    Args:
        function: function of tensors.
        inputs: tensors of real numbers.
    """
    if keras.backend.backend() == "jax":
        import jax

        return jax.vjp(function, *inputs)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(*inputs)
    zero = tf.UnconnectedGradients.ZERO
    return outputs, lambda gradients: tape.gradient(
        outputs, list(inputs), gradients, unconnected_gradients=zero
    )


def derivative_of(portable: Callable, have_gradients: Callable[[], list[bool]]) -> Callable:
    """Returns a function that computes in standard operations what a pooling's gradient op computes.

    Args:
        portable: function that pools in standard operations: see `gradients.register`.
        have_gradients: function that returns, for each input of the pooling, whether it has a gradient.
    """

    def send_back(*arguments: Any, **attributes: Any) -> Any:
        *inputs, gradient, window = arguments
        pairs = zip(inputs, have_gradients(), strict=True)
        there = [i for i, (value, has) in enumerate(pairs) if has and value is not None]

        def pool(*values: Any) -> Any:
            replaced = dict(zip(there, values, strict=True))
            return portable(*(replaced.get(i, value) for i, value in enumerate(inputs)), window, **attributes)

        return list(vjp(pool, *(inputs[i] for i in there))[1](gradient))

    return send_back


def at_positions(send_back: Callable) -> Callable:
    """Returns a function that takes the positions of windows after the op's other inputs."""

    def placed(*arguments: Any, **attributes: Any) -> Any:
        *inputs, positions, gradient, window = arguments
        return send_back(*inputs, gradient, window.placed(positions, window.strides), **attributes)

    return placed
