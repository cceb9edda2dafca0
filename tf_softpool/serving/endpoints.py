"""What a model is served as: functions of tensors, with their signatures."""

import contextlib
import functools
import re
from dataclasses import dataclass

import keras

DEFAULT = "serve"


@dataclass(frozen=True)
class Endpoint:
    """A function of tensors, and for each of its arguments a `tf.TensorSpec` or a structure of them."""

    name: str
    function: object
    signature: list

    @property
    def specs(self):
        """The specs of all inputs, in order."""
        return keras.tree.flatten(self.signature)


def endpoints_of(model, input_signature=None, endpoints=None):
    """The endpoints that a model is exported with.

    Args:
        model: a built `keras.Model`.
        input_signature: as of `keras.Model.export`, or None for the model's own inputs.
        endpoints: dict of names to functions with their signatures, or None for the model itself.

    Raises:
        ValueError: what the model takes is not known; a signature is no such thing.
    """
    if endpoints is None:
        function = functools.partial(model.__call__, training=False)
        signature = _inputs_of(model) if input_signature is None else input_signature
        return [Endpoint(DEFAULT, function, _specs(signature))]
    if input_signature is not None:
        raise ValueError("Each of the `endpoints` has its own signature: leave out `input_signature`.")
    if not isinstance(endpoints, dict) or not endpoints:
        raise ValueError("`endpoints` must be a dict of names to (function, input_signature).")
    result = []
    for name, endpoint in endpoints.items():
        if not isinstance(name, str) or not name.isidentifier() or name == "serving_default":
            raise ValueError(f"An endpoint must have a name of its own, a word, got {name!r}.")
        if not isinstance(endpoint, tuple | list) or len(endpoint) != 2 or not callable(endpoint[0]):
            raise ValueError(f"The endpoint {name!r} must be a tuple (function, input_signature).")
        result.append(Endpoint(name, endpoint[0], _specs(endpoint[1])))
    return result


def _inputs_of(model):
    """The model's own inputs, as arguments of a call."""
    if model.built:
        with contextlib.suppress(AttributeError, ValueError):
            return list(model.inputs) if isinstance(model, keras.Sequential) else [model.input]
    config = (model.get_build_config() or {}) if model.built else {}
    shapes = list(config.get("shapes_dict", {}).values()) or [config.get("input_shape")]
    if shapes == [None]:
        raise ValueError("What the model takes is not known: call it once, or give an `input_signature`.")
    return [_spec_of_shapes(shape, model.input_dtype) for shape in shapes]


def _spec_of_shapes(shapes, dtype):
    if isinstance(shapes, dict):
        return {name: _spec_of_shapes(shape, dtype) for name, shape in shapes.items()}
    if any(isinstance(shape, tuple | list) for shape in shapes):
        return [_spec_of_shapes(shape, dtype) for shape in shapes]
    return keras.InputSpec(shape=(None, *shapes[1:]), dtype=dtype)


def _specs(signature):
    """A signature of anything that Keras takes in one, as `tf.TensorSpec`s."""
    if not isinstance(signature, tuple | list):
        raise ValueError(f"A signature must be a list, with an item for each argument, got {signature!r}.")
    specs = keras.tree.map_structure(_spec, list(signature))
    names = iter(_unique_names(keras.tree.flatten(specs)))
    return keras.tree.map_structure(lambda spec: _named(spec, next(names)), specs)


def _unique_names(specs):
    """Names that arguments of a graph can have: those given, where there are any."""
    names = [re.sub(r"\W", "_", spec.name or f"args_{i}") for i, spec in enumerate(specs)]
    if len(set(names)) < len(names):
        raise ValueError(f"Each input needs a name of its own, got {[spec.name for spec in specs]}.")
    return names


def _named(spec, name):
    import tensorflow as tf

    return tf.TensorSpec(spec.shape, spec.dtype, name)


def _spec(given):
    import tensorflow as tf

    if isinstance(given, tf.TensorSpec):
        return given
    shape, dtype = getattr(given, "shape", None), getattr(given, "dtype", None)
    if shape is None or dtype is None:
        raise ValueError(f"A signature must say shapes and types, got {given!r}.")
    name = getattr(given, "name", None)
    return tf.TensorSpec(shape, keras.backend.standardize_dtype(dtype), name)
