"""Layers as nodes of a TensorFlow graph."""

import contextlib
from dataclasses import dataclass

import keras
import tensorflow as tf

_NODES = {
    keras.layers.MaxPooling2D: tf.nn.max_pool2d,
    keras.layers.MaxPooling3D: tf.nn.max_pool3d,
    keras.layers.AveragePooling2D: tf.nn.avg_pool2d,
    keras.layers.AveragePooling3D: tf.nn.avg_pool3d,
}


@dataclass(frozen=True)
class Fragment:
    """The nodes that compute a function: what its inputs and its output are called, and what ops it needs.

    Names of inputs and outputs are those of a function's body, or of a graph, as was asked for.
    """

    nodes: list
    inputs: list
    output: str
    op_defs: list
    functions: list


class NotTraceableError(ValueError):
    """Why a layer cannot be made of nodes alone."""


def trace_pooling(layer, rank, dtype, in_function):
    """The `Fragment` of a layer: one input, and its output.

    Args:
        layer: a Keras layer.
        rank: the number of its input's dimensions.
        dtype: their type.
        in_function: whether the nodes are for a function's body.

    Raises:
        NotTraceableError: the layer has variables, for which a graph that is there has no place, or cannot be
            called on a tensor of unknown sizes.
    """
    return _trace(lambda x: _call(layer, x), 1, rank, dtype, in_function, layer)


def trace_gradient(layer, rank, dtype, in_function):
    """The `Fragment` of a layer's gradient, of two inputs: the layer's, and the gradient of its output."""

    def gradient(x, g):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = _call(layer, x)
        return tape.gradient(y, x, output_gradients=g)

    return _trace(gradient, 2, rank, dtype, in_function, layer)


def _call(layer, x):
    """A layer's output. TensorFlow's own poolings become one node, whatever Keras makes of them."""
    function = _NODES.get(type(layer))
    if function is None:
        return layer(x)
    depth = "D" if len(layer.pool_size) == 3 else ""
    data_format = f"NC{depth}HW" if layer.data_format == "channels_first" else f"N{depth}HWC"
    return function(x, layer.pool_size, layer.strides, layer.padding.upper(), data_format)


def _trace(function, arguments, rank, dtype, in_function, layer):
    spec = tf.TensorSpec([None] * rank, dtype)
    kind = type(layer).__name__
    try:
        concrete = tf.function(function, autograph=False).get_concrete_function(*[spec] * arguments)
    except Exception as error:
        # Layers with variables want to know how many channels there are.
        with contextlib.suppress(Exception):
            layer.build([2] * rank)
        if layer.variables:
            raise NotTraceableError(_needs_variables(kind)) from error
        raise NotTraceableError(f"{kind} cannot be traced there: {error}") from error
    if layer.variables or concrete.captured_inputs:
        raise NotTraceableError(_needs_variables(kind))
    graph_def = concrete.graph.as_graph_def()
    op_defs = {op.type: op.op_def for op in concrete.graph.get_operations()}
    functions = list(graph_def.library.function)
    if in_function:
        definition = concrete.function_def
        inputs = [argument.name for argument in definition.signature.input_arg]
        output = definition.ret[definition.signature.output_arg[0].name]
        return Fragment(list(definition.node_def), inputs, output, list(op_defs.values()), functions)
    inputs = [tensor.op.name for tensor in concrete.inputs]
    nodes = [node for node in graph_def.node if node.name not in inputs]
    output = concrete.outputs[0].name.removesuffix(":0")
    return Fragment(nodes, inputs, output, list(op_defs.values()), functions)


def _needs_variables(kind):
    return (
        f"{kind} has variables, and a SavedModel's graph no place for more: replace pooling in the Keras "
        "model, and export that"
    )
