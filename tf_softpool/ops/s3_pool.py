"""S3Pool: another pooling at randomly drawn rows and columns, or the averages of cells of its results."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from keras import ops

from tf_softpool.ops import dispatch, mixed_pool
from tf_softpool.ops.arguments import check_poolable
from tf_softpool.ops.portable import standard
from tf_softpool.ops.portable.integers import mixtures as integers
from tf_softpool.ops.portable.quick import mixtures
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.sampling import picks
from tf_softpool.ops.window import PoolWindow


def placed(
    window: PoolWindow, x: Any, strides: Sequence[int], grid_size: Sequence[int], seed: Any
) -> PoolWindow:
    """Returns randomly drawn windows: of each axis one of every `stride` windows, in their order.

    Each axis is cut into grids of windows, and a grid keeps one of every `stride` of them. The last grid may
    be shorter: with r windows it keeps `ceil(r / stride)`. All images and channels have the same windows.
    Source: Zhai et al., "S3Pool: Pooling with stochastic spatial sampling".

    Args:
        window: a `PoolWindow` with strides of 1.
        x: the tensor that will be pooled.
        strides: an int for each spatial dimension.
        grid_size: a multiple of each stride.
        seed: a `keras.random.SeedGenerator`.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    check_poolable(x, window)
    shape, positions = ops.shape(x), []
    dimensions = zip(window.spatial_axes, window.pool_size, strides, grid_size, strict=True)
    for axis, size, stride, grid in dimensions:
        count = window.outputs(shape[axis], size, 1)
        every = stride == 1
        positions.append(ops.arange(count, dtype="int32") if every else picks(count, stride, grid, seed))
    return window.placed(ops.concatenate(positions), strides)


def downsample(
    x: Any, strides: Sequence[int], grid_size: Sequence[int], data_format: str, seed: Any = None
) -> Any:
    """Keeps the positions of a pooled tensor that `placed` would draw, or averages cells of positions.

    Args:
        x: tensor.
        strides: an int for each spatial dimension.
        grid_size: a multiple of each stride.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a `keras.random.SeedGenerator`, or None to return the average of each cell of `strides`
            positions. The last cell may be shorter.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    cells = PoolWindow.of(len(strides), strides, padding="valid", data_format=data_format)
    if seed is None and not dispatch.takes_infinities(x):
        cells = replace(cells, padding="after")
        return or_exact(
            mixtures.average_pool,
            (x,),
            cells,
            lambda: standard.pool(x, cells, standard.mean),
            integers.average_pool,
        )
    if seed is None:
        return _means(x, cells)
    check_poolable(x, PoolWindow.of(len(strides), 1, data_format=data_format))
    for axis, stride, grid in zip(cells.spatial_axes, strides, grid_size, strict=True):
        if stride > 1:
            x = ops.take(x, picks(ops.shape(x)[axis], stride, grid, seed), axis=axis)
    return x


def _means(x: Any, cells: PoolWindow) -> Any:
    """Returns the average of each cell, with a compiled op. The last cell of an axis may be shorter."""
    cells.check_rank(x.shape)
    shape, pads = ops.shape(x), [(0, 0)] * len(x.shape)
    for axis, size in zip(cells.spatial_axes, cells.pool_size, strict=True):
        # Positive dividends, because runtimes differ in how they divide negative numbers.
        pads[axis] = (0, (shape[axis] + size - 1) // size * size - shape[axis])
    if any(not isinstance(after, int) or after > 0 for _, after in pads):
        # The compiled ops pad on both sides. So the input is followed by values that count as padding.
        x = ops.pad(x, pads, constant_values=-math.inf)
    return mixed_pool.pool(x, 0.0, cells)
