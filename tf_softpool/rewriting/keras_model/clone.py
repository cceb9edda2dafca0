"""A copy of a Keras model with other layers at chosen poolings. Its variables have their initial values."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from tf_softpool.rewriting.keras_model.configs import is_copyable, remake, rewrite_config
from tf_softpool.rewriting.keras_model.exchange import exchange
from tf_softpool.rewriting.keras_model.find import ModelSite
from tf_softpool.rewriting.keras_model.internals import copy_trainable_flag, held_layers, producer_of
from tf_softpool.rewriting.keras_model.parts import is_graph

# Methods with which a model's class may do more than call its layers. A model of another class lacks them.
_BEHAVIOUR = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "compile")


class Cloner:
    """Makes the copy of one model.

    Args:
        replacements: the sites to replace, each with its new layer.
        in_place: whether the copy may share layers with the given model if no config can make them.

    Attributes:
        kept: pairs of an old and a new layer that are the same except for what is inside them.
        notes: what to tell the user about the copy.
        changed_in_place: whether a layer of the given model was changed.
    """

    def __init__(self, replacements: dict[ModelSite, keras.Layer], in_place: bool) -> None:
        self.kept: list[tuple[keras.Layer, keras.Layer]] = []
        self.notes: list[str] = []
        self.changed_in_place = False
        self._replacements = replacements
        self._in_place = in_place
        self._chosen = {site.key: layer for site, layer in replacements.items()}
        # The ids of all models and layers around these sites.
        self._touched = {id(part) for site in replacements for part in site.chain}
        # By the ids of an operation and of its holder. All models that use an operation share its copy.
        self._copies: dict[tuple[int, int], Any] = {}

    def copy(self, operation: Any, holder: keras.Layer | None = None) -> Any:
        """Returns the copy of a layer, a model or another operation.

        Raises:
            ValueError: if a layer has weights and cannot be made from its config, and `in_place` is False.
        """
        key = (id(operation), id(holder))
        if key not in self._copies:
            if key in self._chosen:
                new = self._chosen[key]
            elif isinstance(operation, keras.Layer) and is_graph(operation):
                new = self._copy_graph(operation)
            elif id(operation) in self._touched:
                new = self._copy_holder(operation)
            else:
                new = self._copy_as_it_is(operation)
            self._copies[key] = new
        return self._copies[key]

    def _copy_graph(self, model: keras.Model) -> keras.Model:
        """Copies a Functional or Sequential model layer by layer."""
        inputs = None
        if not isinstance(model, keras.Sequential):
            # Without these, Keras names the copy's inputs after tensors.
            inputs = keras.tree.map_structure(
                lambda tensor: self.copy(producer_of(tensor)).output, model.input
            )
        with _not_compiled(model):
            new = keras.models.clone_model(model, input_tensors=inputs, clone_function=self.copy)
        copy_trainable_flag(model, new)
        if type(new) is not type(model):
            self._note_class(model, new)
        return new

    def _copy_as_it_is(self, operation: Any) -> Any:
        """Copies an operation with nothing to replace inside it."""
        try:
            new = remake(operation)
        except Exception as error:
            if getattr(operation, "variables", []):
                if not self._in_place:
                    raise ValueError(
                        f"Layer {operation.name!r} ({type(operation).__name__}) cannot be copied: {error} "
                        "With in_place=True the new model shares it with the given one."
                    ) from error
                self._note_shared(operation, "taken from")
            # Two models can share a layer without variables. A Lambda is an example: Keras does not load its
            # function from a config.
            return operation
        if isinstance(operation, keras.Layer):
            self.kept.append((operation, new))
        return new

    def _copy_holder(self, layer: keras.Layer) -> keras.Layer:
        """Copies a layer with poolings to replace in its config, or else in its attributes."""
        new, described = self._remake_holder(layer)
        changed = [part for part in held_layers(layer) if self._changes(part, layer)]
        rest = [part for part in changed if id(part) not in described]
        if new is not layer and (rest or isinstance(layer, keras.Model)) and layer.built:
            new.build_from_config(layer.get_build_config())
        for part in rest:
            copy = self.copy(part, None if is_graph(part) else layer)
            index = held_layers(layer).index(part)
            if copy is not held_layers(new)[index]:
                exchange(new, held_layers(new)[index], copy)
            if part.built and not copy.built:
                copy.build_from_config(part.get_build_config())
        self.kept.append((layer, new))
        return new

    def _remake_holder(self, layer: keras.Layer) -> tuple[keras.Layer, set[int]]:
        """Makes a layer from the config of another, with other poolings.

        Returns:
            The new layer, or the given one if no config can make it; and the ids of the inner layers that the
            config describes and that change.
        """
        if not is_copyable(layer):
            self.changed_in_place = True
            self._note_shared(layer, "changed in")
            return layer, set()
        described: set[int] = set()
        # The new layer makes its inner layers from their descriptions. These copies only serve to be
        # described.
        models = Cloner(self._replacements, self._in_place)

        def describe(inner):
            if not self._changes(inner, layer):
                return None
            described.add(id(inner))
            return models.copy(inner, None if is_graph(inner) else layer)

        new = remake(layer, rewrite_config(layer, describe))
        self.notes += models.notes
        self.changed_in_place |= models.changed_in_place
        return new, described

    def _changes(self, inner: keras.Layer, holder: keras.Layer) -> bool:
        """Returns whether an inner layer is a pooling to replace, or has one inside it."""
        return id(inner) in self._touched or (id(inner), id(holder)) in self._chosen

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


@contextlib.contextmanager
def _not_compiled(model: keras.Model) -> Iterator[None]:
    """Keeps Keras from compiling the copy of a model, because that fails if a loss is a function."""
    compiled, model.compiled = model.compiled, False
    try:
        yield
    finally:
        model.compiled = compiled
