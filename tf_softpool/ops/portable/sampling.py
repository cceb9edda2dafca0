"""Poolings with random draws, in standard operations."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import ops

from tf_softpool.ops.arguments import check_poolable
from tf_softpool.ops.portable.standard import largest_of, mean, pool
from tf_softpool.ops.portable.taps import TAPS
from tf_softpool.ops.window import PoolWindow, per_dimension


def stochastic_pool(x: Any, window: PoolWindow, seed: Any = None) -> Any:
    """Returns one value of each window, drawn with probability `p_i = relu(a_i) / sum_j relu(a_j)`.

    In a window without positive values, all values are equally likely. The gradient goes to the drawn value.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        seed: a `keras.random.SeedGenerator`, or None to return the expectation, `sum_i p_i a_i`.
    """

    def reduce(a: Any, present: Any) -> Any:
        weights = _weights(a, present)
        if seed is None:
            total = ops.sum(weights, axis=TAPS, keepdims=True)
            # `pool` replaces the result of a window without numbers, but its derivative must be finite.
            total = ops.where(total > 0, total, 1.0)
            return ops.sum(weights * a, axis=TAPS, keepdims=True) / total
        return _draw(a, weights, seed)

    return pool(x, window, reduce)


def _weights(a: Any, present: Any) -> Any:
    """Returns weights in proportion to the probabilities. Those of a window add up to at least 1."""
    positive = ops.relu(a)
    scale = ops.stop_gradient(largest_of(positive))
    some = scale > 0
    return ops.where(some, positive / ops.where(some, scale, 1.0), ops.cast(present, a.dtype))


def _draw(a: Any, weights: Any, seed: Any) -> Any:
    """Draws a value of each window. Its probability is in proportion to its weight."""
    size, *rest = ops.shape(a)
    likely = weights > 0
    # A cumulative sum that is computed in parallel may fall from one tap to the next. So only taps with a
    # weight can be drawn. The sum of at least one of them is above the threshold.
    until = ops.where(likely, ops.cumsum(weights, axis=TAPS), 0.0)
    u = ops.minimum(keras.random.uniform(rest, dtype=a.dtype, seed=seed), 1 - 1e-6)
    threshold = u * ops.max(until, axis=TAPS, initial=0.0)
    places = ops.reshape(ops.arange(size, dtype="int32"), (-1, 1, 1, 1))
    above = ops.logical_and(likely, until > threshold)
    drawn = ops.min(ops.where(above, places, size), axis=TAPS, initial=size)
    return ops.sum(ops.where(places == drawn, a, 0.0), axis=TAPS, keepdims=True)


def check_grid_size(grid_size: Any, strides: Sequence[int]) -> tuple[int, ...]:
    """Returns the size of a grid along each spatial dimension.

    Raises:
        ValueError: if a size is not a multiple of the stride.
    """
    sizes = per_dimension(grid_size, len(strides), "grid_size")
    if any(size % stride for size, stride in zip(sizes, strides, strict=True)):
        raise ValueError(f"`grid_size` must be a multiple of the strides {strides}, got {grid_size!r}.")
    return sizes


def s3_downsample(
    x: Any, strides: Sequence[int], grid_size: Sequence[int], data_format: str, seed: Any = None
) -> Any:
    """Keeps randomly drawn positions of each spatial axis, in their order.

    Each axis is cut into grids, and a grid keeps one of every `stride` positions. The last grid may be
    shorter: with r positions it keeps `ceil(r / stride)`. All images and channels keep the same positions.

    Args:
        x: tensor.
        strides: an int for each spatial dimension.
        grid_size: a multiple of each stride.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a `keras.random.SeedGenerator`, or None to return the average of each cell of `strides`
            positions.
    """
    if seed is None:
        return _cell_averages(x, strides, data_format)
    cells = PoolWindow.of(len(strides), strides, padding="same", data_format=data_format)
    check_poolable(x, cells)
    for axis, stride, grid in zip(cells.spatial_axes, strides, grid_size, strict=True):
        if stride > 1:
            x = ops.take(x, picks(ops.shape(x)[axis], stride, grid, seed), axis=axis)
    return x


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


def _cell_averages(x: Any, strides: Sequence[int], data_format: str) -> Any:
    """Returns the average of each cell of positions. The last cell may be shorter."""
    cells = PoolWindow.of(len(strides), strides, padding="same", data_format=data_format)
    return pool(x, replace(cells, padding="after"), mean)
