"""An exported model of any format, loaded in its own runtime and called with named arrays."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TensorInfo:
    """The dtype and shape of an input or output.

    Attributes:
        dtype: str. The name that NumPy and TensorFlow give the dtype, such as `"float32"`, `"bfloat16"` or
            `"string"`.
        shape: tuple of int and None, or None. None in the tuple stands for a dimension of any length. None
            instead of the tuple stands for any shape.

    Example:
        >>> from tf_softpool.serving.served import TensorInfo
        >>> info = TensorInfo("float32", (None, 8, 3))
        >>> str(info), info.fits((2, 8, 3)), info.fits((2, 8, 4))
        ('float32 [?, 8, 3]', True, False)
    """

    dtype: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        lengths = ["?" if length is None else str(length) for length in self.shape or ()]
        return f"{self.dtype} " + ("of any shape" if self.shape is None else f"[{', '.join(lengths)}]")

    def fits(self, shape: Sequence[int]) -> bool:
        """Returns whether an array of the given shape has the shape that is described here."""
        if self.shape is None:
            return True
        pairs = zip(self.shape, shape, strict=False)
        return len(self.shape) == len(shape) and all(own in (None, given) for own, given in pairs)


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Returns the NumPy dtype of a name: object for `"string"`, the one of ml_dtypes for `"bfloat16"`."""
    if name == "string":
        return np.dtype(object)
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


class Served(abc.ABC):
    """An exported model, loaded in the runtime of its format. Calling it runs the model.

    Several threads may call it at once.

    Attributes:
        inputs: dict. Maps the name of each input to its `TensorInfo`.
        outputs: dict. Maps the name of each output to its `TensorInfo`.
        runtime: str. The name and version of the runtime.

    Example:
        >>> import keras, tempfile
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> model = keras.Sequential([keras.Input((8, 1), name="x"), tsp.layers.SoftPooling1D()])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = tsp.export(model, f"{folder}/model")
        ...     served = tsp.serving.load(f"{folder}/model")
        >>> {name: str(info) for name, info in served.outputs.items()}
        {'output_0': 'float32 [?, 4, 1]'}
        >>> served(np.ones((1, 8, 1), "float32"))["output_0"].shape
        (1, 4, 1)
    """

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]
    runtime: str

    @abc.abstractmethod
    def run(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the model without checking its inputs.

        Args:
            arrays: dict. Maps the name of each input to an array of its dtype and of a shape that fits.

        Returns:
            A dict that maps the name of each output to an array.
        """

    def __call__(self, inputs: dict[str, Any] | npt.ArrayLike) -> dict[str, np.ndarray]:
        """Checks the inputs and runs the model.

        Args:
            inputs: dict that maps the name of each input to an array, or to anything that NumPy can turn
                into one. If the model has one input, its array alone is enough. An array of another dtype
                is converted if the conversion is safe: whole numbers to an integer dtype whose range
                includes them, and real numbers to any float dtype, which rounds them.

        Returns:
            A dict that maps the name of each output to an array.

        Raises:
            ValueError: if a name, dtype or shape differs from what the model takes.
        """
        if not isinstance(inputs, dict):
            if len(self.inputs) > 1:
                raise ValueError(
                    f"The model has several inputs: give a dict of arrays with the names {list(self.inputs)}."
                )
            inputs = {next(iter(self.inputs)): inputs}
        if inputs.keys() != self.inputs.keys():
            raise ValueError(
                f"The model takes the inputs {sorted(self.inputs)}, got {sorted(map(str, inputs))}."
            )
        return self.run({name: _as_array(name, inputs[name], info) for name, info in self.inputs.items()})


def _as_array(name: str, value: Any, info: TensorInfo) -> np.ndarray:
    try:
        # NumPy's own dtype for byte strings drops zeros at the end of a string.
        is_text = info.dtype == "string" and not isinstance(value, np.ndarray)
        array = np.array(value, dtype=object) if is_text else np.asarray(value)
    except ValueError as error:
        raise ValueError(f"The input {name!r} cannot be converted to an array: {error}.") from error
    cast = cast_safely(array, info.dtype)
    if cast is None:
        raise ValueError(
            f"The input {name!r} is {info}, got an array of type {array.dtype} with values that cannot be "
            f"converted to {info.dtype}."
        )
    if not info.fits(array.shape):
        raise ValueError(f"The input {name!r} is {info}, got an array of shape {list(array.shape)}.")
    return cast


def cast_safely(array: np.ndarray, name: str) -> np.ndarray | None:
    """Returns an array converted to another dtype, or None if the conversion is not safe.

    Whole numbers may become another integer dtype whose range includes them, and real numbers any float
    dtype, which rounds them. Every conversion that NumPy calls safe is also allowed.

    Args:
        array: NumPy array.
        name: str. The name of the dtype to convert to, as in `TensorInfo`.
    """
    dtype, kind = numpy_dtype(name), array.dtype.kind
    if name == "string":
        array = array.astype(object)
        return array if all(isinstance(text, str | bytes) for text in array.ravel().tolist()) else None
    if array.dtype == dtype:
        return array
    if kind in "iu" and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        fits = not array.size or (limits.min <= array.min() and array.max() <= limits.max)
        return array.astype(dtype) if fits else None
    is_real = kind in "iu" or np.issubdtype(array.dtype, np.floating)
    is_float = name == "bfloat16" or dtype.kind == "f"
    return array.astype(dtype) if (is_real and is_float) or np.can_cast(array.dtype, dtype) else None
