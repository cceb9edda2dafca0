"""Every pooling in a Keras model: where it is, and what prevents its replacement."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras

from tf_softpool.keras_versions import is_ragged
from tf_softpool.ops.node import PoolNode
from tf_softpool.ops.soft_pool import SoftPool
from tf_softpool.rewriting.keras_2.objects import TensorFlowFunction
from tf_softpool.rewriting.keras_model.code import is_pooling_name
from tf_softpool.rewriting.keras_model.structure import Part, Structure
from tf_softpool.rewriting.policy.kinds import CLASSES, KINDS, takes_ragged
from tf_softpool.rewriting.policy.site import Site

if TYPE_CHECKING:
    from tf_softpool.rewriting.policy.rules import Rule
    from tf_softpool.rewriting.request import Request

# The kinds of Keras's pooling operations. Their classes are not public, so they are known by name.
_OPERATIONS = {
    "MaxPool": "max",
    "AveragePool": "average",
    "AdaptiveMaxPool": "adaptive_max",
    "AdaptiveAveragePool": "adaptive_average",
}
# What their attributes and the arguments of layers have in common.
_ARGUMENTS = ("pool_size", "strides", "padding", "output_size", "data_format")


@dataclass(frozen=True, eq=False)
class ModelSite(Site):
    """A pooling in a Keras model.

    Attributes:
        part: the layer or operation that pools, or None if a layer's code calls a pooling.
        chain: the models and layers around it, the outermost first.
        holder: the innermost of the chain if it is a layer with the pooling in its attributes, and None if it
            is a Functional or Sequential model.
        maker: the outermost of the chain whose config does not describe the layers that it holds, or None. A
            copy that is made from this config has the old pooling.
    """

    part: Part | None = None
    chain: tuple[Part, ...] = field(default=(), repr=False)
    holder: Part | None = None
    maker: Part | None = None

    @property
    def key(self) -> tuple[Part | None, Part | None]:
        """What identifies this pooling. A layer that two layers hold has two sites, and two copies."""
        return self.part, self.holder

    def objection(self, request: Request) -> str:
        """Returns why this request cannot replace the pooling, or an empty string."""
        if self.maker is None or request.in_place:
            return ""
        return (
            f"{self.maker.class_name} makes it itself, and its config does not describe it: see `in_place` "
            "of `replace_pooling`"
        )

    def objection_to(self, layer: keras.Layer) -> str:
        """Returns why a new layer cannot take the place of the pooling, or an empty string."""
        tensors = [] if self.part is None else self.part.pooled
        if any(is_ragged(tensor) for tensor in tensors) and not takes_ragged(layer):
            return f"its input is ragged, and {type(layer).__name__} takes no ragged input"
        shapes = _shapes_of(tensors)
        if len(shapes) > 1 and len({variables_for(layer, shape) for shape in shapes}) > 1:
            return _too_many(shapes, layer)
        if not tensors and self.chain and isinstance(self.layer, keras.Layer):
            # It is called inside a layer that holds it, which may be called on several numbers of channels.
            outer = next((part.pooled for part in reversed(self.chain) if part.pooled), [])
            axis = 1 if getattr(self.layer, "data_format", None) == "channels_first" else -1
            widths = {tensor.shape[axis] for tensor in outer if len(tensor.shape) > 1}
            if len(widths) > 1 and depends_on_channels(layer):
                return _too_many(_shapes_of(outer), layer)
        return ""

    def loss_with(self, layer: keras.Layer) -> str:
        """Returns what is lost if a new layer takes the place of the pooling, or an empty string."""
        is_masked = self.part is not None and any(call.is_masked for call in self.part.calls)
        if is_masked and "mask" not in inspect.signature(layer.call).parameters:
            return "takes no mask, so steps that were masked are pooled too"
        return ""


def _shapes_of(tensors: list[keras.KerasTensor]) -> list[tuple]:
    """Returns the shapes of tensors, each once."""
    return list(dict.fromkeys(tuple(tensor.shape) for tensor in tensors))


def _too_many(shapes: list[tuple], layer: keras.Layer) -> str:
    return (
        f"it is called on inputs of shapes {' and '.join(map(str, shapes))}, and the weights of "
        f"{type(layer).__name__} fit one of them only"
    )


def depends_on_channels(layer: keras.Layer) -> bool:
    """Returns whether a layer has other weights for another number of channels."""
    sizes = [8] * (layer.input_spec.ndim - 2)
    is_first = getattr(layer, "data_format", None) == "channels_first"
    first, second = (
        (None, channels, *sizes) if is_first else (None, *sizes, channels) for channels in (4, 8)
    )
    return variables_for(layer, first) != variables_for(layer, second)


def variables_for(layer: keras.Layer, shape: tuple) -> tuple:
    """Returns the shapes of the variables that a layer has for inputs of a shape."""
    probe = type(layer).from_config(layer.get_config())
    try:
        probe.build(shape)
    except Exception as error:
        return (str(error),)
    return tuple(tuple(variable.shape) for variable in probe.variables)


def find_poolings(structure: Structure, rules: Iterable[Rule] = ()) -> list[ModelSite]:
    """Returns the site of every pooling, each once, in the model's order.

    A layer that a rule matches is a pooling too.
    """
    search = _Search(tuple(rules))
    search.enter(structure.root, "", (), None)
    return search.sites


class _Search:
    """A walk through a model, and what it has found so far."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.sites: list[ModelSite] = []
        self.seen: set[tuple[Part, Part | None]] = set()

    def enter(self, part: Part, path: str, chain: tuple[Part, ...], maker: Part | None) -> None:
        """Looks at everything inside a model, or inside a layer that is no pooling."""
        prefix, chain = path and path + "/", (*chain, part)
        if part.is_graph:
            for inner in part.parts:
                self.visit(inner, prefix + inner.name, chain, None, maker)
            return
        for name in part.called_poolings:
            obstacle = f"the code of {part.class_name} calls it, so no layer stands for it"
            self.sites.append(ModelSite(prefix + "call", name, None, obstacle))
        parts = part.parts
        if not any(self.is_pooling(inner.operation) for inner in part.inside):
            # There may still be pooling operations inside Functional and Sequential models, and poolings that
            # code calls.
            parts = [
                each for each in parts if any(p.is_graph or p.called_poolings for p in (each, *each.inside))
            ]
        described = part.described if parts and maker is None else []
        for inner in parts:
            by = maker or (None if inner in described else part)
            self.visit(inner, prefix + inner.name, chain, part, by)

    def visit(
        self, part: Part, path: str, chain: tuple[Part, ...], holder: Part | None, maker: Part | None
    ) -> None:
        """Notes a part that is a pooling, and enters a layer that is none."""
        if (part, holder) in self.seen:
            return
        self.seen.add((part, holder))
        layer = _as_layer(part)
        if self.is_pooling(layer):
            obstacle = _obstacle(part, layer)
            site = ModelSite(path, part.class_name, layer, obstacle, part, chain, holder, maker)
            self.sites.append(site)
        elif part.is_layer:
            self.enter(part, path, chain, maker)
        elif isinstance(part.operation, TensorFlowFunction) and is_pooling_name(part.operation.function):
            obstacle = "it is a function of TensorFlow, so no layer stands for it"
            self.sites.append(ModelSite(path, part.operation.function, None, obstacle))

    def is_pooling(self, layer: Any) -> bool:
        """Returns whether a layer pools, or a rule matches it."""
        if not isinstance(layer, keras.Layer):
            return False
        return isinstance(layer, (*CLASSES, PoolNode)) or any(rule.matches(layer) for rule in self.rules)


def _as_layer(part: Part) -> Any:
    """Returns the layer that does the same as a pooling operation, and any other operation itself."""
    operation = part.operation
    is_keras = type(operation).__module__.startswith("keras.")
    if part.class_name not in _OPERATIONS or not is_keras or part.output is None:
        return operation
    arguments = {name: getattr(operation, name) for name in _ARGUMENTS if hasattr(operation, name)}
    # Keras 3.15 says wrong shapes of adaptive pooling with channels last. Their rank is that of the size.
    rank = len(arguments.get("output_size", part.output.shape[2:]))
    cls = KINDS[_OPERATIONS[part.class_name]][rank]
    return cls(**arguments, name=operation.name, dtype=part.output.dtype)


def _obstacle(part: Part, layer: keras.Layer) -> str:
    """Returns why a pooling cannot be replaced whatever the request is, or an empty string."""
    types = {tensor.dtype for tensor in part.pooled}
    if wrong := [dtype for dtype in types if not keras.backend.is_float_dtype(dtype)]:
        return f"it pools {wrong[0]}"
    if isinstance(layer, PoolNode) and not isinstance(layer, SoftPool):
        return "it has a second input, which no other pooling has"
    return ""
