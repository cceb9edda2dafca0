"""The random positions of S3Pool, in standard operations."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_softpool.ops.window import per_dimension


def check_grid_size(grid_size: Any, strides: Sequence[int]) -> tuple[int, ...]:
    """Returns the size of a grid along each spatial dimension.

    Raises:
        ValueError: if a size is not a multiple of the stride.
    """
    sizes = per_dimension(grid_size, len(strides), "grid_size")
    if any(size % stride for size, stride in zip(sizes, strides, strict=True)):
        raise ValueError(f"`grid_size` must be a multiple of the strides {strides}, got {grid_size!r}.")
    return sizes


def picks(length: Any, stride: int, grid: int, seed: Any) -> Any:
    """Draws positions of an axis, in their order: `grid / stride` of each grid, all equally likely.

    Args:
        length: the axis's length, an int or a tensor.
        stride: one of every `stride` positions is kept.
        grid: the size of a grid.
        seed: a `keras.random.SeedGenerator`.
    """
    grids, kept = -(-length // grid), grid // stride
    starts = grid * ops.reshape(ops.arange(grids, dtype="int32"), (-1, 1))
    inside = starts + ops.arange(grid, dtype="int32") < length
    u = keras.random.uniform((grids, grid), dtype="float32", seed=seed)
    # A random order of each grid's positions. Positions past the end of the axis come last.
    order = ops.cast(ops.argsort(ops.where(inside, u, 2.0), axis=1), "int32")[:, :kept]
    # The last grid may keep fewer positions. The others are moved past the end of the axis, and cut off.
    room = -(-(length - starts) // stride)
    order = ops.where(ops.arange(kept, dtype="int32") < room, order, grid)
    chosen = starts + ops.sort(order, axis=1)
    return ops.reshape(chosen, (-1,))[: -(-length // stride)]
