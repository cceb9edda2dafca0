"""A copy of a Keras model in which chosen poolings are others."""

import contextlib

import keras

from tf_softpool.rewriting.keras_model.carry import Carrying
from tf_softpool.rewriting.keras_model.exchange import exchange
from tf_softpool.rewriting.keras_model.parts import (
    inner_layers,
    is_copyable,
    is_graph,
    remake,
    rewrite_config,
)

# What a class may do beside calling its layers, which a model of another class then does not.
_BEHAVIOUR = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "compile")


class Copying:
    """Makes the copy of one model.

    Args:
        chosen: dict of a `Site`'s key to the layer for its place.
        touched: ids of the models and layers that hold one of them, at any depth.
        in_place: whether layers that no config can make may be those of the given model.
    """

    def __init__(self, chosen, touched, in_place):
        self.in_place = in_place
        self.chosen = chosen
        self.touched = touched
        self.copies = {}  # (operation's id, its holder's) -> its copy, one for all models that use it
        self.kept = []  # (old, new) of layers that are the same but for what is inside them
        self.notes = []
        self.changed_in_place = False

    def copy(self, operation, holder=None):
        """The new model's layer, model or other operation for one of the old."""
        key = (id(operation), id(holder))
        if key not in self.copies:
            if key in self.chosen:
                new = self.chosen[key]
            elif isinstance(operation, keras.Layer) and is_graph(operation):
                new = self._copy_graph(operation)
            elif id(operation) in self.touched:
                new = self._copy_holder(operation)
            else:
                new = self._copy_as_it_is(operation)
            self.copies[key] = new
        return self.copies[key]

    def _copy_graph(self, model):
        inputs = None
        if not isinstance(model, keras.Sequential):
            # Left to itself, Keras names the copy's inputs after tensors.
            inputs = keras.tree.map_structure(
                lambda tensor: self.copy(tensor._keras_history.operation).output, model.input
            )
        with _not_compiled(model):
            new = keras.models.clone_model(model, input_tensors=inputs, clone_function=self.copy)
        # The layers have flags of their own, which setting the model's would overwrite.
        new._trainable = model._trainable
        if type(new) is not type(model):
            self._note_class(model, new)
        return new

    def _note_class(self, model, new):
        old = type(model)
        lost = [name for name in _BEHAVIOUR if getattr(old, name, None) is not getattr(type(new), name, None)]
        own = f", without its own {', '.join(lost)}" if lost else ""
        self.notes.append(
            f"The copy of {model.name!r} is of class {type(new).__name__}, not {old.__name__}{own}: that "
            "class makes its layers itself."
        )

    def _note_shared(self, layer, what):
        self.notes.append(
            f"{layer.name!r} is {what} the given model itself, for no {type(layer).__name__} can be made "
            "from its config: what is returned shares it."
        )

    def _copy_as_it_is(self, operation):
        try:
            new = remake(operation)
        except Exception as error:
            if getattr(operation, "variables", []):
                if not self.in_place:
                    raise ValueError(
                        f"Layer {operation.name!r} ({type(operation).__name__}) cannot be copied: {error} "
                        "With in_place=True the new model shares it with the given one."
                    ) from error
                self._note_shared(operation, "taken from")
            # A layer without variables can serve two models: a Lambda, say, whose function Keras
            # does not load back from a config.
            return operation
        if isinstance(operation, keras.Layer):
            self.kept.append((operation, new))
        return new

    def _copy_holder(self, layer):
        """A copy of a layer that holds poolings to replace: in its config, or else in its attributes."""
        new, described = self._remake_holder(layer)
        changed = [part for part in inner_layers(layer) if self._changes(part, layer)]
        rest = [part for part in changed if id(part) not in described]
        if new is not layer and (rest or isinstance(layer, keras.Model)) and layer.built:
            new.build_from_config(layer.get_build_config())
        for part in rest:
            copy = self.copy(part, None if is_graph(part) else layer)
            index = inner_layers(layer).index(part)
            if copy is not inner_layers(new)[index]:
                exchange(new, inner_layers(new)[index], copy)
            if part.built and not copy.built:
                copy.build_from_config(part.get_build_config())
        self.kept.append((layer, new))
        return new

    def _remake_holder(self, layer):
        """A layer made from the config of another, in which poolings are replaced; the other itself where
        there is no such config. And the ids of the layers inside that the config describes.
        """
        if not is_copyable(layer):
            self.changed_in_place = True
            self._note_shared(layer, "changed in")
            return layer, set()
        described = set()
        # What is described is made once more from its description: models of it have no state.
        models = Copying(self.chosen, self.touched, self.in_place)

        def describe(inner):
            if not self._changes(inner, layer):
                return None
            described.add(id(inner))
            return models.copy(inner, None if is_graph(inner) else layer)

        return remake(layer, rewrite_config(layer, describe)), described

    def _changes(self, inner, holder):
        return id(inner) in self.touched or (id(inner), id(holder)) in self.chosen

    def carry_state(self):
        """Gives the copies what the old layers have learned. Returns pairs of variables, old and new."""
        carrying = Carrying(self.kept, self.chosen)
        pairs = carrying.carry()
        self.notes += carrying.notes
        return pairs


@contextlib.contextmanager
def _not_compiled(model):
    """Keeps Keras from compiling the copy of a model, at which it fails where a loss is a function."""
    compiled, model.compiled = model.compiled, False
    try:
        yield
    finally:
        model.compiled = compiled
