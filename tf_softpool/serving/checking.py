"""The comparison of an exported model's outputs with those of the Keras model."""

from typing import TYPE_CHECKING, Any

import keras
import ml_dtypes
import numpy as np

from tf_softpool.packages import plain
from tf_softpool.samples import LENGTHS, closed, numbers
from tf_softpool.serving.endpoints import Endpoint
from tf_softpool.serving.report import Difference
from tf_softpool.serving.served import cast_safely

if TYPE_CHECKING:
    import tensorflow as tf

# Shares of an output's magnitude. A network of many layers adds up many roundings.
_TOLERANCE, _OF_16_BITS = 1e-3, 5e-2


class NoSampleError(ValueError):
    """The error if no random input that the model accepts can be made."""


def given_sample(endpoint: Endpoint, sample: Any) -> list[Any]:
    """Returns the user's sample as the arguments of an endpoint.

    Args:
        endpoint: `Endpoint`.
        sample: the argument of the endpoint, or a list of its arguments if it takes several. Or a dict with
            an array for each input, by its name in the model or in the exported model.

    Raises:
        ValueError: if the sample does not fit the endpoint's signature.
    """

    def array(spec: "tf.TensorSpec", value: Any) -> np.ndarray:
        found = np.asarray(value)
        cast = cast_safely(found, spec.dtype.name)
        if cast is None or not spec.shape.is_compatible_with(found.shape):
            raise ValueError(f"an array of type {found.dtype} and shape {found.shape} does not fit {spec}")
        return cast

    try:
        arrays: list[Any] = keras.tree.map_structure(array, endpoint.signature, _arguments(endpoint, sample))
        return arrays
    except (TypeError, ValueError) as error:
        raise ValueError(f"`sample` must fit the signature {endpoint.signature}: {error}") from error


def _arguments(endpoint: Endpoint, sample: Any) -> list[Any]:
    """Returns a sample as arguments that are not checked yet."""
    first, *others = endpoint.signature
    if isinstance(sample, dict):
        is_argument = not others and isinstance(first, dict) and first.keys() == sample.keys()
        return [sample] if is_argument else endpoint.from_names(sample)
    return list(sample) if others else [sample]


def outputs_of(endpoint: Endpoint, sample: Any = None) -> tuple[list[Any], dict[str, np.ndarray]]:
    """Runs the Keras model itself on a sample.

    Args:
        endpoint: `Endpoint`.
        sample: as in `given_sample`, or None. Default: random numbers.

    Returns:
        The sample as a list of arguments, and a dict that maps the name of each output to an array.

    Raises:
        ValueError: if the model cannot be run on the given sample.
        NoSampleError: if no sample was given and no random input could be made that the model accepts.
    """
    if sample is not None:
        arguments = given_sample(endpoint, sample)
        return arguments, outputs_on(endpoint, arguments)
    for spec in endpoint.specs:
        if spec.shape.rank is None or spec.dtype.name == "string":
            raise NoSampleError(f"no random input can be made for {spec}: give a `sample`")
    open_lengths = any(None in spec.shape.as_list()[1:] for spec in endpoint.specs)
    for length in LENGTHS if open_lengths else LENGTHS[:1]:
        arguments = _made_up(endpoint.signature, length)
        try:
            return arguments, _named(endpoint.function(*_tensors(arguments, endpoint.signature)))
        except Exception as error:
            reason = plain(error)
    raise NoSampleError(f"the model accepts no random input: give a `sample` ({reason})")


def outputs_on(endpoint: Endpoint, arguments: list[Any]) -> dict[str, np.ndarray]:
    """Runs the Keras model itself on the arguments of an endpoint.

    Raises:
        ValueError: if it cannot be run.
    """
    try:
        return _named(endpoint.function(*_tensors(arguments, endpoint.signature)))
    except Exception as error:
        raise ValueError(f"The model cannot be run on `sample`: {plain(error)}") from error


def _made_up(signature: list[Any], length: int) -> list[Any]:
    generator = np.random.default_rng(0)

    def array(spec: "tf.TensorSpec") -> np.ndarray:
        shape = closed(spec.shape.as_list(), length)
        return numbers(generator, shape, spec.dtype.is_floating).astype(spec.dtype.as_numpy_dtype)

    arrays: list[Any] = keras.tree.map_structure(array, signature)
    return arrays


def _tensors(arguments: list[Any], signature: list[Any]) -> Any:
    import tensorflow as tf

    return keras.tree.map_structure(lambda value, spec: tf.constant(value, spec.dtype), arguments, signature)


def _named(outputs: Any) -> dict[str, np.ndarray]:
    """Returns the outputs by the names that they have in a SavedModel's signature."""
    flat = keras.tree.flatten(outputs)
    if isinstance(outputs, dict) and len(flat) == len(outputs):
        return {name: np.asarray(outputs[name]) for name in sorted(outputs)}
    return {f"output_{i}": np.asarray(value) for i, value in enumerate(flat)}


def differences(
    endpoint: Endpoint,
    expected: dict[str, np.ndarray],
    found: dict[str, np.ndarray],
    tolerance: float | None = None,
) -> list[Difference]:
    """Compares the outputs of an exported endpoint with the model's.

    Args:
        endpoint: `Endpoint`.
        expected: dict. Maps the name of each of the model's outputs to an array.
        found: dict. The same for the exported endpoint.
        tolerance: float. The tolerance of an export whose numbers are not those of the model's types. It is
            also the share of whole numbers and of texts that may differ. Default: what rounding in an
            output's type explains.

    Returns:
        A list with a `Difference` for each output.

    Raises:
        ValueError: if the names or the shapes of the outputs differ.
    """
    shapes = {name: value.shape for name, value in expected.items()}
    if shapes != (others := {name: np.shape(value) for name, value in found.items()}):
        raise ValueError(
            f"The outputs of the endpoint {endpoint.name!r} must have the names and shapes {shapes}, "
            f"got {others}."
        )
    return [
        _difference(endpoint.name, name, value, found[name], tolerance) for name, value in expected.items()
    ]


def _difference(
    endpoint: str, name: str, expected: np.ndarray, found: np.ndarray, tolerance: float | None
) -> Difference:
    is_whole = expected.dtype.kind in "iub"
    if expected.dtype.kind in "OSU" or (is_whole and tolerance is not None):
        unequal = float(np.mean(expected != found)) if expected.size else 0.0
        return Difference(endpoint, name, unequal, 1.0, tolerance or 0.0)
    if is_whole:
        tolerance = 0.0
    elif tolerance is None:
        is_16_bit = expected.dtype in (np.float16, ml_dtypes.bfloat16)
        tolerance = _OF_16_BITS if is_16_bit else _TOLERANCE
    first, second = np.asarray(expected, "float64"), np.asarray(found, "float64")
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        distance = np.where(same, 0.0, np.abs(first - second))
    finite = np.abs(first[np.isfinite(first)])
    largest = float(distance.max(initial=0.0))
    magnitude = float(finite.max(initial=0.0))
    return Difference(endpoint, name, largest, magnitude, tolerance)
