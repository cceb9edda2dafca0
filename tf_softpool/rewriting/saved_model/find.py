"""Every pooling in a TensorFlow graph: where it is, and what prevents its replacement."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from tf_softpool.ops.window import WHOLE
from tf_softpool.rewriting.policy.kinds import ADAPTIVE, GLOBAL, KINDS
from tf_softpool.rewriting.policy.site import Site
from tf_softpool.rewriting.saved_model.nodes import (
    OBSTACLES,
    POOLING,
    SOFT,
    Body,
    data_format_of,
    element_type,
)

_FLOATS = {tf.float16, tf.bfloat16, tf.float32, tf.float64}


@dataclass(frozen=True, eq=False)
class GraphSite(Site):
    """A pooling in a TensorFlow graph. Its layer has the name of the node's scope.

    Attributes:
        body: the body that the node is in. `first` and `last` count the poolings of each body separately.
        node: the node that pools.
    """

    body: Body = field(kw_only=True)
    node: Any = field(kw_only=True)

    @property
    def group(self) -> str:
        """The name of the body."""
        return self.body.name


def find_poolings(bodies: Iterable[Body]) -> list[GraphSite]:
    """Returns the site of every node that pools."""
    return [
        _site(body, node)
        for body in bodies
        for node in body.nodes
        if node.op in POOLING or node.op in OBSTACLES or node.op == SOFT
    ]


def _site(body: Body, node: Any) -> GraphSite:
    path = f"{body.name}:{node.name}" if body.is_function else node.name
    obstacle = _obstacle(node)
    layer = None if obstacle else _layer(node, _name(body, node))
    return GraphSite(path, node.op, layer, obstacle, body=body, node=node)


def _obstacle(node: Any) -> str:
    """Returns why no layer computes the same as a node, or an empty string."""
    if node.op in OBSTACLES:
        return OBSTACLES[node.op]
    if element_type(node) not in _FLOATS:
        return f"it pools {element_type(node).name}"
    if node.op == SOFT:
        return ""
    if node.attr["padding"].s not in (b"VALID", b"SAME"):
        return f"no layer has its padding {node.attr['padding'].s.decode()}"
    if data_format_of(node) not in ("NHWC", "NCHW", "NDHWC", "NCDHW"):
        return f"no layer has its data format {data_format_of(node)}"
    sizes = [*node.attr["ksize"].list.i, *node.attr["strides"].list.i]
    rank = len(sizes) // 2
    outside = (0, 1) if data_format_of(node).startswith("NC") else (0, rank - 1)
    if any(sizes[axis] != 1 or sizes[rank + axis] != 1 for axis in outside):
        return "it pools over examples or channels"
    return ""


def _layer(node: Any, name: str) -> keras.Layer:
    """Returns a Keras layer, with a name, that computes the same as a node."""
    ksize, strides = list(node.attr["ksize"].list.i), list(node.attr["strides"].list.i)
    channels_first = data_format_of(node).startswith("NC")
    if node.op != SOFT:
        spatial = slice(2, None) if channels_first else slice(1, -1)
        ksize, strides = ksize[spatial], strides[spatial]
    common = {
        "data_format": "channels_first" if channels_first else "channels_last",
        "name": name,
        "dtype": element_type(node).name,
    }
    if node.op == SOFT and {*ksize, *strides} == {WHOLE}:
        return KINDS[GLOBAL + "soft"][len(ksize)](**common, keepdims=True, gradient=_gradient(node))
    if node.op == SOFT and node.attr["padding"].s == b"ADAPTIVE":
        return KINDS[ADAPTIVE + "soft"][len(ksize)](tuple(ksize), **common, gradient=_gradient(node))
    window = {
        "pool_size": tuple(ksize),
        "strides": tuple(strides),
        "padding": node.attr["padding"].s.decode().lower(),
    }
    if node.op == SOFT:
        return KINDS["soft"][len(ksize)](**window, **common, gradient=_gradient(node))
    return KINDS[POOLING[node.op]][len(ksize)](**window, **common)


def _gradient(node: Any) -> str:
    """Returns the gradient that a node of SoftPool sends back."""
    return node.attr["gradient"].s.decode() if "gradient" in node.attr else "exact"


def _name(body: Body, node: Any) -> str:
    """Returns the name of the layer that a node comes from.

    Keras names a node `model/layer/MaxPool2d`. Keras 2 also has a function for each layer, with a name such
    as `__inference_layer_layer_call_and_return_...`.
    """
    if "/" not in node.name and (layer := re.match(r"__\w+?_(.+)_layer_call_", body.name)):
        return layer[1]
    return node.name.split("/")[-2:][0]
