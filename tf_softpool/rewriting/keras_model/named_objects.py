"""The user's functions and classes, known to Keras by name while copies are made from configs."""

import contextlib
import re
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from tf_softpool.keras_versions import is_variable
from tf_softpool.rewriting.keras_model.internals import held_layers

# The beginning of the names that functions have meanwhile.
_PREFIX = "tf_softpool_function_"


@contextlib.contextmanager
def objects_by_name(layers: Iterable[Any]) -> Iterator[None]:
    """Lets configs describe everything in the attributes of layers, and lets Keras find it again.

    Inside the block, each function in an attribute is a stand-in with a name of its own. A config describes a
    function by its name alone, and Keras may have a function of that name, or refuse a lambda. `give_back`
    puts the functions back, in the layers and in their copies.
    """
    objects: dict[str, Any] = {}
    for layer in layers:
        objects |= _classes_in(layer)
        for name, value in _own(layer).items():
            if _is_function(value):
                stand_in = _stand_in(value)
                objects[stand_in.__name__] = vars(layer)[name] = stand_in
    with known_to_keras(objects):
        yield


@contextlib.contextmanager
def known_to_keras(objects: dict[str, Any]) -> Iterator[None]:
    """Lets Keras find objects by name. A scope of Keras's own would hide the caller's scope."""
    known = keras.saving.get_custom_objects()
    before = dict(known)
    known |= objects
    try:
        yield
    finally:
        known.clear()
        known |= before


def original(function: Any) -> Any:
    """Returns the function that a stand-in stands for, or the function itself."""
    return getattr(function, "instead_of", function)


def with_own_names(objects: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Returns the caller's objects also under the names that files give to them, and notes about new names.

    A file of Keras 2 may call a function `<lambda>`, or by another name than its own. Keras 3 writes the
    function's own name, and does not read a lambda that it has written.
    """
    found, notes = dict(objects), []
    for name, value in objects.items():
        if isinstance(value, type):
            found.setdefault(keras.saving.get_registered_name(value), value)
        if not isinstance(value, types.FunctionType):
            continue
        own = value.__name__
        if own == "<lambda>":
            own = re.sub(r"\W", "", name) + "_function"
            found[name] = value = _named(value, own)
        if own != name:
            found[own] = value
            notes.append(
                f"The file names the function that was given as {name!r} {own!r}: give it by that name to "
                "load the file."
            )
    return found, notes


def _named(function: Callable[..., Any], name: str) -> Any:
    def named(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    named.__name__, named.__module__ = name, getattr(function, "__module__", None) or __name__
    return named


def give_back(layers: Iterable[Any]) -> None:
    """Puts the functions of layers and of their variables in the places of their stand-ins."""
    for layer in layers:
        # `layer.variables` would visit what is inside the layer once for each way to it.
        for value in vars(layer).values():
            if is_variable(value):
                _give_back(value)
        _give_back(layer)


def keep_objects(old: Any, new: Any) -> None:
    """Gives a copy the objects in a layer's attributes that differ from those that the copy has made.

    A config of the user's own regularizer, constraint or initializer may leave out arguments. Layers that the
    layer holds are looked at too.
    """
    for name, value in vars(old).items():
        other = vars(new).get(name)
        has_state = isinstance(value, keras.Layer | keras.Metric | keras.Optimizer)
        if not has_state and _is_describable(value) and type(other) is type(value) and unlike(value, other):
            setattr(new, name, value)
            _keep_of_variables(new, other, value)
    held = zip(held_layers(old), held_layers(new), strict=False) if isinstance(old, keras.Layer) else ()
    for inner, copy in held:
        if type(inner) is type(copy) and inner is not copy and not isinstance(inner, keras.Model):
            keep_objects(inner, copy)


def _keep_of_variables(layer: keras.Layer, other: Any, value: Any) -> None:
    """Exchanges a regularizer or constraint in the variables that a layer has already made."""
    for variable in vars(layer).values():
        if is_variable(variable):
            for name in ("regularizer", "constraint"):
                if getattr(variable, name) is other:
                    setattr(variable, name, value)


def unlike(old: Any, new: Any) -> dict[str, Any]:
    """Returns the attributes of an object that differ from those of its copy, with the old values.

    Numbers, strings, functions and lists of these are compared.
    """
    return {
        name: value
        for name, value in _own(old).items()
        if name not in ("name", "_name", "built") and _is_simple(value) and vars(new).get(name) != value
    }


def _is_simple(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_simple, value))
    return isinstance(value, bool | int | float | str | None | types.FunctionType)


def _own(holder: Any) -> dict[str, Any]:
    """Returns an object's attributes without those that its class has, such as methods that Keras wraps."""
    return {name: value for name, value in vars(holder).items() if not hasattr(type(holder), name)}


def _is_function(value: Any) -> bool:
    """Returns whether a value is the user's own function, or an object that is called like one."""
    is_plain = callable(value) and not isinstance(value, type) and not hasattr(value, "get_config")
    return is_plain and not is_of_keras(value) and not is_of_keras(type(value))


def _classes_in(layer: Any) -> dict[str, type]:
    """Returns the user's classes of a layer and of the objects in its attributes, by name."""
    classes = {type(each) for each in (layer, *vars(layer).values()) if _is_describable(each)}
    return {keras.saving.get_registered_name(cls): cls for cls in classes}


def _is_describable(value: Any) -> bool:
    """Returns whether a config may describe a value, and Keras does not know its class."""
    return hasattr(value, "get_config") and not isinstance(value, type) and not is_of_keras(type(value))


def is_of_keras(value: Any) -> bool:
    """Returns whether a class or function is Keras's or ours."""
    return (getattr(value, "__module__", None) or "").startswith(("keras.", "tf_softpool."))


def _stand_in(function: Callable[..., Any]) -> Any:
    stand_in = _named(function, f"{_PREFIX}{id(function)}")
    stand_in.instead_of = function
    return stand_in


def _give_back(holder: Any) -> None:
    for name, value in list(getattr(holder, "__dict__", {}).items()):
        if isinstance(value, types.FunctionType) and value.__name__.startswith(_PREFIX):
            vars(holder)[name] = original(value)
