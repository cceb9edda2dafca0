"""The gradients of compiled ops, for TensorFlow's differentiation, made from the ops' own signatures.

The op of a pooling's gradient takes the pooling's inputs and then the gradient of its output, and has the
pooling's attributes. So what it is called with follows from what TensorFlow knows of the two ops.
"""

import re

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tf_softpool.ops import native
from tf_softpool.ops.window import PoolWindow

# The attributes that describe windows.
_WINDOWS = ("ksize", "strides", "padding", "data_format")


def register(name, portable=None, send_back=None):
    """Registers a pooling's gradients of first and second order.

    Those of second order are made of standard operations, and so can be differentiated again, to any order.

    Args:
        name: the op's name without its namespace, as `"SoftPool"`.
        portable: a function of the op's inputs, a `PoolWindow` and the op's other attributes by name: the
            same pooling in standard operations. An optional input that is absent is None.
        send_back: a function of the op's inputs, the gradient of its output, and the same after them: what
            the gradient op computes. It is for poolings where that is not the portable form's derivative.
    """
    send_back = send_back or _derivative_of(portable)

    @tf.RegisterGradient(f"Softpool>{name}")
    def first_order(op, gradient):
        signature = op_def_registry.get(f"Softpool>{name}Grad")
        arguments = [argument.name for argument in signature.input_arg]
        values = [*_arguments(signature, op, op.inputs), gradient]
        function = getattr(native.load().ops, _function_name(signature.name))
        sent = function(**dict(zip(arguments, values, strict=True)), **_attributes(signature, op))
        return tf.nest.flatten(sent)

    @tf.RegisterGradient(f"Softpool>{name}Grad")
    def second_order(op, *gradients):
        signature = op_def_registry.get(f"Softpool>{name}Grad")
        attributes = _attributes(signature, op)
        window = PoolWindow.of_attributes(**{key: attributes.pop(key) for key in _WINDOWS})
        with tf.GradientTape() as tape:
            tape.watch(op.inputs)
            *inputs, gradient = _arguments(signature, op, op.inputs)
            inputs = [_only(value) for value in inputs]
            sent = send_back(*inputs, gradient, window, **attributes)
        zero = tf.UnconnectedGradients.ZERO
        return tape.gradient(sent, list(op.inputs), list(gradients), unconnected_gradients=zero)


def _derivative_of(portable):
    def send_back(*arguments, **attributes):
        *inputs, gradient, window = arguments
        there = [value for value in inputs if value is not None]
        with tf.GradientTape() as tape:
            tape.watch(there)
            y = portable(*inputs, window, **attributes)
        return tape.gradient(y, there, gradient, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return send_back


def _arguments(signature, op, tensors):
    """An op's tensors as its function takes them: a list for each input that is a list of tensors.

    Args:
        signature: the definition of an op that begins with these inputs.
        op: the op.
        tensors: its inputs.
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


def _only(value):
    """The tensor of an optional input, or None."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _attributes(signature, op):
    """What an op was told, by name, but for what its tensors say."""
    said = {argument.type_attr for argument in signature.input_arg}
    said |= {argument.number_attr for argument in signature.input_arg}
    values = {attr.name: op.get_attr(attr.name) for attr in signature.attr if attr.name not in said}
    return {
        name: value.decode()
        if isinstance(value, bytes)
        else list(value)
        if isinstance(value, list)
        else value
        for name, value in values.items()
    }


def _function_name(op):
    """The name of an op's function in the loaded library, as TensorFlow makes it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[^>])(?=[A-Z][a-z])", "_", op).replace(">", "_").lower()
