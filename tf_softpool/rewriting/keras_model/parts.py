"""What a Keras model is made of."""

from typing import Any

import keras
import numpy as np

from tf_softpool.rewriting.keras_model.internals import held_layers


def is_graph(layer: Any) -> bool:
    """Returns whether a layer is a Functional or Sequential model that calls only its own operations."""
    if not isinstance(layer, keras.Model):
        return False
    for cls in type(layer).__mro__:
        if cls is keras.Sequential or (cls.__module__.startswith("keras.") and hasattr(layer, "operations")):
            return True
        if "call" in vars(cls):
            return False
    return False


def operations_of(model: keras.Model) -> list:
    """Returns the layers and other operations of a Functional or Sequential model, in its order."""
    return getattr(model, "operations", None) or model.layers


def own_variables(layer: keras.Layer) -> list[keras.Variable]:
    """Returns the variables of a layer without those of the layers inside it."""
    inner = {id(variable) for part in held_layers(layer) for variable in part.variables}
    return [variable for variable in layer.variables if id(variable) not in inner]


def bits(variable: keras.Variable) -> np.ndarray:
    """Returns a variable's bytes as integers. Two NaN with the same bits are equal then."""
    return np.frombuffer(variable.numpy().tobytes(), "uint8")
