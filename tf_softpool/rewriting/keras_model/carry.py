"""The state of layers, carried over to their copies: variables, flags, assets."""

import tempfile
from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.rewriting.keras_model.exchange import exchange
from tf_softpool.rewriting.keras_model.find import ModelSite
from tf_softpool.rewriting.keras_model.internals import copy_trainable_flag, held_layers
from tf_softpool.rewriting.keras_model.named_objects import unlike
from tf_softpool.rewriting.keras_model.structure import Part, is_graph, operations_of, own_variables

# Attributes of models that `compile` sets.
_OF_COMPILATION = ("compiled", "jit_compile", "run_eagerly", "steps_per_execution", "stop_training")
# An old variable and the new model's variable with the same value.
Pair = tuple[keras.Variable, keras.Variable]


def carry_state(
    kept: Sequence[tuple[Part, keras.Layer]], replaced: Sequence[ModelSite], notes: list[str]
) -> list[Pair]:
    """Gives copies the state of the layers that they were made from.

    Args:
        kept: pairs of an old model's part and a new layer that are the same except for their state.
        replaced: the sites with a new layer. Nothing is carried over to their new layers.
        notes: what could not be carried over is added to these.

    Returns:
        Pairs of variables, old and new.

    Raises:
        ValueError: if a copy does not have the variables that its layer has.
    """
    carrying = _Carrying(kept, {site.key for site in replaced}, notes)
    for part, new in kept:
        carrying.carry(part, new)
    # A layer that was changed in place may hold copies by now. Their pairs are known already.
    for layer in carrying.unchanged:
        for variable in layer.variables:
            carrying.pairs.setdefault(id(variable), (variable, variable))
    return list(carrying.pairs.values())


class _Carrying:
    """The pairs carried over so far."""

    def __init__(self, kept: Sequence, replaced: set, notes: list[str]) -> None:
        self.replaced = replaced
        # A layer that several layers hold has one copy. If a graph calls it, that is the graph's copy.
        self.copies = dict(kept)
        self.pairs: dict[int, Pair] = {}
        # Layers of the old model that are in the new one.
        self.unchanged: list[keras.Layer] = []
        self.notes = notes

    def carry(self, part: Part, new: keras.Layer) -> None:
        """Carries the state of a layer, and of all layers inside it, over to its copy."""
        old = part.operation
        if old is new:
            self.unchanged.append(old)
            return
        copy_trainable_flag(old, new)
        held = held_layers(new)
        for variable, copy in _paired(own_variables(old, part.held), own_variables(new, held), old):
            copy.assign(variable)
            copy.trainable = variable.trainable
            self.pairs[id(copy)] = variable, copy
        _carry_assets(old, new)
        self.note_attributes(old, new)
        for inner, copy in _parts(part, new, held):
            if (inner, None if part.is_graph else part) not in self.replaced:
                self.carry_part(inner, copy, new)
            elif inner.operation.built and not copy.built:
                # If a layer's class computes the output's shape, Keras does not call the layer when it makes
                # a model.
                copy.build_from_config(inner.operation.get_build_config())

    def carry_part(self, part: Part, copy: keras.Layer, holder: keras.Layer) -> None:
        """Carries the state of an inner layer. A layer in several places gets one copy for all of them."""
        first = self.copies.setdefault(part, copy)
        if first is copy:
            self.carry(part, copy)
        elif is_graph(holder):
            self.carry(part, copy)
            if part.operation.variables:
                self.notes.append(
                    f"{part.name!r} is used in several places. Its copy in {holder.name!r} has weights of "
                    "its own, which are equal to those of the other copies but not shared with them."
                )
        elif first not in held_layers(holder):
            exchange(holder, copy, first)

    def note_attributes(self, old: keras.Layer, new: keras.Layer) -> None:
        """Notes attributes that were set after a layer was made, and that its config does not contain."""
        for name, value in unlike(old, new).items():
            is_number = isinstance(value, bool | int | float | str)
            if is_number and hasattr(new, name) and not name.startswith("_") and name not in _OF_COMPILATION:
                self.notes.append(
                    f"{old.name!r} has {name} = {value!r}, but its copy has {getattr(new, name)!r}, "
                    f"because the config of {type(old).__name__} does not contain it."
                )


def _paired(old: Sequence, new: Sequence, layer: keras.Layer) -> list[tuple[Any, Any]]:
    """Returns the variables, or the layers, of a layer and its copy in pairs: by name, or else by order."""
    by_name = {each.name: each for each in new}
    if len(by_name) == len(new) and sorted(by_name) == sorted(each.name for each in old):
        new = [by_name[each.name] for each in old]
    if _shapes(old) != _shapes(new):
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) holds {_shapes(old)}, but its copy holds "
            f"{_shapes(new)}. The class does not make and build the same layer from its config."
        )
    return list(zip(old, new, strict=True))


def _shapes(parts: Sequence) -> list:
    """Returns the shapes of variables, and a word for each layer."""
    return [tuple(part.shape) if hasattr(part, "shape") else "layer" for part in parts]


def _parts(part: Part, new: keras.Layer, held: list[keras.Layer]) -> list[tuple[Part, keras.Layer]]:
    """Returns the layers inside a layer and its copy, in pairs."""
    if part.is_graph:
        copies = {operation.name: operation for operation in operations_of(new)}
        return [(inner, copies[inner.name]) for inner in part.parts if inner.is_layer]
    _paired(part.held, held, part.operation)
    return list(zip(part.parts, held, strict=True))


def _carry_assets(old: keras.Layer, new: keras.Layer) -> None:
    """Copies what preprocessing layers keep outside variables, or compute from them."""
    if hasattr(old, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            old.save_assets(folder)
            new.load_assets(folder)
    elif old.variables and hasattr(new, "finalize_state"):
        new.finalize_state()
