"""Layers exchanged in the attributes of a layer that holds them."""

from typing import Any

import keras

from tf_softpool.rewriting.keras_model.internals import BOOKKEEPING, exchanged_in_tracker


def exchange(holder: keras.Layer, old: keras.Layer, new: keras.Layer) -> None:
    """Exchanges a layer for another in a layer's attributes, and in containers there.

    Raises:
        ValueError: if the old layer is in none of these places.
    """
    if old is new:
        return
    places: list = []
    with exchanged_in_tracker(holder, old, new):
        for name, value in list(vars(holder).items()):
            if name not in BOOKKEEPING:
                changed = _exchanged(value, old, new, places)
                if changed is not value:
                    setattr(holder, name, changed)
    if not places:
        raise ValueError(
            f"Layer {holder.name!r} ({type(holder).__name__}) holds {old.name!r}, but not in an attribute or "
            "in a list, tuple, dict or set there, so the layer cannot be exchanged."
        )


def _exchanged(value: Any, old: keras.Layer, new: keras.Layer, places: list) -> Any:
    """Returns a value with one layer exchanged for another, and adds the places of the exchange to `places`.

    Lists, dicts and sets are changed in place.
    """
    if value is old:
        places.append(value)
        return new
    if isinstance(value, set) and old in value:
        places.append(value)
        value.remove(old)
        value.add(new)
    elif isinstance(value, list | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            changed = _exchanged(item, old, new, places)
            if changed is not item:
                value[key] = changed
    elif isinstance(value, tuple):
        changes = [_exchanged(item, old, new, places) for item in value]
        if any(a is not b for a, b in zip(changes, value, strict=True)):
            return type(value)(*changes) if hasattr(value, "_fields") else tuple(changes)
    return value
