"""Ranges of values that a picture is scaled to before it is pooled, and back from after."""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

STANDARD = "standard"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


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
        name: str. What `checked` returns.
        values: array. The picture, with values from 0 to 1.
    """
    if name != STANDARD:
        low, high = (float(number) for number in name.split(".."))
        return Scale(-low / (high - low), 1 / (high - low))
    mean, deviation = (float(f(values, dtype=np.float64)) for f in (np.mean, np.std))
    # A picture of one colour has no deviation.
    return Scale(mean, deviation or 1.0)


def checked(names: str | Iterable[str]) -> tuple[str, ...]:
    """Returns ranges in the form in which they are printed, each once.

    Args:
        names: str or list of str. `"standard"`, or `"A..B"` with numbers A below B.

    Raises:
        ValueError: if there is none, or one is not as described.

    Example:
        >>> from tf_softpool.comparison.ranges import checked
        >>> checked(["0..1", "0.0..255", "standard", "-1..1"])
        ('0..1', '0..255', 'standard', '-1..1')
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise ValueError('`ranges` is empty: give at least one range, such as "0..1".')
    return tuple(dict.fromkeys(map(_checked, names)))


def _checked(name: str) -> str:
    if name == STANDARD:
        return name
    found = re.fullmatch(rf"({_NUMBER})\.\.({_NUMBER})", name) if isinstance(name, str) else None
    low, high = (float(number) for number in found.groups()) if found else (0.0, 0.0)
    if not (low < high and math.isfinite(high - low)):
        raise ValueError(
            f'A range must be "standard" or "A..B" with numbers A below B, such as "0..255", got {name!r}.'
        )
    return f"{low:.9g}..{high:.9g}"
