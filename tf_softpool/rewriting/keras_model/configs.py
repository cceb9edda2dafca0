"""Layers made from configs: from their own, or from configs that describe other inner layers."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import keras

from tf_softpool.rewriting.keras_model.named_objects import keep_objects


def remake(layer: Any, config: dict | None = None) -> Any:
    """Makes a new layer from the config of a layer, or from another config.

    Raises:
        Exception: whatever the layer's class raises.
        ValueError: if Keras makes the config itself and does not know the constructor's arguments.
    """
    if isinstance(layer, keras.Model) and type(layer).get_config is keras.Model.get_config:
        _check_arguments(layer)
    if config is None:
        # A config may hold layers themselves instead of descriptions. The copy needs copies of these.
        config = _changed(layer.get_config(), lambda v: remake(v) if isinstance(v, keras.Layer) else None)
    new = type(layer).from_config(config)
    keep_objects(layer, new)
    return new


def _check_arguments(model: keras.Model) -> None:
    """Raises a ValueError if a model may have been made with other arguments than Keras's config of it has.

    Keras's own config of a subclassed model has default arguments, or before 3.12 none at all. Either way the
    copy gets the defaults.
    """
    parameters = inspect.signature(type(model).__init__).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    # A parameter without a default is equal to no attribute.
    for name, value in list(defaults.items())[1:]:
        if name not in ("name", "trainable", "dtype") and getattr(model, name, None) != value:
            raise ValueError(f"`get_config` is Keras's own and does not know the argument {name!r}.")


def is_copyable(layer: Any) -> bool:
    """Returns whether a layer can be made anew from its config."""
    try:
        remake(layer)
    except Exception:
        return False
    return True


def described_layers(layer: keras.Layer, held: list[keras.Layer]) -> set[int]:
    """Returns the ids of the held layers that a copy of a layer gets from its config."""
    found: set[int] = set()
    rewrite_config(layer, held, lambda inner: found.add(id(inner)))
    return found


def rewrite_config(
    layer: keras.Layer, held: list[keras.Layer], rewrite: Callable[[keras.Layer], Any]
) -> dict:
    """Returns a layer's config with other inner layers.

    Args:
        layer: the layer.
        held: the layers that it holds.
        rewrite: a function that takes a held layer and returns the layer to describe instead of it, or None
            to describe the same one. It is called for each held layer that the config describes, with
            `keras.saving.serialize_keras_object` or by holding the layer itself.
    """
    unseen: dict[str, list] = {}
    for inner in held:
        description = keras.saving.serialize_keras_object(inner)
        unseen.setdefault(_key(description), []).append(inner)

    def change(value: Any) -> Any:
        if isinstance(value, keras.Layer):
            new = rewrite(value)
            return remake(value) if new is None else new
        if not isinstance(value, dict) or not {"class_name", "config"} <= value.keys():
            return None
        same = unseen.get(_key(value))
        if same is None:
            return None
        # Layers with equal descriptions are told apart by their order.
        new = rewrite(same.pop(0)) if same else None
        if new is None:
            return value
        # The config of a Functional model also says how its layers are connected. That stays.
        rest = {key: item for key, item in value.items() if key != "build_config"}
        return rest | keras.saving.serialize_keras_object(new)

    return _changed(layer.get_config(), change)


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """Returns a config with each part replaced by `change(part)`, or kept if `change` returns None."""
    new = change(value)
    if new is not None:
        return new
    if isinstance(value, dict):
        return {key: _changed(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_changed(item, change) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def _key(description: dict) -> str:
    """Returns what two descriptions of the same layer have in common."""
    return json.dumps([description["class_name"], description["config"]], sort_keys=True, default=repr)
