"""Layers exchanged in the attributes of a layer that holds them."""


def exchange(holder, old, new):
    """Puts a layer in the place of another in a layer's attributes, and in containers there.

    Raises:
        ValueError: it is in none of them.
    """
    tracker = holder._tracker
    locked = tracker.locked
    tracker.unlock()
    tracker.replace_tracked_value("layers", old, new)
    places = []
    for name, value in list(vars(holder).items()):
        if name not in ("_layers", "_tracker"):
            changed = _exchanged(value, old, new, places)
            if changed is not value:
                setattr(holder, name, changed)
    if locked:
        tracker.lock()
    if not places:
        raise ValueError(
            f"Layer {holder.name!r} ({type(holder).__name__}) holds {old.name!r} where it cannot be "
            "exchanged."
        )


def _exchanged(value, old, new, places):
    """A value with one layer for another. Lists, dicts and sets are changed in place; `places` counts."""
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
        items = [_exchanged(item, old, new, places) for item in value]
        if any(a is not b for a, b in zip(items, value, strict=True)):
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value
