"""A copy of a Keras model in which chosen poolings are others."""

import contextlib

import keras

from tf_softpool.rewriting.anatomy import (
    as_layer,
    inner_layers,
    is_copyable,
    is_graph,
    remake,
    rewrite_config,
)
from tf_softpool.rewriting.state import carry_state

# What a class may do beside calling its layers, which a model of another class then does not.
_BEHAVIOUR = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "compile")


class Copying:
    """Makes the copy of one model.

    Args:
        chosen: dict of a `Site`'s key to a function that makes the new layer from the old.
        touched: ids of the models and layers that hold one of them, at any depth.
    """

    def __init__(self, chosen, touched):
        self.chosen = chosen
        self.touched = touched
        self.copies = {}  # (operation's id, its holder's) -> its copy, one for all models that use it
        self.kept = []  # (old, new) of layers that are the same but for what is inside them
        self.notes = []

    def copy(self, operation, holder=None):
        """The new model's layer, model or other operation for one of the old."""
        key = (id(operation), id(holder))
        if key not in self.copies:
            if key in self.chosen:
                new = self.chosen[key](as_layer(operation))
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

    def _copy_as_it_is(self, operation):
        try:
            new = remake(operation)
        except Exception as error:
            if getattr(operation, "variables", []):
                raise ValueError(
                    f"Layer {operation.name!r} ({type(operation).__name__}) cannot be copied: {error}"
                ) from error
            # A layer without variables can serve two models: a Lambda, say, whose function Keras
            # does not load back from a config.
            return operation
        if isinstance(operation, keras.Layer):
            self.kept.append((operation, new))
        return new

    def _copy_holder(self, layer):
        """A copy of a layer that holds poolings to replace: in its config, or else in its attributes."""
        described = set()
        # What is described is made once more from its description: models of it have no state.
        models = Copying(self.chosen, self.touched)

        def describe(inner):
            if not self._changes(inner, layer):
                return None
            described.add(id(inner))
            return models.copy(inner, None if is_graph(inner) else layer)

        if is_copyable(layer):
            new = remake(layer, rewrite_config(layer, describe))
            if hasattr(layer, "_trainable") and isinstance(layer, keras.Model):
                new._trainable = layer._trainable
        else:
            new = layer
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

    def _changes(self, inner, holder):
        return id(inner) in self.touched or (id(inner), id(holder)) in self.chosen

    def carry_state(self):
        """Gives the copies what the old layers have learned. Returns pairs of variables, old and new."""
        pairs = {}
        for old, new in self.kept:
            for variable, copy in carry_state(old, new, lambda part, by: (id(part), id(by)) in self.chosen):
                pairs[id(copy)] = (variable, copy)
        return list(pairs.values())


def exchange(holder, old, new):
    """Puts a layer in the place of another in a layer's attributes, and in containers there."""
    tracker = holder._tracker
    locked = tracker.locked
    tracker.unlock()
    tracker.replace_tracked_value("layers", old, new)
    for name, value in list(vars(holder).items()):
        if name not in ("_layers", "_tracker"):
            changed = _exchanged(value, old, new)
            if changed is not value:
                setattr(holder, name, changed)
    if locked:
        tracker.lock()


def _exchanged(value, old, new):
    """A value with one layer for another. Lists and dicts are changed in place."""
    if value is old:
        return new
    if isinstance(value, list | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            changed = _exchanged(item, old, new)
            if changed is not item:
                value[key] = changed
    elif isinstance(value, tuple):
        items = [_exchanged(item, old, new) for item in value]
        if any(a is not b for a, b in zip(items, value, strict=True)):
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value


@contextlib.contextmanager
def _not_compiled(model):
    """Keeps Keras from compiling the copy of a model, at which it fails where a loss is a function."""
    compiled, model.compiled = model.compiled, False
    try:
        yield
    finally:
        model.compiled = compiled
