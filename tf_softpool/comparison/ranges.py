"""Ranges of values that a picture is scaled to before it is pooled, and back from after."""

from typing import NamedTuple

import numpy as np

from tf_softpool_cli.ranges import STANDARD, limits_of


class Scale(NamedTuple):
    """A range of values for one picture: a value v of the picture becomes `(v - offset) / size`.

    Attributes:
        offset: float. The value of the picture that becomes 0.
        size: float, above 0. How far apart two values of the picture are that become 1 apart.
    """

    offset: float
    size: float

    def into(self, values: np.ndarray) -> np.ndarray:
        """Returns a picture's values in the range, as float32."""
        return ((values - np.float32(self.offset)) / np.float32(self.size)).astype(np.float32)

    def back(self, values: np.ndarray) -> np.ndarray:
        """Returns what values of the range were in the picture, as float32."""
        return (values * np.float32(self.size) + np.float32(self.offset)).astype(np.float32)


def scale_of(name: str, values: np.ndarray) -> Scale:
    """Returns the scale of a range for a picture.

    Args:
        name: str. What `tf_softpool_cli.ranges.checked` returns.
        values: array. The picture, with values from 0 to 1.
    """
    if name != STANDARD:
        low, high = limits_of(name)
        return Scale(-low / (high - low), 1 / (high - low))
    mean, deviation = (float(f(values, dtype=np.float64)) for f in (np.mean, np.std))
    # A picture of one colour has no deviation.
    return Scale(mean, deviation or 1.0)
