"""Every pooling in a TensorFlow graph: where it is, and what prevents its replacement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tf_softpool.ops.window import WHOLE
from tf_softpool.rewriting.policy.kinds import ADAPTIVE, GLOBAL, KINDS
from tf_softpool.rewriting.policy.site import Site
from tf_softpool.rewriting.saved_model.flow import Place
from tf_softpool.rewriting.saved_model.global_pooling import GlobalPooling
from tf_softpool.rewriting.saved_model.nodes import (
    OBSTACLES,
    POOLING,
    SOFT,
    Body,
    data_format_of,
    element_type,
    layer_name,
    rank_of,
)

if TYPE_CHECKING:
    from tf_softpool.rewriting.request import Request

_FLOATS = {tf.float16, tf.bfloat16, tf.float32, tf.float64}


@dataclass(frozen=True, eq=False)
class GraphSite(Site):
    """A pooling in a TensorFlow graph. Its layer has the name of the node's scope.

    Attributes:
        body: the body that the node is in. `first` and `last` count the poolings of each body separately.
        node: the node that pools.
        whole: what is known of a node that is a mean or a maximum, or None for other nodes.
    """

    body: Body = field(kw_only=True)
    node: Any = field(kw_only=True)
    whole: GlobalPooling | None = field(kw_only=True, default=None)

    @property
    def group(self) -> str:
        """The name of the body."""
        return self.body.name

    @property
    def rank(self) -> int:
        """The number of dimensions of the node's input."""
        return self.whole.format.rank if self.whole else rank_of(self.node)

    @property
    def belief(self) -> str:
        """Why the node is believed to be a pooling, or an empty string if it can be nothing else."""
        if self.whole is None:
            return ""
        gate = f"; {self.whole.gate} puts its values on an image again" if self.whole.gate else ""
        return f"believed to be global pooling: {self.whole.why}{gate}"

    def objection(self, request: Request) -> str:
        """Returns why this request cannot replace the pooling, or an empty string."""
        if self.whole is None or not self.whole.gate or request.selection.where is not None:
            return ""
        return (
            f"it is not the end of a network: {self.whole.gate} puts its values on an image again, as in a "
            "squeeze-and-excite block. To replace it, select it with `where`"
        )


def find_poolings(
    bodies: Iterable[Body], wholes: Mapping[Place, GlobalPooling] = MappingProxyType({})
) -> list[GraphSite]:
    """Returns the site of every node that pools.

    Args:
        bodies: the bodies of a graph.
        wholes: the means and maxima that count as poolings.
    """
    return [
        _site(body, node, whole)
        for body in bodies
        for node in body.nodes
        if (whole := wholes.get(Place(body.name, node.name)))
        or (node.op in POOLING or node.op in OBSTACLES or node.op == SOFT)
    ]


def _site(body: Body, node: Any, whole: GlobalPooling | None) -> GraphSite:
    path = f"{body.name}:{node.name}" if body.is_function else node.name
    name = layer_name(body.name, node)
    if whole is not None:
        obstacle = whole.obstacle or _type_obstacle(node)
        layer = None if obstacle else whole.layer(node, name)
    else:
        obstacle = _obstacle(node)
        layer = None if obstacle else _layer(node, name)
    return GraphSite(path, node.op, layer, obstacle, body=body, node=node, whole=whole)


def _type_obstacle(node: Any) -> str:
    """Returns why no layer has the type of a node, or an empty string."""
    return "" if element_type(node) in _FLOATS else f"it pools {element_type(node).name}"


def _obstacle(node: Any) -> str:
    """Returns why no layer computes the same as a node, or an empty string."""
    if node.op in OBSTACLES:
        return OBSTACLES[node.op]
    if reason := _type_obstacle(node):
        return reason
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
