"""An exported model in its own runtime, as a function of named arrays, whatever the format."""

import abc
from dataclasses import dataclass

import ml_dtypes
import numpy as np


@dataclass(frozen=True)
class TensorInfo:
    """The type, as NumPy and TensorFlow name it, and the shape of a tensor; None stands for any length."""

    dtype: str
    shape: tuple | None

    def __str__(self):
        lengths = ["?" if length is None else str(length) for length in self.shape or ()]
        return f"{self.dtype} " + ("of any shape" if self.shape is None else f"[{', '.join(lengths)}]")

    def fits(self, shape):
        """Whether a tensor of some shape is one of these."""
        if self.shape is None:
            return True
        pairs = zip(self.shape, shape, strict=False)
        return len(self.shape) == len(shape) and all(own in (None, given) for own, given in pairs)


def numpy_dtype(name):
    """A type by its name, those that NumPy does not have too."""
    if name == "string":
        return np.dtype(object)
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


class Served(abc.ABC):
    """A model that was exported, loaded in the runtime of its format. Calling it runs the model.

    Threads may call it at once.

    `inputs` is a dict of names to `TensorInfo`s, `outputs` one too, and `runtime` says what runs it, with
    its version.
    """

    inputs: dict
    outputs: dict
    runtime: str

    @abc.abstractmethod
    def run(self, arrays):
        """Runs the model on a dict of arrays that are what it takes, and returns a dict of arrays."""

    def __call__(self, inputs):
        """Runs the model.

        Args:
            inputs: dict of names to arrays, or to what NumPy makes arrays of. Where the model has one input,
                an array alone will do.

        Returns:
            A dict of names to arrays.

        Raises:
            ValueError: a name, a type or a shape is not what the model takes.
        """
        if not isinstance(inputs, dict):
            if len(self.inputs) > 1:
                raise ValueError(f"The model has the inputs {list(self.inputs)}: give a dict of them.")
            inputs = {next(iter(self.inputs)): inputs}
        if inputs.keys() != self.inputs.keys():
            raise ValueError(
                f"The model takes the inputs {sorted(self.inputs)}, got {sorted(map(str, inputs))}."
            )
        return self.run({name: _as_array(name, inputs[name], info) for name, info in self.inputs.items()})


def _as_array(name, value, info):
    try:
        # NumPy's own type for strings of bytes drops zeros at their ends.
        is_text = info.dtype == "string" and not isinstance(value, np.ndarray)
        array = np.array(value, dtype=object) if is_text else np.asarray(value)
    except ValueError as error:
        raise ValueError(f"The input {name!r} is not an array: {error}.") from error
    cast = cast_safely(array, info.dtype)
    if cast is None:
        raise ValueError(f"The input {name!r} is {info}, got an array of type {array.dtype} that is not.")
    if not info.fits(array.shape):
        raise ValueError(f"The input {name!r} is {info}, got an array of shape {list(array.shape)}.")
    return cast


def cast_safely(array, name):
    """An array as one of a type, by its name, or None where its numbers would become others."""
    dtype, kind = numpy_dtype(name), array.dtype.kind
    if name == "string":
        array = array.astype(object)
        return array if all(isinstance(text, str | bytes) for text in array.flat) else None
    if array.dtype == dtype:
        return array
    if kind in "iu" and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        fits = not array.size or (limits.min <= array.min() and array.max() <= limits.max)
        return array.astype(dtype) if fits else None
    is_real = kind in "iu" or np.issubdtype(array.dtype, np.floating)
    is_float = name == "bfloat16" or dtype.kind == "f"
    return array.astype(dtype) if (is_real and is_float) or np.can_cast(array.dtype, dtype) else None
