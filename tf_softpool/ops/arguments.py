"""Checks of what the public functions are given, and the types that they compute in."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_softpool.ops.window import PoolWindow

# A tensor of any of Keras's backends, or what Keras converts to one: a NumPy array, a number, nested lists.
TensorLike = Any
DTYPES = ("float16", "bfloat16", "float32", "float64")


def compute_dtype(dtype: Any) -> str:
    """Returns the type that values of a type are computed in: float32 for 16-bit types."""
    return "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"


def as_tensor(x: TensorLike, dtype: Any = None) -> Any:
    """Returns a tensor or a `KerasTensor` unchanged, and converts anything else to a tensor.

    `dtype` is the type of numbers and lists. An array keeps its own type.
    """
    if isinstance(x, keras.KerasTensor) or ops.is_tensor(x):
        return x
    return ops.convert_to_tensor(x, None if hasattr(x, "dtype") else dtype)


def spatial_rank(x: Any) -> int:
    """Returns the number of spatial dimensions of a tensor.

    Raises:
        ValueError: if there are none, or more than three.
    """
    rank = len(x.shape) - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"`x` must have one to three spatial dimensions, got shape {x.shape}.")
    return rank


def check_poolable(x: Any, window: PoolWindow) -> tuple:
    """Checks a tensor, and returns the shape that it has after pooling.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    shape = window.output_shape(x.shape)
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype not in DTYPES:
        raise ValueError(f"Pooling needs a tensor of one of the types {DTYPES}, got {dtype}.")
    return shape


def per_channel(parameter: Any, x: Any, window: PoolWindow, places: int | None = None) -> Any:
    """Returns a parameter with a value for each channel of a tensor, in the type that it is computed in.

    Args:
        parameter: number, or tensor of shape `[]` or `[channels]`. With `places`, tensor of shape `[*places]`
            or `[*places, channels]`.
        x: the tensor that is pooled.
        window: a `PoolWindow`.
        places: the number of places of a window, if there is a value for each of them.

    Returns:
        A tensor `[channels]`, or `[places, channels]` with `places`.
    """
    parameter = ops.cast(ops.convert_to_tensor(parameter), compute_dtype(x.dtype))
    channels = ops.shape(x)[-1 if window.data_format == "channels_last" else 1]
    if places is None:
        return ops.broadcast_to(parameter, (channels,))
    last = ops.shape(parameter)[-1] if len(parameter.shape) > window.rank else 1
    return ops.broadcast_to(ops.reshape(parameter, (places, last)), (places, channels))


def check_real(tensor: Any, name: str) -> None:
    """Raises a ValueError if the tensor given for an argument does not hold real numbers."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if not (keras.backend.is_float_dtype(dtype) or keras.backend.is_int_dtype(dtype)):
        raise ValueError(f"`{name}` must hold real numbers, got a tensor of type {dtype}.")


def shapes_agree(first: Sequence, second: Sequence) -> bool:
    """Returns whether two shapes may be equal. A dimension of None may have any length."""
    pairs = zip(first, second, strict=False)
    return len(first) == len(second) and all(a == b for a, b in pairs if None not in (a, b))
