"""Exports whose graphs compute in 8-bit integers: what they need, and the examples for their ranges."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from tf_softpool.serving import checking
from tf_softpool.serving.endpoints import Endpoint
from tf_softpool.serving.formats import litert
from tf_softpool.serving.report import Difference
from tf_softpool.serving.served import Served

INT8 = "int8"
# The share of an output's magnitude that it may differ by. Of whole numbers and texts, the share that may
# differ.
TOLERANCE = 0.1

# The operations where integers begin and end.
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}

# Arguments of an endpoint, for one call.
Arguments = list[Any]


def check_quantize(quantize: Any, format: str, sample: Any) -> None:
    """Raises a ValueError if an export of a format cannot be quantized in a way, or not without a sample."""
    if quantize is None:
        return
    if quantize != INT8:
        raise ValueError(f"`quantize` must be None or {INT8!r}, got {quantize!r}.")
    if format != litert.NAME:
        raise ValueError(f"Only {litert.NAME!r} can be quantized: leave out `quantize` for {format!r}.")
    if sample is None:
        raise ValueError(
            "`quantize` needs a `sample`: some hundred typical inputs. The numbers that they lead to in the "
            "model set the ranges of its integers."
        )


def check_sizes(endpoint: Endpoint) -> None:
    """Raises a ValueError if the input of an endpoint has no batch, or if another size than that is open."""
    for spec in endpoint.specs:
        if not spec.shape.rank or None in spec.shape.as_list()[1:]:
            raise ValueError(
                f"A model that is quantized needs inputs with a batch and fixed sizes, but {spec.name!r} is "
                f"{spec}. Give an `input_signature` with fixed sizes. Only the batch may be open."
            )


def batches(endpoint: Endpoint, sample: Any) -> list[Arguments]:
    """Returns the examples of a sample as arguments of calls, in batches as small as the endpoint takes.

    Raises:
        ValueError: if the sample does not fit the endpoint's signature, is not finite, or has no whole
            number of batches.
    """

    def with_open_batch(spec: Any) -> Any:
        import tensorflow as tf

        return tf.TensorSpec([None, *spec.shape[1:]], spec.dtype, spec.name)

    opened = replace(endpoint, signature=keras.tree.map_structure(with_open_batch, endpoint.signature))
    arguments = checking.given_sample(opened, sample)
    arrays = keras.tree.flatten(arguments)
    if not all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f"):
        raise ValueError("`sample` must have finite numbers only: others make no range of integers.")
    numbers = {len(array) for array in arrays}
    size = max(spec.shape[0] or 1 for spec in endpoint.specs)
    (number,) = numbers if len(numbers) == 1 else (0,)
    if number == 0 or number % size:
        raise ValueError(
            f"`sample` must have the same number of examples for each input, at least one and in batches of "
            f"{size}, got {sorted(numbers)}."
        )
    return [
        keras.tree.map_structure(lambda array, first=first: array[first : first + size], arguments)
        for first in range(0, number, size)
    ]


def named(endpoint: Endpoint, arguments: Arguments) -> dict[str, np.ndarray]:
    """Returns the arguments of a call by the names of the inputs in the exported model."""
    return dict(zip(endpoint.names, keras.tree.flatten(arguments), strict=True))


def notes(path: str | os.PathLike[str]) -> list[str]:
    """Returns a note on what a file computes in floats, if it does."""
    found = sorted({name for name, types in litert.operations(path) if "float32" in types} - _BORDERS)
    if not found:
        return []
    return [f"These operations compute in floats, because LiteRT has none in integers: {', '.join(found)}."]


def differences(endpoint: Endpoint, calls: Sequence[Arguments], served: Served) -> list[Difference]:
    """Compares the outputs of an exported model with the model's, over all calls.

    Raises:
        ValueError: if the model cannot be run, or the names or the shapes of the outputs differ.
    """
    expected = _joined([checking.outputs_on(endpoint, call) for call in calls])
    found = _joined([served(named(endpoint, call)) for call in calls])
    return checking.differences(endpoint, expected, found, TOLERANCE)


def _joined(outputs: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([each[name] for each in outputs]) for name in outputs[0]}
