"""The gradients of compiled ops, registered with TensorFlow and made from the ops' own signatures.

A pooling's gradient op takes the pooling's inputs and then the gradient of its output, and it has the
pooling's attributes. So the arguments of its call follow from what TensorFlow knows about the two ops. Its
outputs are the gradient of the first input, and one called `<input>_grad` for each other input that has a
gradient.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tf_softpool.ops import native
from tf_softpool.ops.native import signatures
from tf_softpool.ops.native.derivatives import at_positions, derivative_of, vjp
from tf_softpool.ops.native.signatures import NAMESPACE
from tf_softpool.ops.window import PoolWindow


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
    if send_back is None:
        assert portable is not None  # one of the two functions must be given
        gradient_op = f"{NAMESPACE}{name}Grad"
        send_back = derivative_of(portable, lambda: _have_gradients(op_def_registry.get(gradient_op)))
    _register_op(name, send_back)
    # The op whose windows lie at given positions.
    _register_op(f"{name}At", at_positions(send_back))


def _register_op(name: str, send_back: Callable) -> None:
    @tf.RegisterGradient(f"{NAMESPACE}{name}")
    def first_order(op: Any, gradient: Any) -> Any:
        signature = op_def_registry.get(f"{NAMESPACE}{name}Grad")
        arguments = [argument.name for argument in signature.input_arg]
        values = [*_arguments(signature, op, op.inputs), gradient]
        function = getattr(native.load().ops, signatures.function_name(signature.name))
        sent = function(**dict(zip(arguments, values, strict=True)), **_attributes(signature, op))
        gradients = iter(tf.nest.flatten(sent))
        inputs = zip(_have_gradients(signature), map(_count, values[:-1]), strict=True)
        return [next(gradients) if has else None for has, count in inputs for _ in range(count)]

    @tf.RegisterGradient(f"{NAMESPACE}{name}Grad")
    def second_order(op: Any, *gradients: Any) -> Any:
        signature = op_def_registry.get(f"{NAMESPACE}{name}Grad")
        attributes = _attributes(signature, op)
        window = PoolWindow.of_attributes(**{key: attributes.pop(key) for key in signatures.WINDOWS})
        real = [tensor for tensor in op.inputs if tensor.dtype.is_floating]

        def sent(*values: Any) -> Any:
            replaced = iter(values)
            tensors = [next(replaced) if tensor.dtype.is_floating else tensor for tensor in op.inputs]
            *inputs, gradient = _arguments(signature, op, tensors)
            return send_back(*map(_only, inputs), gradient, window, **attributes)

        found = iter(vjp(sent, *real)[1](list(gradients)))
        return [next(found) if tensor.dtype.is_floating else None for tensor in op.inputs]


def _have_gradients(signature: Any) -> list[bool]:
    """Returns, for each input of a pooling, whether the gradient op with this definition has its gradient."""
    return signatures.have_gradients(
        [argument.name for argument in signature.input_arg],
        [argument.name for argument in signature.output_arg],
    )


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
