"""The nodes of TensorFlow graphs that pool, and those that compute the gradients of pooling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

# TensorFlow's poolings that a layer can stand for, and their kinds.
POOLING = {"MaxPool": "max", "MaxPool3D": "max", "AvgPool": "average", "AvgPool3D": "average"}
SOFT = "Softpool>SoftPool"
# Poolings that no layer can stand for, and why.
OBSTACLES = {
    "MaxPoolV2": "its window is a tensor",
    "MaxPoolWithArgmax": "it also returns where the maxima are",
    "FractionalMaxPool": "its windows are drawn",
    "FractionalAvgPool": "its windows are drawn",
    "QuantizedMaxPool": "it pools integers",
    "QuantizedAvgPool": "it pools integers",
    "Softpool>SortedPool": "it has a second input, which no other pooling has",
    "Softpool>DetailPreservingPool": "it has a second input, which no other pooling has",
    "Softpool>ImportancePool": "it has a second input, which no other pooling has",
}
# Gradients, and the poolings that they belong to.
GRADIENTS = {
    "AvgPoolGrad": "AvgPool",
    "AvgPool3DGrad": "AvgPool3D",
    "MaxPoolGradGrad": "MaxPool",
    "MaxPool3DGradGrad": "MaxPool3D",
    f"{SOFT}Grad": SOFT,
    "MaxPoolGrad": "MaxPool",
    "MaxPool3DGrad": "MaxPool3D",
}


@dataclass(frozen=True)
class Body:
    """A list of nodes: a graph's own, or a function's. A function names the inputs of its nodes differently.

    Attributes:
        name: the function's name, or an empty string.
        nodes: the nodes, as the protobuf field that holds them.
        is_function: whether this is a function's body.
    """

    name: str
    nodes: Any
    is_function: bool


def bodies_of(graph_def: Any) -> list[Body]:
    """Returns the bodies of a graph and of all its functions."""
    functions = graph_def.library.function
    return [Body("", graph_def.node, False)] + [Body(f.signature.name, f.node_def, True) for f in functions]


def layer_name(body_name: str, node: Any) -> str:
    """Returns the name of the layer that a node comes from.

    Keras names a node `model/layer/MaxPool2d`. Keras 2 also has a function for each layer, with a name such
    as `__inference_layer_layer_call_and_return_...`. Its layers may have scopes in their names, which Keras 3
    does not allow.
    """
    if "/" not in node.name and (layer := re.match(r"__\w+?_(.+)_layer_call_", body_name)):
        return layer[1].split("/")[-1]
    return str(node.name.split("/")[-2:][0])


def window_of(node: Any) -> tuple:
    """Returns the facts that a pooling and its gradient have in common."""
    attributes = {name: node.attr[name].SerializeToString() for name in ("ksize", "strides", "padding")}
    of = GRADIENTS.get(node.op, node.op)
    return of, tuple(attributes.items()), data_format_of(node), element_type(node)


def element_type(node: Any) -> tf.DType:
    """Returns the type of a pooling's input."""
    return tf.as_dtype(node.attr["T"].type) if "T" in node.attr else tf.float32


def keeps_dimensions(node: Any) -> bool:
    """Returns whether the output of a mean or maximum has the dimensions that are reduced."""
    return "keep_dims" in node.attr and bool(node.attr["keep_dims"].b)


def rank_of(node: Any) -> int:
    """Returns the number of dimensions of a pooling's input."""
    size = len(node.attr["ksize"].list.i)
    return size + 2 if node.op == SOFT else size


def data_format_of(node: Any) -> str:
    """Returns a pooling's data format, such as `"NHWC"`."""
    default = "NDHWC" if "3D" in node.op else "NHWC"
    return node.attr["data_format"].s.decode() if "data_format" in node.attr else default


def op_names(graph_def: Any) -> set[str]:
    """Returns the ops of a graph and its functions, without calls of these functions."""
    functions = {function.signature.name for function in graph_def.library.function}
    return {node.op for body in bodies_of(graph_def) for node in body.nodes} - functions


def unknown_ops(graph_def: Any) -> list[str]:
    """Returns the ops of a graph that are not loaded in this process."""
    from tensorflow.python.framework import op_def_registry

    return sorted(name for name in op_names(graph_def) if op_def_registry.get(name) is None)
