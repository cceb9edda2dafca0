"""The endpoints of an exported model: functions of tensors, each with its signature."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras

from tf_softpool.serving.names import fit_names

if TYPE_CHECKING:
    import tensorflow as tf

DEFAULT = "serve"


@dataclass(frozen=True)
class Endpoint:
    """A function of tensors with its signature.

    Attributes:
        name: str. The name of the endpoint in the exported model.
        function: callable. Takes one tensor, or a structure of tensors, for each item of `signature`.
        signature: list. A `tf.TensorSpec`, or a structure of them, for each argument. Each has the name that
            the input has in the exported model.
        given_names: list of str. The names of all inputs in the model or in the given signature, in order.
    """

    name: str
    function: Callable[..., Any]
    signature: list[Any]
    given_names: list[str] = field(default_factory=list)

    @property
    def specs(self) -> "list[tf.TensorSpec]":
        """The specs of all inputs, in order."""
        specs: list[tf.TensorSpec] = keras.tree.flatten(self.signature)
        return specs

    @property
    def names(self) -> list[str]:
        """The names of all inputs in the exported model, in order."""
        return [spec.name for spec in self.specs]

    @property
    def renamed(self) -> list[tuple[str, str]]:
        """The old and the new name of each input that cannot keep its name."""
        pairs = zip(self.given_names, self.names, strict=True)
        return [(old, new) for old, new in pairs if old != new]

    def without(self, names: Iterable[str]) -> "Endpoint":
        """Returns this endpoint with other names for the inputs that are called like one of `names`."""
        return _endpoint(self.name, self.function, self.signature, self.given_names, names)

    def from_names(self, values: dict[str, Any]) -> list[Any]:
        """Returns the arguments of the function from values by the names of the inputs, old or new.

        Raises:
            ValueError: if an input has no value, or a value has another name.
        """
        keys = [
            next((name for name in (new, old) if name in values), None)
            for old, new in zip(self.given_names, self.names, strict=True)
        ]
        if None in keys or set(keys) != set(values):
            raise ValueError(
                f"there must be an array for each of the inputs {self.given_names}, got {list(values)}"
            )
        arguments: list[Any] = keras.tree.pack_sequence_as(self.signature, [values[str(key)] for key in keys])
        return arguments


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
        return [endpoint_of(DEFAULT, function, signature)]
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
        if _is_reserved(name):
            raise ValueError(f"No endpoint can be called {name!r}: TensorFlow needs this name itself.")
        if not isinstance(endpoint, tuple | list) or len(endpoint) != 2 or not callable(endpoint[0]):
            raise ValueError(
                f"The endpoint {name!r} must be a tuple (function, input_signature), got {endpoint!r}."
            )
        result.append(endpoint_of(name, *endpoint))
    return result


def _is_reserved(name: str) -> bool:
    """Returns whether the object that holds the endpoints of a SavedModel has another attribute of a name."""
    import tensorflow as tf

    return name == "signatures" or hasattr(tf.__internal__.tracking.AutoTrackable, name)


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


def _endpoint(
    name: str,
    function: Callable[..., Any],
    signature: list[Any],
    given: Sequence[str],
    others: Iterable[str] = (),
) -> Endpoint:
    """Returns an endpoint whose inputs have names that fit and are none of `others`."""
    names = iter(fit_names(given, others))
    named: list[Any] = keras.tree.map_structure(lambda spec: _named(spec, next(names)), signature)
    return Endpoint(name, function, named, list(given))


def endpoint_of(name: str, function: Callable[..., Any], signature: Any) -> Endpoint:
    """Returns an endpoint from a signature whose items are of any kind that Keras allows."""
    if not isinstance(signature, tuple | list):
        raise ValueError(f"A signature must be a list with one item for each argument, got {signature!r}.")
    specs: list[Any] = keras.tree.map_structure(_spec, list(signature))
    given = [spec.name or f"args_{i}" for i, spec in enumerate(keras.tree.flatten(specs))]
    return _endpoint(name, function, specs, given)


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
