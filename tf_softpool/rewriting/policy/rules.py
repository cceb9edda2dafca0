"""What is to be replaced by what, and how one pooling is made from another."""

import keras

from tf_softpool.rewriting.policy.kinds import GLOBAL, KINDS, STARTS, Start, kind_of


def rules_of(replacements):
    """The rules of a dict of what to replace by what.

    Raises:
        ValueError: it is no dict, or a key or value is not one that `replace_pooling` describes.
    """
    if not isinstance(replacements, dict):
        raise ValueError(f"Replacements must be a dict of what to replace by what, got {replacements!r}.")
    return [Rule(*item) for item in replacements.items()]


class Rule:
    """One entry of a replacement: which layers it is for, and what it makes of them."""

    def __init__(self, what, by):
        if isinstance(what, str) and what not in KINDS:
            raise ValueError(f"Unknown kind of pooling {what!r}: known are {sorted(KINDS)}.")
        if not isinstance(what, str) and not _is_layer_class(what):
            raise ValueError(f"What to replace must be a kind or a layer class, got {what!r}.")
        if isinstance(by, str) and by not in KINDS:
            raise ValueError(f"Unknown kind of pooling {by!r}: known are {sorted(KINDS)}.")
        if not isinstance(by, str) and not callable(by):
            raise ValueError(
                f"A replacement must be a kind, a layer class, or a function of a layer, got {by!r}."
            )
        self.what = what
        self.by = by

    @property
    def is_uniform(self):
        """Whether layers that are alike are replaced by layers that are alike."""
        return isinstance(self.by, str) or _is_layer_class(self.by)

    def matches(self, layer):
        """Whether this rule is for a layer."""
        if isinstance(self.what, str):
            return kind_of(layer)[0] == self.what
        return isinstance(layer, self.what)

    def make(self, layer):
        """The layer to put in the place of one that matches, with its name, and how near to it it starts.

        Raises:
            ValueError: the replacement cannot be made from this layer.
        """
        if isinstance(self.by, str):
            return _with_arguments_of(layer, _class_for(layer, self.by))
        if _is_layer_class(self.by):
            return _with_arguments_of(layer, self.by)
        new = self.by(layer)
        if not isinstance(new, keras.Layer):
            raise ValueError(f"The replacement of layer {layer.name!r} must be a Keras layer, got {new!r}.")
        if new is layer:
            raise ValueError(
                f"The replacement of layer {layer.name!r} must be a new layer, got the layer itself."
            )
        new.name = layer.name
        return new, ""


def _is_layer_class(value):
    return isinstance(value, type) and issubclass(value, keras.Layer)


def _class_for(layer, kind):
    old, rank = kind_of(layer)
    if old is None:
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) is not a pooling of a known kind, so "
            f"{kind!r} cannot take its arguments: give a layer class or a function instead."
        )
    if old.startswith(GLOBAL) and not kind.startswith(GLOBAL):
        kind = GLOBAL + kind
    elif kind.startswith(GLOBAL) and not old.startswith(GLOBAL):
        raise ValueError(f"{kind!r} cannot take the place of {layer.name!r}, which is not global.")
    if kind not in KINDS:
        kind = kind.removeprefix(GLOBAL)
        raise ValueError(f"{kind!r} has no global form to take the place of {layer.name!r}.")
    return KINDS[kind][rank]


def _with_arguments_of(layer, cls):
    """A layer of class `cls` with those of its arguments that `layer` has too, and a note on its start."""
    shared = ("pool_size", "strides", "padding", "data_format", "keepdims")
    config = layer.get_config()
    arguments = {name: config[name] for name in shared if name in config}
    kind = next((kind for kind, classes in KINDS.items() if cls in classes.values()), None)
    start = STARTS.get((kind_of(layer)[0], kind), Start())
    arguments |= start.arguments()
    try:
        new = cls(name=layer.name, trainable=layer.trainable, dtype=layer.dtype_policy, **arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{cls.__name__} cannot be made with the arguments of layer {layer.name!r}: {error}"
        ) from error
    new.activity_regularizer = layer.activity_regularizer
    return new, start.note
