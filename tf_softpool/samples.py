"""Input that is made up for models, so that two of them can be run on the same."""

from collections.abc import Sequence

import numpy as np

# The lengths that open dimensions get, tried in this order until the model accepts one.
LENGTHS = (32, 64, 128, 224, 256, 512)
_BATCH = 2


def closed(sizes: Sequence[int | None], length: int) -> list[int]:
    """Returns the shape of an input with a number for each open size.

    Args:
        sizes: the sizes of the input's dimensions. None stands for an open one.
        length: the size that open dimensions get. The first dimension gets the size of a small batch.
    """
    return [size if size is not None else length if i else _BATCH for i, size in enumerate(sizes)]


def numbers(generator: np.random.Generator, shape: Sequence[int], is_float: bool) -> np.ndarray:
    """Returns random numbers, or zeros and ones for integers and bools.

    These are small enough as indices into any table that a model may have.
    """
    return np.asarray(generator.normal(size=shape) if is_float else generator.integers(0, 2, shape))
