"""Every pooling in a Keras model: where it is, and what stands between it and a replacement."""

from dataclasses import dataclass

import keras

from tf_softpool.ops.node import PoolNode
from tf_softpool.ops.soft_pool import SoftPool
from tf_softpool.rewriting.keras_model.parts import (
    as_layer,
    inner_layers,
    is_copyable,
    is_graph,
    operations_of,
    pooling_in_code,
    rewrite_config,
)
from tf_softpool.rewriting.policy.kinds import ADAPTIVE, CLASSES


@dataclass(frozen=True)
class Site:
    """One pooling: the layer or operation, the layer that does the same, and who holds it.

    `what` names it in reports, `body` the graph it is in where a file has several: depth is counted in
    each. `chain` are the models and layers it is in, outermost first, `holder` the last of them where that is
    a layer that holds it in its attributes, and `maker` the first of them whose config does not
    describe what it holds, so that a copy made from that config has the old pooling.
    """

    path: str
    what: str
    operation: object
    layer: keras.Layer
    obstacle: str = ""
    body: str = ""
    chain: tuple = ()
    holder: keras.Layer | None = None
    maker: keras.Layer | None = None

    @property
    def key(self):
        """Tells this pooling from all others: a layer that two layers hold is copied with each of them."""
        return id(self.operation), id(self.holder)


class _Code:
    """Stands for a call in a layer's code, which no object does."""


def find_poolings(model, rules):
    """The `Site` of every pooling in a model, in its order, each once."""
    search = _Search(rules)
    search.enter(model, "", (), None)
    return search.sites


class _Search:
    def __init__(self, rules):
        self.rules = rules
        self.sites = []
        self.seen = set()

    def enter(self, layer, path, chain, maker):
        """Looks at all that a model, or a layer that is no pooling, holds."""
        prefix, chain = path and path + "/", (*chain, layer)
        if is_graph(layer):
            for operation in operations_of(layer):
                self.visit(operation, prefix + operation.name, chain, None, maker)
            return
        for name in pooling_in_code(layer):
            obstacle = f"the code of {type(layer).__name__} calls it, no layer stands for it"
            self.sites.append(Site(prefix + "call", name, _Code(), layer, obstacle))
        inner = inner_layers(layer)
        if not any(self.is_pooling(part) for part in layer._flatten_layers(include_self=False)):
            # Operations hide in models alone.
            inner = [part for part in inner if any(map(is_graph, part._flatten_layers()))]
        described = _described(layer) if inner and maker is None else set()
        for part in inner:
            by = maker or (None if id(part) in described else layer)
            self.visit(part, prefix + part.name, chain, layer, by)

    def visit(self, operation, path, chain, holder, maker):
        if (id(operation), id(holder)) in self.seen:
            return
        self.seen.add((id(operation), id(holder)))
        layer = as_layer(operation)
        if self.is_pooling(layer):
            what, obstacle = type(operation).__name__, _obstacle(operation, layer)
            site = Site(path, what, operation, layer, obstacle, chain=chain, holder=holder, maker=maker)
            self.sites.append(site)
        elif isinstance(layer, keras.Layer):
            self.enter(layer, path, chain, maker)
        elif type(layer).__name__ in ("AdaptiveMaxPool", "AdaptiveAveragePool"):
            stand_in = keras.layers.Identity(name=layer.name)
            obstacle = "an operation that no kind of pooling does"
            self.sites.append(Site(path, type(layer).__name__, operation, stand_in, obstacle))

    def is_pooling(self, layer):
        if not isinstance(layer, keras.Layer):
            return False
        return isinstance(layer, (*CLASSES, *ADAPTIVE, PoolNode)) or any(
            rule.matches(layer) for rule in self.rules
        )


def _described(layer):
    """The ids of the inner layers that a copy of a layer gets from its config."""
    if not is_copyable(layer):
        return set()
    found = set()
    rewrite_config(layer, lambda inner: found.add(id(inner)))
    return found


def _obstacle(operation, layer):
    """Why a pooling cannot be replaced, whatever it is in, or nothing."""
    types = {tensor.dtype for node in operation._inbound_nodes for tensor in node.input_tensors}
    if wrong := [dtype for dtype in types if not keras.backend.is_float_dtype(dtype)]:
        return f"it pools {wrong[0]}"
    if isinstance(layer, PoolNode) and not isinstance(layer, SoftPool):
        return "it has a second input, which no other pooling has"
    return ""
