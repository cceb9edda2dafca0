"""What a Keras model is made of. A model is read once, and all later steps look at what was read."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import keras

from tf_softpool.rewriting.keras_model.code import poolings_in_code
from tf_softpool.rewriting.keras_model.configs import described_layers, is_copyable
from tf_softpool.rewriting.keras_model.internals import calls_of, first_output_of, held_layers


class Part:
    """A layer or another operation of a model.

    Attributes:
        operation: the layer or operation itself.
        is_graph: whether it is a Functional or Sequential model that calls only its own operations.
        parts: the operations of such a model in its order, and the held layers of another layer.
        held: the layers in the attributes of a layer, in the order of assignment.
        unused: the held layers of such a model that are not among its operations.
        calls: its calls on symbolic tensors.
        output: its symbolic output, or None if it has not been called.
    """

    def __init__(self, operation: Any) -> None:
        self.operation = operation
        self.is_graph = is_graph(operation)
        self.held = held_layers(operation) if isinstance(operation, keras.Layer) else []
        self.calls = calls_of(operation)
        self.output = first_output_of(operation)
        self.parts: list[Part] = []
        self.unused: list[Part] = []

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.operation.name

    @property
    def class_name(self) -> str:
        """The name of the operation's class."""
        return type(self.operation).__name__

    @property
    def pooled(self) -> list[keras.KerasTensor]:
        """The symbolic tensors that its calls are on, without masks."""
        return [tensor for call in self.calls for tensor in call.tensors]

    @property
    def is_layer(self) -> bool:
        """Whether the operation is a layer, and has state and a config of its own."""
        return isinstance(self.operation, keras.Layer)

    @cached_property
    def is_copyable(self) -> bool:
        """Whether the layer can be made anew from its config."""
        return is_copyable(self.operation)

    @cached_property
    def described(self) -> list[Part]:
        """The parts that a copy of the layer gets from its config."""
        ids = described_layers(self.operation, self.held) if self.is_copyable else set()
        return [part for part in self.parts if id(part.operation) in ids]

    @cached_property
    def inside(self) -> list[Part]:
        """All parts inside this one, at any depth, each once."""
        found: dict[Part, None] = {}
        todo = [*self.parts, *self.unused]
        while todo:
            part = todo.pop()
            if part not in found:
                found[part] = None
                todo += [*part.parts, *part.unused]
        return list(found)

    @cached_property
    def called_poolings(self) -> list[str]:
        """The names of the poolings that the layer's own code calls."""
        return poolings_in_code(self.operation)


class Structure:
    """The parts of a model.

    Attributes:
        root: the model itself.
    """

    def __init__(self, root: Part, parts: dict[int, Part]) -> None:
        self.root = root
        self._parts = parts

    @property
    def operations(self) -> list[Any]:
        """All layers and other operations of the model, each once."""
        return [part.operation for part in self._parts.values()]

    def part(self, operation: Any) -> Part | None:
        """Returns the part of an operation, or None if the model does not have that operation.

        An operation in several places is one part.
        """
        return self._parts.get(id(operation))


def structure_of(model: keras.Model) -> Structure:
    """Reads a model."""
    parts: dict[int, Part] = {}
    return Structure(_read(model, parts), parts)


def is_graph(layer: Any) -> bool:
    """Returns whether a layer is a Functional or Sequential model that calls only its own operations."""
    if not isinstance(layer, keras.Model):
        return False
    for cls in type(layer).__mro__:
        if cls is keras.Sequential or (cls.__module__.startswith("keras.") and hasattr(layer, "operations")):
            return True
        if "call" in vars(cls):
            return False
    return False


def operations_of(model: keras.Model) -> list:
    """Returns the layers and other operations of a Functional or Sequential model, in its order."""
    return getattr(model, "operations", None) or model.layers


def own_variables(layer: keras.Layer, held: list[keras.Layer]) -> list[keras.Variable]:
    """Returns the variables of a layer without those of the layers that it holds."""
    inner = {id(variable) for part in held for variable in part.variables}
    return [variable for variable in layer.variables if id(variable) not in inner]


def _read(operation: Any, parts: dict[int, Part]) -> Part:
    if id(operation) not in parts:
        # It is noted before what is inside it: layers may hold each other.
        part = parts[id(operation)] = Part(operation)
        held = [_read(each, parts) for each in part.held]
        part.parts = held
        if part.is_graph:
            part.parts = [_read(each, parts) for each in operations_of(operation)]
            used = set(part.parts)
            part.unused = [each for each in held if each not in used]
    return parts[id(operation)]
