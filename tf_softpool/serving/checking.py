"""Whether what was exported does what the model does."""

import keras
import ml_dtypes
import numpy as np

from tf_softpool.serving.packages import plain
from tf_softpool.serving.report import Difference
from tf_softpool.serving.served import cast_safely

# What stands for a length that is open: the first of these that the model accepts.
_LENGTHS = (32, 64, 128, 224, 256, 512)
_BATCH = 2
# Of the magnitude of an output; a network of many layers adds up many roundings.
_TOLERANCE, _OF_16_BITS = 1e-3, 5e-2


class NoSampleError(ValueError):
    """No input could be made up that the model accepts."""


def given_sample(endpoint, sample):
    """A sample of the user's as the arguments of an endpoint.

    Raises:
        ValueError: it is not what the endpoint takes.
    """
    arguments = [sample] if len(endpoint.signature) == 1 else sample

    def array(spec, value):
        found = np.asarray(value)
        cast = cast_safely(found, spec.dtype.name)
        if cast is None or not spec.shape.is_compatible_with(found.shape):
            raise ValueError(f"an array of type {found.dtype} and shape {found.shape} is not {spec}")
        return cast

    try:
        return keras.tree.map_structure(array, endpoint.signature, list(arguments))
    except (TypeError, ValueError) as error:
        raise ValueError(f"The sample is not what the model takes, {endpoint.signature}: {error}") from error


def outputs_of(endpoint, sample=None):
    """What the model itself makes of a sample, which is made up where none is given.

    Returns:
        The sample as arguments, and a dict of names to arrays.

    Raises:
        NoSampleError: none could be made up.
    """
    if sample is not None:
        arguments = given_sample(endpoint, sample)
        try:
            return arguments, _named(endpoint.function(*_tensors(arguments, endpoint.signature)))
        except Exception as error:
            raise ValueError(f"The model does not take the sample: {plain(error)}") from error
    for spec in endpoint.specs:
        if spec.shape.rank is None or spec.dtype.name == "string":
            raise NoSampleError(f"no input of the signature {spec} can be made up: give a `sample`")
    open_lengths = any(None in spec.shape.as_list()[1:] for spec in endpoint.specs)
    for length in _LENGTHS if open_lengths else _LENGTHS[:1]:
        arguments = _made_up(endpoint.signature, length)
        try:
            return arguments, _named(endpoint.function(*_tensors(arguments, endpoint.signature)))
        except Exception as failed:
            error = failed
    raise NoSampleError(
        f"the model accepts none of the inputs that were made up: give a `sample` ({plain(error)})"
    )


def _made_up(signature, length):
    generator = np.random.default_rng(0)

    def array(spec):
        first, *others = [*spec.shape.as_list(), None][: max(spec.shape.rank, 1)]
        shape = [_BATCH if first is None else first, *(length if n is None else n for n in others)]
        shape, dtype = shape[: spec.shape.rank], spec.dtype.as_numpy_dtype
        if spec.dtype.is_floating:
            return generator.normal(size=shape).astype(dtype)
        # Small enough for any table that they may be looked up in.
        return generator.integers(0, 2, shape).astype(dtype)

    return keras.tree.map_structure(array, signature)


def _tensors(arguments, signature):
    import tensorflow as tf

    return keras.tree.map_structure(lambda value, spec: tf.constant(value, spec.dtype), arguments, signature)


def _named(outputs):
    """Outputs by the names that they have in a SavedModel's signature."""
    flat = keras.tree.flatten(outputs)
    if isinstance(outputs, dict) and len(flat) == len(outputs):
        return {name: np.asarray(outputs[name]) for name in sorted(outputs)}
    return {f"output_{i}": np.asarray(value) for i, value in enumerate(flat)}


def differences(endpoint, expected, found):
    """A `Difference` for each output.

    Raises:
        ValueError: there are other outputs, or of other shapes.
    """
    shapes = {name: value.shape for name, value in expected.items()}
    if shapes != (others := {name: np.shape(value) for name, value in found.items()}):
        raise ValueError(f"The endpoint {endpoint.name!r} has the outputs {others}, and the model {shapes}.")
    return [_difference(endpoint.name, name, value, found[name]) for name, value in expected.items()]


def _difference(endpoint, name, expected, found):
    if expected.dtype.kind in "OSU":
        unequal = float(np.mean(expected != found)) if expected.size else 0.0
        return Difference(endpoint, name, unequal, 1.0, 0.0)
    if expected.dtype.kind in "iub":
        tolerance = 0.0
    else:
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
