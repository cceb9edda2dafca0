"""Configs of Keras 2, rewritten as Keras 3 writes them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras

from tf_softpool.rewriting.keras_2.differences import (
    ANY,
    CLASSES,
    DEFAULTS,
    KEYS,
    OF_APPLICATIONS,
    Config,
)
from tf_softpool.rewriting.keras_2.errors import Keras2Error, shown
from tf_softpool.rewriting.keras_2.graphs import functional, sequential
from tf_softpool.rewriting.keras_2.objects import ACTIVATIONS, MaskedConcatenate, TensorFlowFunction

# Where Keras 3 has the classes that a config may describe.
_MODULES = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
# The modules of what an argument describes, by the ends of the arguments' names.
_ROLES = {"initializer": "initializers", "regularizer": "regularizers", "constraint": "constraints"}
# What Keras 2 adds to the config of any first layer.
_OF_INPUTS = ("batch_input_shape", "input_dtype")
_GRAPHS = ("Functional", "Model", "Network")
_FUNCTIONS = ("TFOpLambda", "SlicingOpLambda")
# How HDF5 files of tf.keras describe tuples.
_SEQUENCES = ("__tuple__", "TensorShape")
_POLICIES = ("Policy", "PolicyV1", "DTypePolicy")
# The ends of the keys whose values may be names of functions.
_NAMING = ("activation", "initializer", "regularizer", "constraint")


class Converter:
    """Rewrites the configs of one file.

    Args:
        custom_objects: the caller's classes and functions, by name.

    Attributes:
        renamed: the old and new names of layers that Keras 3 allows no such name for.
        notes: what to tell the user about the model.
    """

    def __init__(self, custom_objects: dict[str, Any] | None = None) -> None:
        self.renamed: dict[str, str] = {}
        self.notes: list[str] = []
        # The names that the file gives to layers.
        self._taken: set[str] = set()
        self._has_masks = False
        self._custom_objects = custom_objects or {}

    def convert(self, value: Any, role: str = "layers") -> Any:
        """Returns a config, or a part of one, as Keras 3 writes it.

        Args:
            value: the config or the part.
            role: the module of Keras that probably has the class that is described.

        Raises:
            Keras2Error: if Keras 3 has nothing for a class or a key.
        """
        if isinstance(value, list | tuple):
            return [self.convert(each, role) for each in value]
        if not isinstance(value, dict):
            return value
        if value.get("type") == "ndarray" and "value" in value:
            return value["value"]
        if value.get("class_name") in _SEQUENCES and "items" in value:
            return self.convert(value["items"])
        if value.get("class_name") == "__ellipsis__":
            return {"class_name": "__ellipsis__", "config": {}}
        if "class_name" in value and "config" in value:
            return self._object(value, role)
        return {key: self.convert(each) for key, each in value.items()}

    def name(self, name: str) -> str:
        """Returns the name that a layer gets: Keras 3 allows no "/" in it."""
        if "/" in name and name not in self.renamed:
            free = name.replace("/", "_")
            while free in self._taken or free in self.renamed.values():
                free += "_"
            self.renamed[name] = free
        return self.renamed.get(name, name)

    def read(self, config: Config) -> Any:
        """Returns the config of a whole model, as `convert` does."""
        self._taken = set(_names_in(config))
        self._has_masks = _has_masks(config)
        return self.convert(config)

    def own_name(self, description: Config) -> str:
        """Returns the name that the caller has given or registered a class under, or an empty string.

        Keras 2 writes `package>Class`, and the caller may give the class by its name alone.
        """
        name = description["class_name"]
        names = (description.get("registered_name"), name, name.split(">")[-1])
        found = (n for n in names if n and self._is_known(n))
        return next(found, "")

    def _is_known(self, name: str) -> bool:
        return keras.saving.get_registered_object(name, self._custom_objects) is not None

    def _object(self, description: Config, role: str) -> Any:
        name, config = description["class_name"], description["config"]
        if name == "__lambda__":
            return description
        if name == "function":
            return config
        is_graph = isinstance(config, dict) and {"layers", "input_layers", "output_layers"} <= config.keys()
        if own := self.own_name(description):
            return self._own(own, description, is_graph)
        if name in _POLICIES:
            return config["name"]
        if name == "Sequential":
            return sequential(description, self)
        if name in _GRAPHS or is_graph:
            if name not in _GRAPHS:
                self.notes.append(
                    f"The model's class {name} is not known, so it is a plain Functional model now. Give the "
                    "class in `custom_objects` to keep it."
                )
            return functional(description, self)
        if name in _FUNCTIONS:
            function = {"function": config["function"], "name": self.name(config["name"])}
            return keras.saving.serialize_keras_object(TensorFlowFunction(**function))
        if name == "Concatenate" and self._has_masks:
            made = MaskedConcatenate(axis=config.get("axis", -1), name=self.name(config["name"]))
            return keras.saving.serialize_keras_object(made)
        bare = name.split(">")[-1]
        return self._keras_object(CLASSES.get(bare, (bare, ""))[0], description, role)

    def _own(self, name: str, description: Config, is_graph: bool) -> Config:
        """Returns the description of an object of the caller's own class, which is known by a name."""
        own = {"module": None, "class_name": name, "registered_name": name}
        if is_graph:
            # A subclass of Functional models, which describes its layers as these do.
            return functional(description, self) | own
        config = {k: self.convert(v) for k, v in description["config"].items() if k not in _OF_INPUTS}
        return {**description, **own, "config": config}

    def _keras_object(self, name: str, description: Config, role: str) -> Config:
        old, config = description["class_name"], dict(description["config"])
        who = f"its {old} {config['name']!r}" if "name" in config else f"its {old}"
        if name in OF_APPLICATIONS:
            config = {key: self._argument(key, value, who) for key, value in config.items()}
            found = {"module": OF_APPLICATIONS[name], "class_name": name, "config": config}
            return found | {"registered_name": name}
        module, cls = _class(name, role)
        if cls is None:
            raise Keras2Error(
                f"{who} is of a class that Keras 3 lacks. If the class is your own, register it or give it "
                "in `custom_objects`."
            )
        config = DEFAULTS.get(old, ({}, ""))[0] | self._changed_keys(old, config, who)
        config = {key: self._argument(key, value, who) for key, value in config.items()}
        return {
            "module": module,
            "class_name": name,
            "config": _known_keys(cls, config, who),
            "registered_name": None,
        }

    def _changed_keys(self, name: str, config: Config, who: str) -> Config:
        """Returns a config with the changes of the table."""
        found: Config = {}
        for key, value in config.items():
            row = _row(name, key)
            try:
                found |= {key: value} if row is None else row.change(value)
            except Keras2Error as error:
                raise Keras2Error(f"of the {key!r} of {who}, {error}") from None
        return found

    def _argument(self, key: str, value: Any, who: str) -> Any:
        if key == "name" and isinstance(value, str):
            return self.name(value)
        found = self.convert(value, _ROLES.get(key.rpartition("_")[2], "layers"))
        if not isinstance(found, str) or not key.endswith(_NAMING):
            return found
        if self._is_known(found):
            # Keras 3 looks up only a description, and not a name, among the caller's functions.
            return {"module": "builtins", "class_name": "function", "config": found, "registered_name": found}
        if found in ACTIVATIONS:
            return keras.activations.serialize(ACTIVATIONS[found])
        if key.endswith("activation") and getattr(keras.activations, found, None) is None:
            raise Keras2Error(
                f"the {key} of {who} is a function {found!r}, whose code is not in the file. Give it in "
                f"`custom_objects`, as {{{found!r}: function}}."
            )
        return found


