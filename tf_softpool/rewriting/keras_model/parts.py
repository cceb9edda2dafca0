"""What a Keras model is made of: its operations, the layers inside its layers, what configs say of them."""

import json
import re

import keras
import numpy as np

from tf_softpool.rewriting.policy.kinds import KINDS

# Keras's pooling operations, whose classes are not public, by name.
_OPERATIONS = {"MaxPool": "max", "AveragePool": "average"}
# What pooling functions and layers are called in Keras and TensorFlow.
_POOLING_NAME = re.compile(
    "(adaptive_|fractional_)?(max|avg|average)_pool([123]d|_v2|_with_argmax)?"
    "|(Global|Adaptive)?(Max|Average)Pool(ing)?[123]D"
)
# Methods that make layers, which are then found, or only describe.
_MAKING = ("__init__", "build", "get_config", "from_config", "compute_output_shape", "compute_output_spec")


def is_graph(layer):
    """Whether a layer is a Functional or Sequential model whose layers are all that it calls."""
    if not isinstance(layer, keras.Model):
        return False
    for cls in type(layer).__mro__:
        if cls is keras.Sequential or (cls.__module__.startswith("keras.") and hasattr(layer, "operations")):
            return True
        if "call" in vars(cls):
            return False
    return False


def operations_of(model):
    """The layers and other operations of a Functional or Sequential model, in its order."""
    return getattr(model, "operations", None) or model.layers


def inner_layers(layer):
    """The layers that a layer holds in its attributes, alone or in containers, in the order it got them."""
    return layer._flatten_layers(include_self=False, recursive=False)


def own_variables(layer):
    """The variables of a layer that are not those of a layer inside it."""
    inner = {id(variable) for part in inner_layers(layer) for variable in part.variables}
    return [variable for variable in layer.variables if id(variable) not in inner]


def bits(variable):
    """A variable's bytes, as numbers: a NaN equals itself there."""
    return np.frombuffer(variable.numpy().tobytes(), "uint8")


def as_layer(operation):
    """The layer that does the same as a pooling operation; of all else, itself."""
    cls = type(operation)
    if cls.__name__ not in _OPERATIONS or not cls.__module__.startswith("keras."):
        return operation
    kind = _OPERATIONS[cls.__name__]
    output = operation._inbound_nodes[0].outputs[0]
    return KINDS[kind][len(output.shape) - 2](
        operation.pool_size,
        operation.strides,
        operation.padding,
        operation.data_format,
        name=operation.name,
        dtype=output.dtype,
    )


def remake(layer, config=None):
    """A new layer from the config of one, or from another config.

    Raises:
        Exception: whatever the layer's class raises, or a ValueError where Keras made the config itself
            and does not know the arguments.
    """
    if isinstance(layer, keras.Model) and getattr(layer.get_config, "_is_default", False):
        # Keras notes the defaults of a subclassed model's arguments, not what they were.
        for name, value in layer.get_config().items():
            if name not in ("name", "trainable", "dtype") and getattr(layer, name, None) != value:
                raise ValueError(f"`get_config` is Keras's own and does not know the argument {name!r}.")
    if config is None:
        # Layers may stand in a config themselves, not described: those of the copy are copies.
        config = _changed(layer.get_config(), lambda v: remake(v) if isinstance(v, keras.Layer) else None)
    return type(layer).from_config(config)


def _changed(value, change):
    """A config in which whatever a function returns something else than None for is that."""
    new = change(value)
    if new is not None:
        return new
    if isinstance(value, dict):
        return {key: _changed(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_changed(item, change) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def pooling_in_code(layer):
    """The names of the poolings that a layer's own code uses whenever it runs, so that none can be seen."""
    functions = [
        function
        for cls in type(layer).__mro__
        if not cls.__module__.startswith(("keras.", "tf_softpool.")) and issubclass(cls, keras.Layer)
        for name, function in vars(cls).items()
        if name not in _MAKING
    ]
    if isinstance(layer, keras.layers.Lambda):
        functions.append(layer.function)
    names = {name for f in functions if hasattr(f, "__code__") for name in _names_in(f.__code__)}
    # What the layer calls its own pooling is a name in its code too.
    return sorted(filter(_POOLING_NAME.fullmatch, names - vars(layer).keys()))


def _names_in(code):
    """The names that a function's code, and the functions in it, look up."""
    yield from code.co_names
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            yield from _names_in(constant)


def is_copyable(layer):
    """Whether a layer can be made anew from its config."""
    try:
        remake(layer)
    except Exception:
        return False
    return True


def rewrite_config(layer, rewrite):
    """A layer's config, in which each layer inside it that it describes is what a function makes of it.

    `rewrite` is called with an inner layer and returns the layer to describe in its place, or None.
    Descriptions are those of `keras.saving.serialize_keras_object`, or the layer itself.
    """
    unseen = {}
    for inner in inner_layers(layer):
        description = keras.saving.serialize_keras_object(inner)
        unseen.setdefault(_key(description), []).append(inner)

    def change(value):
        if isinstance(value, keras.Layer):
            new = rewrite(value)
            return remake(value) if new is None else new
        if not isinstance(value, dict) or not {"class_name", "config"} <= value.keys():
            return None
        same = unseen.get(_key(value))
        if same is None:
            return None
        # Layers that are described alike are told apart by their order alone.
        new = rewrite(same.pop(0)) if same else None
        if new is None:
            return value
        # A Functional model's config says more of its layers: how they are connected.
        rest = {key: item for key, item in value.items() if key != "build_config"}
        return rest | keras.saving.serialize_keras_object(new)

    return _changed(layer.get_config(), change)


def _key(description):
    """What two descriptions of the same layer have in common."""
    return json.dumps([description["class_name"], description["config"]], sort_keys=True, default=repr)
