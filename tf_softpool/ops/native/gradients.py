"""The gradients of compiled ops, registered with TensorFlow and made from the ops' own signatures.

A pooling's gradient op takes the pooling's inputs and then the gradient of its output, and it has the
pooling's attributes. So the arguments of its call follow from what TensorFlow knows about the two ops. Its
outputs are the gradient of the first input, and one called `<input>_grad` for each other input that has a
gradient.
"""

import re
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tf_softpool.ops import native
from tf_softpool.ops.window import PoolWindow

# The attributes that describe a `PoolWindow`.
_WINDOWS = ("ksize", "strides", "padding", "data_format")


def register(name: str, portable: Callable | None = None, send_back: Callable | None = None) -> None:
    """Registers a pooling's gradients of first and second order.

    Gradients of second order are made of standard operations, so they can be differentiated again, to any
    order.

    Args:
        name: the op's name without its namespace, such as `"SoftPool"`.
        portable: a function that computes the same pooling with standard operations. It takes the op's
            inputs, a `PoolWindow`, and the op's other attributes by name. An absent optional input is passed
            as None.
        send_back: a function that computes what the gradient op computes, with standard operations. It takes
            the op's inputs, the gradient of its output, a `PoolWindow`, and the other attributes by name.
            It is needed only if the gradient is not the derivative of `portable`.
    """
    _register_op(name, send_back or _derivative_of(name, portable))
    # The op whose windows lie at given positions.
    _register_op(f"{name}At", _at_positions(send_back or _derivative_of(name, portable)))


def _at_positions(send_back: Callable) -> Callable:
    """Returns a function that takes the positions of windows after the op's other inputs."""

    def placed(*arguments: Any, **attributes: Any) -> Any:
        *inputs, positions, gradient, window = arguments
        return send_back(*inputs, gradient, window.placed(positions, window.strides), **attributes)

    return placed


def _register_op(name: str, send_back: Callable) -> None:
    @tf.RegisterGradient(f"Softpool>{name}")
    def first_order(op: Any, gradient: Any) -> Any:
        signature = op_def_registry.get(f"Softpool>{name}Grad")
        arguments = [argument.name for argument in signature.input_arg]
        values = [*_arguments(signature, op, op.inputs), gradient]
        function = getattr(native.load().ops, _function_name(signature.name))
        sent = function(**dict(zip(arguments, values, strict=True)), **_attributes(signature, op))
        gradients = iter(tf.nest.flatten(sent))
        inputs = zip(_have_gradients(signature), map(_count, values[:-1]), strict=True)
        return [next(gradients) if has else None for has, count in inputs for _ in range(count)]

    @tf.RegisterGradient(f"Softpool>{name}Grad")
    def second_order(op: Any, *gradients: Any) -> Any:
        signature = op_def_registry.get(f"Softpool>{name}Grad")
        attributes = _attributes(signature, op)
        window = PoolWindow.of_attributes(**{key: attributes.pop(key) for key in _WINDOWS})
        real = [tensor for tensor in op.inputs if tensor.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(real)
            *inputs, gradient = _arguments(signature, op, op.inputs)
            inputs = [_only(value) for value in inputs]
            sent = send_back(*inputs, gradient, window, **attributes)
        zero = tf.UnconnectedGradients.ZERO
        found = iter(tape.gradient(sent, real, list(gradients), unconnected_gradients=zero))
        return [next(found) if tensor.dtype.is_floating else None for tensor in op.inputs]


def _derivative_of(name: str, portable: Callable | None) -> Callable:
    assert portable is not None  # one of the two functions must be given

    def send_back(*arguments: Any, **attributes: Any) -> Any:
        *inputs, gradient, window = arguments
        have_gradients = _have_gradients(op_def_registry.get(f"Softpool>{name}Grad"))
        pairs = zip(inputs, have_gradients, strict=True)
        there = [value for value, has in pairs if has and value is not None]
        with tf.GradientTape() as tape:
            tape.watch(there)
            y = portable(*inputs, window, **attributes)
        return tape.gradient(y, there, gradient, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return send_back


def _have_gradients(signature: Any) -> list[bool]:
    """Returns, for each input of a pooling, whether the gradient op with this definition has its gradient."""
    names = [argument.name for argument in signature.input_arg][:-1]
    outputs = {argument.name for argument in signature.output_arg}
    # Sorted pooling calls the gradient of its logits by another name.
    outputs |= {"rank_logits_grad"} if "rank_grad" in outputs else set()
    return [True, *(f"{name}_grad" in outputs for name in names[1:])]


def _count(value: Any) -> int:
    """Returns the number of tensors in an argument."""
    return len(value) if isinstance(value, list) else 1


def _arguments(signature: Any, op: Any, tensors: Any) -> list:
    """Returns an op's tensors as arguments of its function: a list for an input that is a list of tensors.

    Args:
        signature: the definition of an op whose first inputs are those of `op`.
        op: the op.
        tensors: the op's inputs.
    """
    left, arguments = list(tensors), []
    for argument in signature.input_arg:
        if argument.number_attr:
            count = op.get_attr(argument.number_attr)
            arguments.append(left[:count])
            left = left[count:]
        elif left:
            arguments.append(left.pop(0))
    return arguments


def _only(value: Any) -> Any:
    """Returns the tensor of an optional input, or None."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _attributes(signature: Any, op: Any) -> dict[str, Any]:
    """Returns an op's attributes by name, without those that TensorFlow infers from the op's tensors."""
    said = {argument.type_attr for argument in signature.input_arg}
    said |= {argument.number_attr for argument in signature.input_arg}
    values = {attr.name: op.get_attr(attr.name) for attr in signature.attr if attr.name not in said}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}


def _function_name(op: str) -> str:
    """Returns the name that TensorFlow gives to an op's function in the loaded library."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[^>])(?=[A-Z][a-z])", "_", op).replace(">", "_").lower()