def _names_in(config: Any) -> Iterator[str]:
    """Yields all names in a config."""
    if isinstance(config, dict):
        if isinstance(config.get("name"), str):
            yield config["name"]
        config = list(config.values())
    if isinstance(config, list):
        for each in config:
            yield from _names_in(each)


def _has_masks(config: Any) -> bool:
    """Returns whether a layer in a config makes masks."""
    if isinstance(config, dict):
        if config.get("class_name") == "Masking" or config.get("mask_zero") is True:
            return True
        config = list(config.values())
    return isinstance(config, list) and any(map(_has_masks, config))


def _row(name: str, key: str) -> Any:
    """Returns the row of the table for a key of a class. A row for the class is preferred to one for all."""
    rows = [row for row in KEYS if row.key == key and (name in row.classes or row.classes == ANY)]
    return min(rows, key=lambda row: row.classes == ANY, default=None)


def _class(name: str, role: str) -> tuple[str, type | None]:
    """Returns Keras 3's module and class of a name, or None in the place of the class."""
    for module in (role, *_MODULES):
        found = getattr(getattr(keras, module), name, None)
        if isinstance(found, type):
            return f"keras.{module}", found
    return "", None


def _known_keys(cls: type, config: Config, who: str) -> Config:
    """Returns a config without the keys that Keras 3 has no arguments for and that are off.

    Raises:
        Keras2Error: if such a key is not off.
    """
    known = _arguments(cls)
    for key, value in config.items():
        if key not in known and value not in (None, False) and key != "trainable":
            raise Keras2Error(f"{who} has {key} = {shown(value)}, and Keras 3 has no such argument.")
    return {key: value for key, value in config.items() if key in known}


def _arguments(cls: type) -> set[str]:
    """Returns the names of the arguments that a class's constructors take."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
        names |= {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return names - {"self"}


def renaming_note(renamed: dict[str, str]) -> str:
    """Returns the note about renamed layers, or an empty string."""
    if not renamed:
        return ""
    first = next(iter(renamed.items()))
    return (
        f"Keras 3 allows no '/' in the names of layers, so {len(renamed)} are renamed, such as {first[0]!r} "
        f"to {first[1]!r}."
    )
