"""Sequential and Functional models of Keras 2, rewritten as Keras 3 writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from tf_softpool.rewriting.keras_2.differences import RECURRENT, Config
from tf_softpool.rewriting.keras_2.errors import Keras2Error

if TYPE_CHECKING:
    from tf_softpool.rewriting.keras_2.configs import Converter

# What Keras 2 writes in the place of a layer's name before an argument that is no tensor.
_CONSTANT = "_CONSTANT_VALUE"
_MODELS = ("Functional", "Model", "Network", "Sequential")
# Arguments of calls that are left out if they say nothing.
_OPTIONAL = ("training", "mask", "name")
# Layers whose states Keras 2 appends to a list of inputs.
_WITH_STATES = (*RECURRENT, "Bidirectional")


def sequential(description: Config, converter: Converter) -> Config:
    """Returns the description of a Sequential model.

    Before 2.2.3 its config is a list of layers. Keras 2 may say the shape of its input in the first layer's
    config, and Keras 3 has an InputLayer.
    """
    config = description["config"]
    config = {"layers": config} if isinstance(config, list) else config
    layers = list(config["layers"])
    if layers and layers[0]["class_name"] != "InputLayer" and (first := input_layer(layers[0])):
        layers.insert(0, first)
    new = {
        "name": converter.name(config.get("name") or "sequential"),
        "layers": [converter.convert(layer) for layer in layers],
    }
    if "build_input_shape" in config and not (layers and layers[0]["class_name"] == "InputLayer"):
        new["build_input_shape"] = converter.convert(config["build_input_shape"])
    return {"module": "keras", "class_name": "Sequential", "config": new, "registered_name": None}


def input_layer(description: Config) -> Config | None:
    """Returns the description of the InputLayer that a first layer implies, or None if it implies none."""
    config = description["config"]
    layers = config if isinstance(config, list) else config.get("layers")
    if layers:
        # The input of a model inside this one.
        inputs = [layer for layer in layers if layer["class_name"] == "InputLayer"]
        if len(inputs) > 1:
            return None
        found = inputs[0] if inputs else input_layer(layers[0])
        return found and {**found, "config": {**found["config"], "name": found["config"]["name"] + "_outer"}}
    shape = config.get("batch_input_shape")
    if shape is None:
        return None
    dtype = config.get("input_dtype") or config.get("dtype") or "float32"
    dtype = dtype if isinstance(dtype, str) and dtype in _TYPES else "float32"
    name = str(config.get("name") or description["class_name"].lower()) + "_input"
    return {"class_name": "InputLayer", "config": {"batch_input_shape": shape, "dtype": dtype, "name": name}}


_TYPES = ("float16", "float32", "float64", "bfloat16", "int32", "int64", "uint8", "bool", "string")


def functional(description: Config, converter: Converter) -> Config:
    """Returns the description of a Functional model."""
    config = description["config"]
    graph = _Graph(config, converter)
    new = {
        "name": converter.name(config["name"]),
        "trainable": config.get("trainable", True),
        "layers": [graph.layer(layer) for layer in config["layers"]],
        "input_layers": graph.ends(config["input_layers"]),
        "output_layers": graph.ends(config["output_layers"]),
    }
    # As Keras 3 describes such a model itself. The class is not public.
    like = keras.saving.serialize_keras_object(_any_functional())
    return {
        "module": like["module"],
        "class_name": like["class_name"],
        "config": new,
        "registered_name": like["registered_name"],
    }


def _any_functional() -> keras.Model:
    x = keras.Input((1,))
    # Some versions of Keras make no model without a layer.
    return keras.Model(x, keras.layers.Identity(name="identity")(x))


def name_of(description: Config) -> str:
    """Returns the name of a layer, which Functional models also write beside its config."""
    return str(description.get("name") or description["config"]["name"])


class _Graph:
    """The connections in one Functional model."""

    def __init__(self, config: Config, converter: Converter) -> None:
        self._converter = converter
        named = {name_of(layer): layer for layer in config["layers"]}
        self._classes = {name: layer["class_name"] for name, layer in named.items()}
        self._models = {
            name
            for name, layer in named.items()
            if layer["class_name"] in _MODELS or "layers" in layer["config"]
        }

    def layer(self, description: Config) -> Config:
        """Returns the description of a layer, with how it is called."""
        new = self._converter.convert(
            {k: v for k, v in description.items() if k not in ("inbound_nodes", "name")}
        )
        nodes = [self._node(node, description["class_name"]) for node in description.get("inbound_nodes", [])]
        return new | {"name": self._converter.name(name_of(description)), "inbound_nodes": nodes}

    def ends(self, ends: Any) -> Any:
        """Returns the model's inputs or outputs. A list of one is that one, as in Keras 2."""
        if isinstance(ends, dict):
            return {key: self._end(value) for key, value in ends.items()}
        if _is_reference(ends):
            return self._end(ends)
        found = [self.ends(each) for each in ends]
        return found[0] if len(found) == 1 else found

    def _end(self, reference: list) -> list:
        name, node, index = reference[:3]
        if self._classes.get(name) == "Sequential":
            # Keras 3 counts the calls of Functional models from 1 here, as Keras 2 does, and others from 0.
            node = max(node - 1, 0)
        return [self._converter.name(name), node, index]

    def _node(self, node: Any, class_name: str) -> Config:
        """Returns one call of a layer."""
        if isinstance(node, dict) and node.keys() == {"args", "kwargs"}:
            # Keras 3 wrote this part of the file.
            return self._with_new_names(node)
        found: Config = {}
        self._collect(node, found)
        keywords = {key: self._argument(value) for key, value in found.items()}
        is_function = class_name.endswith("OpLambda")
        inputs = self._structure(node)
        if isinstance(inputs, list) and len(inputs) == 1 and not is_function:
            inputs = inputs[0]
        if class_name in _WITH_STATES and isinstance(inputs, list):
            inputs, keywords["initial_state"] = inputs[0], inputs[1:]
        return {"args": [inputs], "kwargs": keywords}

    def _with_new_names(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._with_new_names(each) for each in value]
        if not isinstance(value, dict):
            return value
        found = {key: self._with_new_names(each) for key, each in value.items()}
        if "keras_history" in found:
            name, *rest = found["keras_history"]
            found["keras_history"] = [self._converter.name(name), *rest]
        return found

    def _structure(self, node: Any) -> Any:
        """Returns the tensors, and values that are no tensors, that a layer is called on."""
        if _is_reference(node):
            return node[2] if node[0] == _CONSTANT else self._tensor(node)
        if isinstance(node, dict):
            return {key: self._structure(each) for key, each in node.items()}
        return [self._structure(each) for each in node]

    def _collect(self, node: Any, keywords: Config) -> None:
        """Adds the keyword arguments, which are part of each reference, to `keywords`."""
        if _is_reference(node):
            found = node[3] if len(node) > 3 and isinstance(node[3], dict) else {}
            keywords |= {k: v for k, v in found.items() if not (v is None and k in _OPTIONAL)}
        else:
            for each in node.values() if isinstance(node, dict) else node:
                self._collect(each, keywords)

    def _argument(self, value: Any) -> Any:
        """Returns a keyword argument, which may have tensors in it."""
        if _is_reference(value) and value[0] in self._classes:
            return self._tensor(value)
        if isinstance(value, list):
            return [self._argument(each) for each in value]
        if isinstance(value, dict) and not {"class_name", "type"} & value.keys():
            return {key: self._argument(each) for key, each in value.items()}
        return self._converter.convert(value)

    def _tensor(self, reference: list) -> Config:
        name, node, index = reference[:3]
        if name not in self._classes:
            raise Keras2Error(f"a layer is called on the output of {name!r}, which the model does not have.")
        # Keras 2 counts the calls of a model inside this one from 1, and Keras 3 from 0.
        node = max(node - 1, 0) if name in self._models else node
        history = [self._converter.name(name), node, index]
        config = {"shape": [None], "dtype": "float32", "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}


def _is_reference(value: Any) -> bool:
    """Returns whether a part of a config names an output of a layer."""
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and (value[0] == _CONSTANT or isinstance(value[2], int))
    )
