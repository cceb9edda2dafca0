"""The endpoints of an exported model: functions of tensors, each with its signature."""

import contextlib
import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    import tensorflow as tf

DEFAULT = "serve"


@dataclass(frozen=True)
class Endpoint:
    """A function of tensors with its signature.

    Attributes:
        name: str. The name of the endpoint in the exported model.
        function: callable. Takes one tensor, or a structure of tensors, for each item of `signature`.
        signature: list. A `tf.TensorSpec`, or a structure of them, for each argument.
    """

    name: str
    function: Callable[..., Any]
    signature: list[Any]

    @property
    def specs(self) -> "list[tf.TensorSpec]":
        """The specs of all inputs, in order."""
        specs: list[tf.TensorSpec] = keras.tree.flatten(self.signature)
        return specs


def endpoints_of(
    model: keras.Model,
    input_signature: Sequence[Any] | None = None,
    endpoints: dict[str, tuple[Callable[..., Any], Sequence[Any]]] | None = None,
) -> list[Endpoint]:
    """Returns the endpoints that a model is exported with.

    Args:
        model: `keras.Model`, which must be built.
        input_signature: list, as in `keras.Model.export`, or None. Default: the model's own inputs.
        endpoints: dict that maps names to tuples (function, input_signature), or None. Default: one
            endpoint, which calls the model.

    Raises:
        ValueError: if the inputs of the model are not known, if both `input_signature` and `endpoints` are
            given, or if one of them is malformed.
    """
    if endpoints is None:
        function = functools.partial(model.__call__, training=False)
        signature = _inputs_of(model) if input_signature is None else input_signature
        return [Endpoint(DEFAULT, function, _specs(signature))]
    if input_signature is not None:
        raise ValueError(
            "`input_signature` cannot be given together with `endpoints`, which have their own signatures."
        )
    if not isinstance(endpoints, dict) or not endpoints:
        raise ValueError(
            "`endpoints` must be a dict that maps at least one name to a tuple (function, input_signature), "
            f"got {endpoints!r}."
        )
    result = []
    for name, endpoint in endpoints.items():
        if not isinstance(name, str) or not name.isidentifier() or name == "serving_default":
            raise ValueError(
                "The name of an endpoint must be a valid Python identifier and not 'serving_default', "
                f"got {name!r}."
            )
        if not isinstance(endpoint, tuple | list) or len(endpoint) != 2 or not callable(endpoint[0]):
            raise ValueError(
                f"The endpoint {name!r} must be a tuple (function, input_signature), got {endpoint!r}."
            )
        result.append(Endpoint(name, endpoint[0], _specs(endpoint[1])))
    return result


def _inputs_of(model: keras.Model) -> list[Any]:
    """Returns the model's own inputs as the arguments of a call."""
    if model.built:
        with contextlib.suppress(AttributeError, ValueError):
            return list(model.inputs) if isinstance(model, keras.Sequential) else [model.input]
    config = (model.get_build_config() or {}) if model.built else {}
    shapes = list(config.get("shapes_dict", {}).values()) or [config.get("input_shape")]
    if shapes == [None]:
        raise ValueError(
            "The inputs of the model are not known: call the model once, or give an `input_signature`."
        )
    return [_spec_of_shapes(shape, model.input_dtype) for shape in shapes]


def _spec_of_shapes(shapes: Any, dtype: str) -> Any:
    if isinstance(shapes, dict):
        return {name: _spec_of_shapes(shape, dtype) for name, shape in shapes.items()}
    if any(isinstance(shape, tuple | list) for shape in shapes):
        return [_spec_of_shapes(shape, dtype) for shape in shapes]
    return keras.InputSpec(shape=(None, *shapes[1:]), dtype=dtype)


def _specs(signature: Any) -> list[Any]:
    """Returns a signature's items, of any kind that Keras allows, as `tf.TensorSpec`s."""
    if not isinstance(signature, tuple | list):
        raise ValueError(f"A signature must be a list with one item for each argument, got {signature!r}.")
    specs = keras.tree.map_structure(_spec, list(signature))
    names = iter(_unique_names(keras.tree.flatten(specs)))
    named: list[Any] = keras.tree.map_structure(lambda spec: _named(spec, next(names)), specs)
    return named


def _unique_names(specs: "list[tf.TensorSpec]") -> list[str]:
    """Returns a name for each spec, valid for an argument of a graph: the spec's own name if it has one."""
    names = [re.sub(r"\W", "_", spec.name or f"args_{i}") for i, spec in enumerate(specs)]
    if len(set(names)) < len(names):
        raise ValueError(f"No two inputs may have the same name, got {[spec.name for spec in specs]}.")
    return names


def _named(spec: "tf.TensorSpec", name: str) -> "tf.TensorSpec":
    import tensorflow as tf

    return tf.TensorSpec(spec.shape, spec.dtype, name)


def _spec(given: Any) -> "tf.TensorSpec":
    import tensorflow as tf

    if isinstance(given, tf.TensorSpec):
        return given
    shape, dtype = getattr(given, "shape", None), getattr(given, "dtype", None)
    if shape is None or dtype is None:
        raise ValueError(f"Each item of a signature must have a shape and a dtype, got {given!r}.")
    name = getattr(given, "name", None)
    return tf.TensorSpec(shape, keras.backend.standardize_dtype(dtype), name)
