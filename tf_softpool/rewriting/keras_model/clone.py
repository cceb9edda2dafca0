"""A copy of a Keras model with other layers at chosen poolings. Its variables have their initial values."""

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import keras

from tf_softpool.rewriting.keras_model.configs import remake, rewrite_config
from tf_softpool.rewriting.keras_model.exchange import exchange
from tf_softpool.rewriting.keras_model.find import ModelSite
from tf_softpool.rewriting.keras_model.internals import copy_trainable_flag, held_layers, producer_of
from tf_softpool.rewriting.keras_model.structure import Part, Structure

# Methods that a model's class may define in addition to its layers. A copy of another class lacks them.
_BEHAVIOUR = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "compile")


class Cloner:
    """Makes the copy of one model.

    Args:
        structure: the model's structure.
        replacements: the sites to replace, each with its new layer.
        in_place: whether the copy may share layers with the given model if no config can make them.

    Attributes:
        kept: pairs of a part and a new layer that are the same except for what is inside them.
        notes: what to tell the user about the copy.
        changed_in_place: whether a layer of the given model was changed.
    """

    def __init__(
        self, structure: Structure, replacements: dict[ModelSite, keras.Layer], in_place: bool
    ) -> None:
        self.kept: list[tuple[Part, keras.Layer]] = []
        self.notes: list[str] = []
        self.changed_in_place = False
        self._structure = structure
        self._replacements = replacements
        self._in_place = in_place
        # A pooling that several layers hold stays one layer.
        firsts: dict[Part | None, keras.Layer] = {}
        self._chosen = {site.key: firsts.setdefault(site.part, layer) for site, layer in replacements.items()}
        # All models and layers around these sites.
        self._touched = {part for site in replacements for part in site.chain}
        # By part and holder. All models that use a part share its copy.
        self._copies: dict[tuple[Part, Part | None], Any] = {}

    def copy(self, part: Part, holder: Part | None = None) -> Any:
        """Returns the copy of a layer, a model or another operation.

        Args:
            part: what to copy.
            holder: the layer that has it in its attributes, or None if a Functional or Sequential model calls
                it.

        Raises:
            ValueError: if a layer has weights and cannot be made from its config, and `in_place` is False.
        """
        holder = None if part.is_graph else holder
        if (part, holder) not in self._copies:
            if (part, holder) in self._chosen:
                new = self._chosen[part, holder]
            elif part.is_graph:
                new = self._copy_graph(part.operation)
            elif part in self._touched:
                new = self._copy_holder(part)
            else:
                new = self._copy_as_it_is(part)
            self._copies[part, holder] = new
        return self._copies[part, holder]

    def _copy_operation(self, operation: Any) -> Any:
        part = self._structure.part(operation)
        assert part is not None  # all operations of a model's graphs have been read
        return self.copy(part)

    def _copy_graph(self, model: keras.Model) -> keras.Model:
        """Copies a Functional or Sequential model layer by layer."""
        arguments: dict[str, Any] = {"clone_function": self._copy_operation}
        if not isinstance(model, keras.Sequential):
            # Without these, Keras names the copy's inputs after tensors.
            arguments["input_tensors"] = keras.tree.map_structure(
                lambda tensor: self._copy_operation(producer_of(tensor)).output, model.input
            )
            arguments["call_function"] = _call
        with _not_compiled(model):
            new = keras.models.clone_model(model, **arguments)
        copy_trainable_flag(model, new)
        if type(new) is not type(model):
            self._note_class(model, new)
        return new

    def _copy_holder(self, part: Part) -> keras.Layer:
        """Copies a layer with poolings to replace in its config, or else in its attributes."""
        layer, new = part.operation, self._remake_holder(part)
        rest = [each for each in part.parts if self._changes(each, part)]
        if new is not layer:
            rest = [each for each in rest if each not in part.described]
            if (rest or isinstance(layer, keras.Model)) and layer.built:
                new.build_from_config(layer.get_build_config())
        for inner in rest:
            copy = self.copy(inner, part)
            exchange(new, held_layers(new)[part.parts.index(inner)], copy)
            if inner.operation.built and not copy.built:
                copy.build_from_config(inner.operation.get_build_config())
        self.kept.append((part, new))
        return new

    def _remake_holder(self, part: Part) -> keras.Layer:
        """Makes a layer from the config of another, with other poolings, or returns that layer itself."""
        layer = part.operation
        if not self._can_be_made(part):
            self.changed_in_place = True
            self._note_shared(layer, "changed in")
            return layer
        # The new layer makes its inner layers itself, from their descriptions in the config. So this cloner's
        # copies are only described, and not used.
        models = Cloner(self._structure, self._replacements, self._in_place)

        def describe(inner: keras.Layer) -> Any:
            # A config may also describe layers that the model does not have, such as those it makes anew.
            part_of_inner = self._structure.part(inner)
            if part_of_inner is None or not self._changes(part_of_inner, part):
                return None
            return models.copy(part_of_inner, part)

        new = remake(layer, rewrite_config(layer, part.held, describe))
        self.notes += models.notes
        self.changed_in_place |= models.changed_in_place
        return new

    def _copy_as_it_is(self, part: Part) -> Any:
        """Copies an operation with nothing to replace inside it."""
        operation = part.operation
        if isinstance(operation, keras.layers.Lambda):
            # It has no state, and Keras cannot make every one from its config.
            return operation
        try:
            new = remake(operation)
        except Exception as error:
            if getattr(operation, "variables", []):
                if not self._in_place:
                    raise ValueError(
                        f"Layer {part.name!r} ({part.class_name}) cannot be copied: {error} "
                        "With in_place=True the new model shares it with the given one."
                    ) from error
                self._note_shared(operation, "taken from")
            # Two models can share a layer without variables.
            return operation
        if part.is_layer:
            self.kept.append((part, new))
        return new

    def _can_be_made(self, part: Part) -> bool:
        """Returns whether configs can make a part, and everything inside it that has poolings to replace."""
        if part not in self._touched:
            return True
        inner = part.parts if part.is_graph else part.described
        return (part.is_graph or part.is_copyable) and all(map(self._can_be_made, inner))

    def _changes(self, inner: Part, holder: Part) -> bool:
        """Returns whether an inner layer is a pooling to replace, or has one inside it."""
        return inner in self._touched or (inner, holder) in self._chosen

    def _note_class(self, model: keras.Model, new: keras.Model) -> None:
        old = type(model)
        lost = [name for name in _BEHAVIOUR if getattr(old, name, None) is not getattr(type(new), name, None)]
        own = f", without its own {', '.join(lost)}" if lost else ""
        self.notes.append(
            f"The copy of {model.name!r} is of class {type(new).__name__}, not {old.__name__}{own}, because "
            "that class makes its layers itself."
        )

    def _note_shared(self, layer: Any, how: str) -> None:
        self.notes.append(
            f"{layer.name!r} is {how} the given model itself, because no {type(layer).__name__} can be made "
            "from its config. The new model shares it with the given one."
        )


def _call(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """Calls an operation of a copy as the old model calls the old operation.

    Keras notes the masks that it gives to layers as arguments, and not all poolings have the same ones.
    """
    parameters = inspect.signature(operation.call).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        known = {p.name for p in parameters}
        kwargs = {name: value for name, value in kwargs.items() if name in known}
    return operation(*args, **kwargs)


@contextlib.contextmanager
def _not_compiled(model: keras.Model) -> Iterator[None]:
    """Keeps Keras from compiling the copy of a model, because that fails if a loss is a function."""
    compiled, model.compiled = model.compiled, False
    try:
        yield
    finally:
        model.compiled = compiled
