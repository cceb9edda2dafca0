"""Every pooling in a Keras model: where it is, and what prevents its replacement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from tf_softpool.ops.node import PoolNode
from tf_softpool.ops.soft_pool import SoftPool
from tf_softpool.rewriting.keras_model.code import poolings_in_code
from tf_softpool.rewriting.keras_model.configs import described_layers
from tf_softpool.rewriting.keras_model.internals import all_layers, first_output_of, held_layers, inputs_of
from tf_softpool.rewriting.keras_model.parts import is_graph, operations_of
from tf_softpool.rewriting.policy.kinds import ADAPTIVE, CLASSES, KINDS
from tf_softpool.rewriting.policy.site import Site

if TYPE_CHECKING:
    from tf_softpool.rewriting.policy.rules import Rule
    from tf_softpool.rewriting.request import Request

# The kinds of Keras's pooling operations. Their classes are not public, so they are known by name.
_OPERATIONS = {"MaxPool": "max", "AveragePool": "average"}
_ADAPTIVE_OPERATIONS = ("AdaptiveMaxPool", "AdaptiveAveragePool")


@dataclass(frozen=True, eq=False)
class ModelSite(Site):
    """A pooling in a Keras model.

    Attributes:
        operation: the layer or operation that pools, or None if a layer's code calls a pooling.
        chain: the models and layers around it, the outermost first.
        holder: the last of the chain if that is a layer with the pooling in its attributes, and None if it is
            a Functional or Sequential model.
        maker: the first of the chain with a config that does not describe what it holds, or None. A copy that
            is made from its config has the old pooling.
    """

    operation: Any = None
    chain: tuple[keras.Layer, ...] = ()
    holder: keras.Layer | None = None
    maker: keras.Layer | None = None

    @property
    def key(self) -> tuple[int, int]:
        """Identifies this pooling. A layer that two layers hold has two sites, and a copy in each of them."""
        return id(self.operation), id(self.holder)

    def objection(self, request: Request) -> str:
        """Returns why a request does not reach the pooling, or an empty string."""
        if self.maker is None or request.in_place:
            return ""
        name = type(self.maker).__name__
        return f"{name} makes it itself, and its config does not describe it: see `in_place`"


def find_poolings(model: keras.Model, rules: Iterable[Rule] = ()) -> list[ModelSite]:
    """Returns the site of every pooling in a model, in its order, each once.

    A layer that a rule matches is a pooling too.
    """
    search = _Search(tuple(rules))
    search.enter(model, "", (), None)
    return search.sites


class _Search:
    """A walk through a model, and what it has found so far."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.sites: list[ModelSite] = []
        self.seen: set[tuple[int, int]] = set()

    def enter(self, layer: keras.Layer, path: str, chain: tuple, maker: keras.Layer | None) -> None:
        """Looks at everything inside a model, or inside a layer that is no pooling."""
        prefix, chain = path and path + "/", (*chain, layer)
        if is_graph(layer):
            for operation in operations_of(layer):
                self.visit(operation, prefix + operation.name, chain, None, maker)
            return
        for name in poolings_in_code(layer):
            obstacle = f"the code of {type(layer).__name__} calls it, no layer stands for it"
            self.sites.append(ModelSite(prefix + "call", name, None, obstacle))
        inner = held_layers(layer)
        if not any(self.is_pooling(part) for part in all_layers(layer)[1:]):
            # There may still be pooling operations, but only inside Functional and Sequential models.
            inner = [part for part in inner if any(map(is_graph, all_layers(part)))]
        described = described_layers(layer) if inner and maker is None else set()
        for part in inner:
            by = maker or (None if id(part) in described else layer)
            self.visit(part, prefix + part.name, chain, layer, by)

    def visit(
        self, operation: Any, path: str, chain: tuple, holder: keras.Layer | None, maker: keras.Layer | None
    ) -> None:
        """Notes an operation that is a pooling, and enters a layer that is none."""
        if (id(operation), id(holder)) in self.seen:
            return
        self.seen.add((id(operation), id(holder)))
        what, layer = type(operation).__name__, _as_layer(operation)
        if self.is_pooling(layer):
            obstacle = _obstacle(operation, layer)
            self.sites.append(ModelSite(path, what, layer, obstacle, operation, chain, holder, maker))
        elif isinstance(layer, keras.Layer):
            self.enter(layer, path, chain, maker)
        elif what in _ADAPTIVE_OPERATIONS:
            self.sites.append(ModelSite(path, what, None, "no kind of pooling does the same", operation))

    def is_pooling(self, layer: Any) -> bool:
        """Returns whether a layer pools, or a rule matches it."""
        if not isinstance(layer, keras.Layer):
            return False
        return isinstance(layer, (*CLASSES, *ADAPTIVE, PoolNode)) or any(
            rule.matches(layer) for rule in self.rules
        )


def _as_layer(operation: Any) -> Any:
    """Returns the layer that does the same as a pooling operation, and any other operation itself."""
    cls = type(operation)
    if cls.__name__ not in _OPERATIONS or not cls.__module__.startswith("keras."):
        return operation
    output = first_output_of(operation)
    return KINDS[_OPERATIONS[cls.__name__]][len(output.shape) - 2](
        operation.pool_size,
        operation.strides,
        operation.padding,
        operation.data_format,
        name=operation.name,
        dtype=output.dtype,
    )


def _obstacle(operation: Any, layer: keras.Layer) -> str:
    """Returns why a pooling cannot be replaced whatever the request is, or an empty string."""
    types = {tensor.dtype for tensor in inputs_of(operation)}
    if wrong := [dtype for dtype in types if not keras.backend.is_float_dtype(dtype)]:
        return f"it pools {wrong[0]}"
    if isinstance(layer, PoolNode) and not isinstance(layer, SoftPool):
        return "it has a second input, which no other pooling has"
    return ""
