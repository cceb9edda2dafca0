"""Median pooling: the middle of a window's values."""

import math
from typing import Any

import numpy as np
from keras import ops

from tf_softpool.ops import dispatch, sorted_pool
from tf_softpool.ops.arguments import check_poolable, compute_dtype
from tf_softpool.ops.portable.infinities import is_minus_inf, largest_of, limit_of, nan_where
from tf_softpool.ops.portable.integers import ranks as integers
from tf_softpool.ops.portable.quick import ranks
from tf_softpool.ops.portable.quick.guard import one_of, or_exact
from tf_softpool.ops.portable.taps import TAPS, as_pooled, set_static_shape, static_shape, windows
from tf_softpool.ops.window import PoolWindow


def pool(x: Any, window: PoolWindow) -> Any:
    """Returns the median of each window: its middle value, or the mean of its two middle values.

    Padding and `-inf` do not count as values. A window without values gives `-inf`, and NaN gives NaN. The
    gradient goes to the values that the median is made of.

    Windows with all of their values have the same middle ranks, which the compiled op of sorted pooling gives
    weights. In windows that the border cuts, or with `-inf`, the ranks depend on the number of values. So if
    there may be such a window, all are pooled in standard operations.

    Args:
        x: tensor.
        window: a `PoolWindow`.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    x = ops.convert_to_tensor(x)
    shape = check_poolable(x, window)
    if dispatch.compiled_ops(x) is None or window.mask is not None or _may_be_cut(x, window):
        return portable_median_pool(x, window)
    y = one_of(
        ops.any(is_minus_inf(x)),
        lambda: portable_median_pool(x, window),
        lambda: sorted_pool.pool(x, _middle(math.prod(window.pool_size)), window, "none"),
    )
    set_static_shape(y, shape)
    return y


def portable_median_pool(x: Any, window: PoolWindow) -> Any:
    """Pools with standard operations, on any backend of Keras."""
    return or_exact(
        ranks.median_pool, (x,), window, lambda: exact_median_pool(x, window), integers.median_pool
    )


def exact_median_pool(x: Any, window: PoolWindow) -> Any:
    """Pools with standard operations that are right for all numbers."""
    taps = windows(ops.cast(x, compute_dtype(x.dtype)), window)
    a, lowest = taps.values, -limit_of(taps.values)
    ranked = ops.sort(a if taps.there is None else ops.where(taps.there, a, lowest), axis=TAPS)
    size = ops.shape(a)[TAPS]
    count = ops.sum(ops.cast(taps.among(a >= lowest), "int32"), axis=TAPS, keepdims=True)
    # Values are in increasing order, and those that do not count come first.
    first = size - count
    places = ops.reshape(ops.arange(size, dtype="int32"), (-1, 1, 1, 1))
    lower = ops.cast(places == first + ops.maximum(count - 1, 0) // 2, a.dtype)
    upper = ops.cast(places == first + count // 2, a.dtype)
    weights = 0.5 * lower + 0.5 * upper
    y = ops.sum(weights * ops.where(weights > 0, ranked, 0.0), axis=TAPS, keepdims=True)
    y = ops.where(count == 0, ops.stop_gradient(largest_of(a)), y)
    nan = ops.any(ops.isnan(a), axis=TAPS, keepdims=True)
    y = ops.where(nan, nan_where(nan, y.dtype), y)
    return ops.cast(as_pooled(y, x, window), x.dtype)


def _may_be_cut(x: Any, window: PoolWindow) -> bool:
    """Returns whether windows may differ in size, as they do where the border of the input cuts one."""
    if window.padding == "valid" or window.positions is not None or window.is_adaptive:
        return window.padding != "valid"
    shape = static_shape(x)
    dimensions = zip(window.spatial_axes, window.pool_size, window.strides, strict=True)
    return any(
        length is None or (window.outputs(length, size, stride) - 1) * stride + size > length
        for length, size, stride in ((shape[axis], size, stride) for axis, size, stride in dimensions)
    )


def _middle(size: int) -> np.ndarray:
    """Returns the weights of the ranks up to the middle of a window of `size` values."""
    weights: np.ndarray = np.zeros(size // 2 + 1, "float32")
    weights[(size - 1) // 2] += 0.5
    weights[size // 2] += 0.5
    return weights
