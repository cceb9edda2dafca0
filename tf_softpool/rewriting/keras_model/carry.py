"""What layers have learned, carried over to their copies."""

import tempfile

import keras

from tf_softpool.rewriting.keras_model.exchange import exchange
from tf_softpool.rewriting.keras_model.parts import inner_layers, is_graph, operations_of, own_variables


class Carrying:
    """Gives copies what the layers have that they are made from.

    Args:
        kept: pairs of layers, old and new, that are the same but for their state.
        chosen: the keys of poolings, (id, holder's id), for which there is another.
    """

    def __init__(self, kept, chosen):
        self.kept = kept
        self.chosen = chosen
        # A layer that several hold has one copy. Where a graph calls it, that one.
        self.copies = {id(old): new for old, new in kept}
        self.pairs = {}
        self.notes = []

    def carry(self):
        """Carries it all.

        Returns:
            Pairs of variables, old and new.

        Raises:
            ValueError: a copy has not the variables that its layer has.
        """
        for old, new in self.kept:
            self._carry(old, new)
        return list(self.pairs.values())

    def _carry(self, old, new):
        if old is new:
            self.pairs |= {id(variable): (variable, variable) for variable in old.variables}
            return
        new._trainable = old._trainable
        for variable, copy in _paired(own_variables(old), own_variables(new), old):
            copy.assign(variable)
            copy.trainable = variable.trainable
            self.pairs[id(copy)] = variable, copy
        _carry_assets(old, new)
        self._compare_attributes(old, new)
        for part, copy in _parts(old, new):
            if (id(part), id(None if is_graph(old) else old)) not in self.chosen:
                self._carry_part(part, copy, new)
            elif part.built and not copy.built:
                # A layer whose class knows the output's shape is not called while a model is made.
                copy.build_from_config(part.get_build_config())

    def _carry_part(self, part, copy, holder):
        first = self.copies.setdefault(id(part), copy)
        if first is copy:
            self._carry(part, copy)
        elif is_graph(holder):
            self._carry(part, copy)
            if part.variables:
                self.notes.append(
                    f"{part.name!r} is used in several places, and its copy in {holder.name!r} has weights "
                    "of its own: they are equal, and no longer the same."
                )
        elif first not in inner_layers(holder):
            exchange(holder, copy, first)

    def _compare_attributes(self, old, new):
        """Notes what was set in a layer after it was made, and is in no config."""
        for name, value in vars(old).items():
            simple = isinstance(value, bool | int | float | str) and not name.startswith("_")
            if simple and name not in ("name", "built") and getattr(new, name, value) != value:
                self.notes.append(
                    f"{old.name!r} has {name} = {value!r}, its copy {getattr(new, name)!r}: the config of "
                    f"{type(old).__name__} does not tell it."
                )


def _paired(old, new, layer):
    if _shapes(old) != _shapes(new):
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) holds {_shapes(old)}, "
            f"its copy {_shapes(new)}: it does not make and build itself from its config."
        )
    return list(zip(old, new, strict=True))


def _shapes(parts):
    """The shapes of variables. Layers have none, and count."""
    return [tuple(part.shape) if hasattr(part, "shape") else "layer" for part in parts]


def _parts(old, new):
    """The layers inside a layer and its copy, in pairs."""
    if is_graph(old):
        copies = {operation.name: operation for operation in operations_of(new)}
        layers = [part for part in operations_of(old) if isinstance(part, keras.Layer)]
        return [(part, copies[part.name]) for part in layers]
    return _paired(inner_layers(old), inner_layers(new), old)


def _carry_assets(old, new):
    """Copies what preprocessing layers keep outside of variables, or derive from them."""
    if hasattr(old, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            old.save_assets(folder)
            new.load_assets(folder)
    elif old.variables and hasattr(new, "finalize_state"):
        new.finalize_state()
