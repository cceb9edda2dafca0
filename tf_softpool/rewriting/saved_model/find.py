"""Pooling in TensorFlow graphs: the nodes of a SavedModel that pool, and those that compute its gradients."""

import re
from dataclasses import dataclass

import keras
import tensorflow as tf

from tf_softpool.layers import soft_pooling
from tf_softpool.ops.window import WHOLE
from tf_softpool.rewriting.keras_model.find import Site
from tf_softpool.rewriting.policy.kinds import KINDS

# TensorFlow's poolings that a layer can stand for, and what kind they are.
POOLING = {"MaxPool": "max", "MaxPool3D": "max", "AvgPool": "average", "AvgPool3D": "average"}
SOFT = "Softpool>SoftPool"
# Those that none can, and why.
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
# Gradients, and the poolings they are of.
GRADIENTS = {
    "AvgPoolGrad": "AvgPool",
    "AvgPool3DGrad": "AvgPool3D",
    "MaxPoolGradGrad": "MaxPool",
    "MaxPool3DGradGrad": "MaxPool3D",
    f"{SOFT}Grad": SOFT,
    "MaxPoolGrad": "MaxPool",
    "MaxPool3DGrad": "MaxPool3D",
}
_FLOATS = {tf.float16, tf.bfloat16, tf.float32, tf.float64}


@dataclass(frozen=True)
class Body:
    """A list of nodes: a graph's own, or a function's, in which inputs are named differently."""

    name: str
    nodes: object
    is_function: bool


def bodies_of(graph_def):
    """The graph, and all its functions."""
    functions = graph_def.library.function
    return [Body("", graph_def.node, False)] + [Body(f.signature.name, f.node_def, True) for f in functions]


def find_graph_poolings(bodies):
    """The `Site` of every node that pools. The layer that does the same has the name of the node's scope."""
    return [
        _site(body, node)
        for body in bodies
        for node in body.nodes
        if node.op in POOLING or node.op in OBSTACLES or node.op == SOFT
    ]


def producer(reference):
    """The name of the node that an input of a node is an output of."""
    return reference.removeprefix("^").split(":")[0]


def window_of(node):
    """What the gradient of a pooling shares with it, so that one can be told from the other's."""
    attributes = {name: node.attr[name].SerializeToString() for name in ("ksize", "strides", "padding")}
    of = GRADIENTS.get(node.op, node.op)
    return of, tuple(attributes.items()), _data_format(node), element_type(node)


def element_type(node):
    """The type of what a pooling pools."""
    return tf.as_dtype(node.attr["T"].type) if "T" in node.attr else tf.float32


def rank_of(node):
    """The number of dimensions of what a pooling pools."""
    size = len(node.attr["ksize"].list.i)
    return size + 2 if node.op == SOFT else size


def _site(body, node):
    path = f"{body.name}:{node.name}" if body.is_function else node.name
    obstacle = _obstacle(node)
    name = _name(body, node)
    layer = keras.layers.Identity(name=name) if obstacle else _layer(node, name)
    return Site(path, node.op, node, layer, obstacle, body=body.name)


def _obstacle(node):
    """Why no layer does what a node does, or nothing."""
    if node.op in OBSTACLES:
        return OBSTACLES[node.op]
    if element_type(node) not in _FLOATS:
        return f"it pools {element_type(node).name}"
    if node.op == SOFT:
        return ""
    if node.attr["padding"].s not in (b"VALID", b"SAME"):
        return f"no layer has its padding {node.attr['padding'].s.decode()}"
    if _data_format(node) not in ("NHWC", "NCHW", "NDHWC", "NCDHW"):
        return f"no layer has its data format {_data_format(node)}"
    sizes = [*node.attr["ksize"].list.i, *node.attr["strides"].list.i]
    rank = len(sizes) // 2
    outside = (0, 1) if _data_format(node).startswith("NC") else (0, rank - 1)
    if any(sizes[axis] != 1 or sizes[rank + axis] != 1 for axis in outside):
        return "it pools over examples or channels"
    return ""


def _data_format(node):
    default = "NDHWC" if "3D" in node.op else "NHWC"
    return node.attr["data_format"].s.decode() if "data_format" in node.attr else default


def _layer(node, name):
    """The Keras layer that does what a node does, with a name."""
    ksize, strides = list(node.attr["ksize"].list.i), list(node.attr["strides"].list.i)
    channels_first = _data_format(node).startswith("NC")
    if node.op != SOFT:
        spatial = slice(2, None) if channels_first else slice(1, -1)
        ksize, strides = ksize[spatial], strides[spatial]
    arguments = {
        "pool_size": tuple(ksize),
        "strides": tuple(strides),
        "padding": node.attr["padding"].s.decode().lower(),
        "data_format": "channels_first" if channels_first else "channels_last",
        "name": name,
        "dtype": element_type(node).name,
    }
    if node.op == SOFT and {*ksize, *strides} == {WHOLE}:
        for name in ("pool_size", "strides", "padding"):
            del arguments[name]
        return getattr(soft_pooling, f"GlobalSoftPooling{len(ksize)}D")(**arguments, keepdims=True)
    if node.op == SOFT:
        gradient = node.attr["gradient"].s.decode() if "gradient" in node.attr else "exact"
        return getattr(soft_pooling, f"SoftPooling{len(ksize)}D")(**arguments, gradient=gradient)
    return KINDS[POOLING[node.op]][len(ksize)](**arguments)


def _name(body, node):
    """The name of the layer a node is from.

    Keras calls nodes `model/layer/MaxPool2d`. Keras 2 has a function for each layer besides, which is called
    `__inference_layer_layer_call_and_return_...`.
    """
    if "/" not in node.name and (layer := re.match(r"__\w+?_(.+)_layer_call_", body.name)):
        return layer[1]
    return node.name.split("/")[-2:][0]
