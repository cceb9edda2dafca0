"""What is replaced with what, and how one pooling is made from another."""

from collections.abc import Callable
from typing import Any

import keras

from tf_softpool import keras_versions
from tf_softpool.rewriting.policy.kinds import KINDS, form_of, kind_of, kind_of_class
from tf_softpool.rewriting.policy.starts import start_of

Replacement = str | type[keras.Layer] | Callable[[keras.Layer], keras.Layer]


def rules_of(replacements: Any) -> tuple["Rule", ...]:
    """Returns the rules of a dict of replacements.

    Raises:
        ValueError: if it is not a dict, or a key or value is not one that `replace_pooling` describes.
    """
    if not isinstance(replacements, dict):
        raise ValueError(f'`replacements` must be a dict such as {{"max": "soft"}}, got {replacements!r}.')
    return tuple(Rule(*item) for item in replacements.items())


def _unknown(kind: str) -> ValueError:
    reason = keras_versions.why_missing(kind)
    return ValueError(f"Unknown kind of pooling {kind!r}. {reason}Known kinds: {sorted(KINDS)}.")


class Rule:
    """One replacement: which layers it replaces, and with what.

    Args:
        what: a kind, or a layer class.
        by: a kind, a layer class, or a function that takes the old layer and returns the new one.

    Raises:
        ValueError: if an argument is not as described.
    """

    def __init__(self, what: str | type[keras.Layer], by: Replacement) -> None:
        if isinstance(what, str) and what not in KINDS:
            raise _unknown(what)
        if not isinstance(what, str) and not _is_layer_class(what):
            raise ValueError(f"The pooling to replace must be a kind or a layer class, got {what!r}.")
        if isinstance(by, str) and by not in KINDS:
            raise _unknown(by)
        if not isinstance(by, str) and not callable(by):
            raise ValueError(
                "A replacement must be a kind, a layer class, or a function that takes the old layer and "
                f"returns the new one, got {by!r}."
            )
        self.what = what
        self.by = by

    @property
    def is_uniform(self) -> bool:
        """Whether layers with equal arguments are replaced with layers with equal arguments."""
        return isinstance(self.by, str) or _is_layer_class(self.by)

    def matches(self, layer: keras.Layer) -> bool:
        """Returns whether this rule is for a layer."""
        if isinstance(self.what, str):
            return kind_of(layer)[0] == self.what
        return isinstance(layer, self.what)

    def make(self, layer: keras.Layer) -> tuple[keras.Layer, str]:
        """Makes the layer that replaces a layer.

        Returns:
            The new layer, with the old one's name, and a note on how near to the old one it starts.

        Raises:
            ValueError: if the replacement cannot be made from this layer.
        """
        if isinstance(self.by, str):
            return _with_arguments_of(layer, _class_for(layer, self.by))
        if isinstance(self.by, type):
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


def _is_layer_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, keras.Layer)


def _class_for(layer: keras.Layer, kind: str) -> type[keras.Layer]:
    """Returns the class of a kind that can replace a layer: of its rank, and of its form.

    Raises:
        ValueError: if there is none.
    """
    old, rank = kind_of(layer)
    if old is None or rank is None:
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) is not a pooling of a known kind, so "
            f"{kind!r} cannot take over its arguments. Give a layer class or a function instead."
        )
    form = form_of(kind)
    if form and form != form_of(old):
        raise ValueError(
            f"{kind!r} cannot replace layer {layer.name!r}, because that is not {form.removesuffix('_')}."
        )
    form, kind = form_of(old), kind.removeprefix(form)
    if form + kind not in KINDS:
        raise ValueError(
            f"{kind!r} has no {form.removesuffix('_')} form, so it cannot replace layer {layer.name!r}."
        )
    return KINDS[form + kind][rank]


def _with_arguments_of(layer: keras.Layer, cls: type[keras.Layer]) -> tuple[keras.Layer, str]:
    """Makes a layer of class `cls` with the arguments that it shares with `layer`, and notes its start."""
    shared = ("pool_size", "strides", "padding", "data_format", "keepdims", "output_size")
    config = layer.get_config()
    arguments = {name: config[name] for name in shared if name in config}
    start = start_of(kind_of(layer)[0] or "", kind_of_class(cls) or "")
    arguments |= start.arguments()
    try:
        new = cls(name=layer.name, trainable=layer.trainable, dtype=layer.dtype_policy, **arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{cls.__name__} cannot be made with the arguments of layer {layer.name!r}: {error}"
        ) from error
    new.activity_regularizer = layer.activity_regularizer
    return new, start.note
