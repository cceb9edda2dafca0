"""Layers as nodes of a TensorFlow graph."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

# Keras may compute these layers with several nodes. TensorFlow's own function makes one node.
_FUNCTIONS = {
    keras.layers.MaxPooling2D: tf.nn.max_pool2d,
    keras.layers.MaxPooling3D: tf.nn.max_pool3d,
    keras.layers.AveragePooling2D: tf.nn.avg_pool2d,
    keras.layers.AveragePooling3D: tf.nn.avg_pool3d,
}


@dataclass(frozen=True)
class Fragment:
    """The nodes that compute a function.

    Attributes:
        nodes: the nodes, in the form of a function's body or of a graph.
        inputs: the names of the function's inputs, as the nodes use them.
        output: the name of its output.
        op_defs: the definitions of the ops that the nodes use.
        functions: the functions that the nodes call.
    """

    nodes: list
    inputs: list[str]
    output: str
    op_defs: list
    functions: list


class NotTraceableError(ValueError):
    """A layer cannot be made of nodes alone."""


class Tracer:
    """Traces layers. Layers that differ only in their names are traced once."""

    def __init__(self) -> None:
        self._fragments: dict[tuple, Fragment] = {}

    def pooling(self, layer: keras.Layer, rank: int, dtype: tf.DType, in_function: bool) -> Fragment:
        """Returns the fragment of a layer. It has one input.

        Args:
            layer: a Keras layer.
            rank: the number of dimensions of its input.
            dtype: the type of its input.
            in_function: whether the nodes are for a function's body.

        Raises:
            NotTraceableError: if the layer has variables, which cannot be added to a graph, or cannot be
                called on a tensor of unknown size.
        """
        return self._fragment("pooling", lambda x: _call(layer, x), 1, layer, rank, dtype, in_function)

    def gradient(self, layer: keras.Layer, rank: int, dtype: tf.DType, in_function: bool) -> Fragment:
        """Returns the fragment of a layer's gradient.

        Its inputs are the layer's input and the gradient of the layer's output.
        """

        def gradient(x: Any, g: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = _call(layer, x)
            return tape.gradient(y, x, output_gradients=g)

        return self._fragment("gradient", gradient, 2, layer, rank, dtype, in_function)

    def _fragment(
        self,
        what: str,
        function: Callable,
        arguments: int,
        layer: keras.Layer,
        rank: int,
        dtype: tf.DType,
        in_function: bool,
    ) -> Fragment:
        config = {name: value for name, value in layer.get_config().items() if name != "name"}
        key = (what, type(layer), json.dumps(config, default=repr), rank, dtype, in_function)
        if key not in self._fragments:
            specs = [tf.TensorSpec([None] * rank, dtype)] * arguments
            self._fragments[key] = _trace(function, specs, layer, in_function)
        return self._fragments[key]


def _call(layer: keras.Layer, x: Any) -> Any:
    """Returns a layer's output, computed with one node if TensorFlow has one for it."""
    function = _FUNCTIONS.get(type(layer))
    if function is None:
        return layer(x)
    depth = "D" if len(layer.pool_size) == 3 else ""
    data_format = f"NC{depth}HW" if layer.data_format == "channels_first" else f"N{depth}HWC"
    return function(x, layer.pool_size, layer.strides, layer.padding.upper(), data_format)


def _trace(function: Callable, specs: list, layer: keras.Layer, in_function: bool) -> Fragment:
    kind = type(layer).__name__
    try:
        concrete = tf.function(function, autograph=False).get_concrete_function(*specs)
    except Exception as error:
        # A layer with variables may fail because the number of channels is unknown. Building it shows its
        # variables.
        with contextlib.suppress(Exception):
            layer.build([2] * specs[0].shape.rank)
        if layer.variables:
            raise NotTraceableError(_needs_variables(kind)) from error
        raise NotTraceableError(f"{kind} cannot be traced for the pooling's input: {error}") from error
    if layer.variables or concrete.captured_inputs:
        raise NotTraceableError(_needs_variables(kind))
    graph_def = concrete.graph.as_graph_def()
    op_defs = list({op.type: op.op_def for op in concrete.graph.get_operations()}.values())
    functions = list(graph_def.library.function)
    if in_function:
        definition = concrete.function_def
        inputs = [argument.name for argument in definition.signature.input_arg]
        output = definition.ret[definition.signature.output_arg[0].name]
        return Fragment(list(definition.node_def), inputs, output, op_defs, functions)
    inputs = [tensor.op.name for tensor in concrete.inputs]
    nodes = [node for node in graph_def.node if node.name not in inputs]
    output = concrete.outputs[0].name.removesuffix(":0")
    return Fragment(nodes, inputs, output, op_defs, functions)


def _needs_variables(kind: str) -> str:
    return (
        f"{kind} has variables, which cannot be added to a SavedModel's graph: replace the pooling in "
        "the Keras model, and export that"
    )
