"""Arrays as pictures."""

from typing import Any

import numpy as np

from tf_softpool.comparison.limits import check_size

_LARGEST = {"bool": 1, "uint8": 255, "uint16": 65535}


def read(array: Any, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns an array as a picture `[height, width, channels]` or a clip with frames first.

    Args:
        array: what NumPy takes for an array: bool, uint8, uint16, or floats from 0 to 1.
        name: str: the picture's name, for errors.

    Returns:
        The values as float32 from 0 to 1, and no notes.

    Raises:
        ValueError: if the array is not as described.
    """
    try:
        values = np.asarray(array)
    except ValueError as error:
        raise ValueError(f"{name} is not an array: {error}") from error
    if values.ndim == 2:
        values = values[..., np.newaxis]
    if values.ndim not in (3, 4):
        raise ValueError(
            f"{name} must be [height, width], [height, width, channels] or [frames, height, width, "
            f"channels], got an array of shape {values.shape}."
        )
    check_size(name, values.shape[:-1])
    return scaled(values, name), ()


def scaled(values: np.ndarray, name: str) -> np.ndarray:
    """Returns values as float32 from 0 to 1.

    Raises:
        ValueError: if they are of another type, or floats that are not from 0 to 1.
    """
    if values.size == 0:
        raise ValueError(f"{name} is empty: its shape is {values.shape}.")
    if values.dtype.name in _LARGEST:
        return values.astype(np.float32) / np.float32(_LARGEST[values.dtype.name])
    # `kind` of bfloat16 is "V".
    if values.dtype.kind != "f" and values.dtype.name != "bfloat16":
        raise ValueError(
            f"The values of {name} must be uint8, uint16 or floats from 0 to 1, got {values.dtype.name}."
        )
    least, most = float(values.min()), float(values.max())
    if not (least >= 0 and most <= 1):
        raise ValueError(
            f"The values of {name} are floats from {least:g} to {most:g}, and must be from 0 to 1: divide "
            "them by the value of white."
        )
    return values.astype(np.float32)
