"""Poolings that draw, in standard operations."""

from dataclasses import replace

import keras
from keras import ops

from tf_softpool.ops.dispatch import check
from tf_softpool.ops.standard import largest_of, mean, pool
from tf_softpool.ops.taps import TAPS
from tf_softpool.ops.window import PoolWindow, per_dimension


def stochastic_pool(x, window, seed=None):
    """One value of each window, drawn with probability `relu(a_i) / sum_j relu(a_j)`.

    In a window without positive values all are equally likely. The gradient goes to the value that was
    drawn.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        seed: a `keras.random.SeedGenerator`, or None for the expectation, `sum_i p_i a_i`.
    """

    def reduce(a, present):
        weights = _weights(a, present)
        if seed is None:
            total = ops.sum(weights, axis=TAPS, keepdims=True)
            # Where a window has nothing, what comes out is not used.
            total = ops.where(total > 0, total, 1.0)
            return ops.sum(weights * a, axis=TAPS, keepdims=True) / total
        return _draw(a, weights, seed)

    return pool(x, window, reduce)


def _weights(a, present):
    """The probabilities of a window's values, times a number that is their sum at least 1."""
    positive = ops.relu(a)
    scale = ops.stop_gradient(largest_of(positive))
    some = scale > 0
    return ops.where(some, positive / ops.where(some, scale, 1.0), ops.cast(present, a.dtype))


def _draw(a, weights, seed):
    """A value of each window, with probabilities that weights are in proportion to."""
    size, *rest = ops.shape(a)
    likely = weights > 0
    # Sums that are made in parallel need not grow everywhere: only what can be drawn is looked at, and
    # some of it always lies above the threshold.
    until = ops.where(likely, ops.cumsum(weights, axis=TAPS), 0.0)
    u = ops.minimum(keras.random.uniform(rest, dtype=a.dtype, seed=seed), 1 - 1e-6)
    threshold = u * ops.max(until, axis=TAPS, initial=0.0)
    places = ops.reshape(ops.arange(size, dtype="int32"), (-1, 1, 1, 1))
    above = ops.logical_and(likely, until > threshold)
    drawn = ops.min(ops.where(above, places, size), axis=TAPS, initial=size)
    return ops.sum(ops.where(places == drawn, a, 0.0), axis=TAPS, keepdims=True)


def check_grid_size(grid_size, strides):
    """The size of a grid along each spatial dimension.

    Raises:
        ValueError: a size is not a multiple of the stride.
    """
    sizes = per_dimension(grid_size, len(strides), "grid_size")
    if any(size % stride for size, stride in zip(sizes, strides, strict=True)):
        raise ValueError(f"`grid_size` must be a multiple of the strides {strides}, got {grid_size!r}.")
    return sizes


def s3_downsample(x, strides, grid_size, data_format, seed=None):
    """Keeps some positions of each spatial axis: of each grid, one in `stride`, drawn and in order.

    A last, shorter grid of r positions keeps `ceil(r / stride)`. All images and channels keep the same.

    Args:
        x: tensor.
        strides: an int for each spatial dimension.
        grid_size: a multiple of each stride.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a `keras.random.SeedGenerator`, or None for the average of each cell of `strides` positions.
    """
    if seed is None:
        return _cell_averages(x, strides, data_format)
    cells = PoolWindow.of(len(strides), strides, padding="same", data_format=data_format)
    check(x, cells)
    for axis, stride, grid in zip(cells.spatial_axes, strides, grid_size, strict=True):
        if stride > 1:
            x = ops.take(x, picks(ops.shape(x)[axis], stride, grid, seed), axis=axis)
    return x


def picks(length, stride, grid, seed):
    """Positions of an axis, in order: of each grid, `grid / stride`, every choice equally likely.

    Args:
        length: the axis's length, an int or a tensor.
        stride: how many positions there are for each that is kept.
        grid: the size of a grid.
        seed: a `keras.random.SeedGenerator`.
    """
    grids, kept = -(-length // grid), grid // stride
    starts = grid * ops.reshape(ops.arange(grids, dtype="int32"), (-1, 1))
    inside = starts + ops.arange(grid, dtype="int32") < length
    u = keras.random.uniform((grids, grid), dtype="float32", seed=seed)
    # A random order of each grid, with what is past the end after all else.
    order = ops.cast(ops.argsort(ops.where(inside, u, 2.0), axis=1), "int32")[:, :kept]
    # The last grid has room for fewer: what it has no room for is moved past the end, and cut off.
    room = -(-(length - starts) // stride)
    order = ops.where(ops.arange(kept, dtype="int32") < room, order, grid)
    chosen = starts + ops.sort(order, axis=1)
    return ops.reshape(chosen, (-1,))[: -(-length // stride)]


def _cell_averages(x, strides, data_format):
    """The average of each cell of positions, counted from the first; the last may be a shorter one."""
    cells = PoolWindow.of(len(strides), strides, padding="same", data_format=data_format)
    return pool(x, replace(cells, padding="after"), mean)
