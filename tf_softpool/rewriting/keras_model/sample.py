"""Models run on made-up input, to see that a copy takes what its original takes."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from tf_softpool.samples import LENGTHS, closed, numbers

_MOST_VALUES = 2**24


def output_shapes(model: keras.Model, other: keras.Model) -> tuple[list | None, list | str | None]:
    """Runs two models on the same made-up input.

    Returns:
        The shapes of the outputs of each. For the first model, None if it accepts no input that was made up.
        For the other model, an error's text if it fails on what the first one accepts.
    """
    for sample in _samples(model):
        try:
            shapes = _run(model, sample)
        except Exception:
            continue
        try:
            return shapes, _run(other, sample)
        except Exception as error:
            return shapes, str(error)
    return None, None


def _run(model: keras.Model, sample: Any) -> list[tuple]:
    outputs = keras.tree.flatten(model(sample, training=False))
    return [tuple(output.shape) for output in outputs]


def _samples(model: keras.Model) -> Iterator[Any]:
    """Yields inputs that a model may accept: random numbers, or zeros and ones for integers."""
    inputs = _inputs_of(model)
    specs = keras.tree.flatten(inputs)
    if not specs or any(spec.dtype == "string" for spec in specs):
        return
    is_open = any(size is None for spec in specs for size in spec.shape[1:])
    for length in LENGTHS if is_open else LENGTHS[:1]:
        random = np.random.default_rng(0)
        shapes = [closed(spec.shape, length) for spec in specs]
        if sum(int(np.prod(shape, dtype="int64")) for shape in shapes) > _MOST_VALUES:
            return
        arrays = [_array(random, spec, shape) for spec, shape in zip(specs, shapes, strict=True)]
        yield keras.tree.pack_sequence_as(inputs, arrays)


def _array(random: np.random.Generator, spec: Any, shape: list[int]) -> Any:
    found = numbers(random, shape, keras.backend.is_float_dtype(spec.dtype))
    return keras.ops.convert_to_tensor(found, dtype=spec.dtype)


def _inputs_of(model: keras.Model) -> Any:
    """Returns a model's symbolic inputs in their structure, or an empty list if they are not known."""
    with contextlib.suppress(AttributeError, ValueError):
        return model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    shape = (model.get_build_config() or {}).get("input_shape") if model.built else None
    if isinstance(shape, tuple | list) and all(n is None or isinstance(n, int) for n in shape):
        return keras.KerasTensor((None, *shape[1:]), dtype=model.input_dtype)
    return []
