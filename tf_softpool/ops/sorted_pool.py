"""Sorted-weight pooling: the sum of a window's sorted values, weighted by their ranks."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.arguments import TensorLike, as_tensor, check_real, compute_dtype, spatial_rank
from tf_softpool.ops.node import PoolNode
from tf_softpool.ops.portable.infinities import largest_of, limit_of, nan_where
from tf_softpool.ops.portable.integers import ranks as integers
from tf_softpool.ops.portable.quick import ranks
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.softmax import softmax_of
from tf_softpool.ops.portable.taps import TAPS, along_channels, as_pooled, windows
from tf_softpool.ops.window import PoolWindow

NORMALIZATIONS = ("softmax", "none")
# The portable form compares neighbours if that takes at most this number of comparisons, and calls `argsort`
# if it takes more. `argsort` is slow for small windows, and each comparison makes the graph larger.
_MOST_COMPARISONS = 40


def sorted_pool(
    x: TensorLike,
    rank_logits: TensorLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
    normalize: str = "softmax",
) -> Any:
    """Pools each window to the sum of its largest values, weighted by their ranks.

    `y = sum_r p_r a_(r)` with `p = softmax(rank_logits)`, over the values `a_(1) >= a_(2) >= ...` of a
    window. A single rank makes max pooling. As many equal logits as a window has positions make average
    pooling.
    Source: Singla, "A new kind of pooling layer for faster and sharper convergence", the "concrete
    definition".

    Equal values rank in row-major order. Padding takes no part, and `-inf` counts as padding. If a window
    has fewer values than there are ranks, the softmax is taken over the first ranks only. NaN gives NaN.
    `inf` gives `inf` if its weight is positive. The gradient of `rank_logits` may be infinite or NaN if
    `x` has infinite values.

    Args:
        x: tensor of shape `[batch, *spatial, channels]`, or `[batch, channels, *spatial]` with
            `"channels_first"`, with one to three spatial dimensions. Its type is float16, bfloat16, float32
            or float64. 16-bit types are computed in float32. The batch is never left out: one image of shape
            `(8, 8, 3)` is pooled as a batch of sequences, as `keras.ops.max_pool` pools it.
        rank_logits: tensor of shape `[pool_range]`, or `[pool_range, channels]` to give each channel logits
            of its own. The first logit belongs to the largest value. `pool_range` is from 1 to the size of
            a window. The tensor is cast to float32, or to float64 if `x` is float64.
        pool_size: int, or an int for each spatial dimension: the size of a window.
        strides: int, or an int for each spatial dimension. Default: `pool_size`.
        padding: `"valid"` or `"same"`, with TensorFlow's output sizes.
        data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
        normalize: `"softmax"`, or `"none"` to use `rank_logits` themselves as the weights. Default:
            `"softmax"`.

    Returns:
        A tensor of the type of `x`, with smaller spatial dimensions. A `KerasTensor` gives a `KerasTensor`.

    Raises:
        ValueError: if an argument is not as described, or a window is larger than the input under `"valid"`.
        tf.errors.InvalidArgumentError: in a graph with compiled ops, for the same reasons, if the shape is
            known only when the graph runs. Standard operations do not check the number of logits then.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> x = np.array([1.0, 4.0, 2.0, 3.0], "float32").reshape(1, 4, 1)
        >>> [float(v) for v in tsp.sorted_pool(x, [0.75, 0.25], 2, normalize="none")[0, :, 0]]
        [3.25, 2.75]
    """
    x = as_tensor(x)
    rank_logits = as_tensor(rank_logits, compute_dtype(x.dtype))
    rank = spatial_rank(x)
    if isinstance(x, keras.KerasTensor) or isinstance(rank_logits, keras.KerasTensor):
        return SortedPool(pool_size, strides, padding, data_format, rank, normalize=normalize)(x, rank_logits)
    check_normalize(normalize)
    return pool(x, rank_logits, PoolWindow.of(rank, pool_size, strides, padding, data_format), normalize)


def check_normalize(normalize: str) -> None:
    """Raises a ValueError if `normalize` is not the name of a normalization."""
    if normalize not in NORMALIZATIONS:
        raise ValueError(f"`normalize` must be one of {NORMALIZATIONS}, got {normalize!r}.")


def check_pool_range(pool_range: Any, window: PoolWindow, name: str = "pool_range") -> None:
    """Raises a ValueError if `pool_range` is not a number of ranks that windows have."""
    size = math.prod(window.pool_size)
    if isinstance(pool_range, bool) or not hasattr(pool_range, "__index__") or not 1 <= pool_range <= size:
        raise ValueError(
            f"`{name}` must be an integer from 1 to {size}, the size of a window of {window.pool_size}, "
            f"got {pool_range!r}."
        )


def _check_logits(logits: Any, x_shape: Sequence, window: PoolWindow) -> None:
    check_real(logits, "rank_logits")
    shape = logits.shape
    if len(shape) not in (1, 2):
        raise ValueError(
            f"`rank_logits` must have shape [pool_range] or [pool_range, channels], got {tuple(shape)}."
        )
    # Adaptive windows may be of any size. Ranks that a window lacks do not count.
    if shape[0] is not None and not window.is_adaptive:
        check_pool_range(shape[0], window, "rank_logits.shape[0]")
    channels = x_shape[-1 if window.data_format == "channels_last" else 1]
    if len(shape) == 2 and None not in (shape[1], channels) and shape[1] != channels:
        raise ValueError(
            f"`rank_logits` must have shape [pool_range] or [pool_range, {channels}], for the channels "
            f"of a tensor of shape {tuple(x_shape)}, got {tuple(shape)}."
        )


def rank_weights(rank_logits: Any, normalize: str) -> Any:
    """Returns the weights for logits of shape `[pool_range]` or `[pool_range, channels]`."""
    return ops.softmax(rank_logits, axis=0) if normalize == "softmax" else rank_logits


def pool(x: Any, rank_logits: Any, window: PoolWindow, normalize: str) -> Any:
    """Pools over the windows of a `PoolWindow`, with the compiled op if it can be used."""
    x, logits = ops.convert_to_tensor(x), ops.convert_to_tensor(rank_logits)
    window.check_rank(x.shape)
    _check_logits(logits, x.shape, window)
    logits = ops.cast(logits, compute_dtype(x.dtype))
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_sorted_pool(
            input=x, rank_logits=logits, normalize=normalize, **window.attributes()
        ),
        lambda: portable_sorted_pool(x, logits, window, normalize),
    )


def portable_sorted_pool(x: Any, rank_logits: Any, window: PoolWindow, normalize: str) -> Any:
    """Pools with standard operations, on any backend of Keras."""
    return or_exact(
        lambda same_windows, a: ranks.sorted_pool(same_windows, a, rank_logits, normalize),
        (x,),
        window,
        lambda: exact_sorted_pool(x, rank_logits, window, normalize),
        functools.partial(integers.sorted_pool, rank_logits=rank_logits, normalize=normalize),
    )


def exact_sorted_pool(x: Any, rank_logits: Any, window: PoolWindow, normalize: str) -> Any:
    """Pools with standard operations that are right for all numbers."""
    taps = windows(ops.cast(x, compute_dtype(x.dtype)), window)
    a, lowest = taps.values, -limit_of(taps.values)
    pool_range = ops.shape(rank_logits)[0]
    ranked = _largest(a if taps.there is None else ops.where(taps.there, a, lowest), pool_range)
    count = ops.sum(ops.cast(taps.among(a >= lowest), "int32"), axis=TAPS, keepdims=True)
    kept = ops.reshape(ops.arange(pool_range, dtype="int32"), (-1, 1, 1, 1)) < count
    weights = _weights(along_channels(rank_logits, window, tap_axes=1), kept, normalize)
    # A value with weight zero adds nothing, even if it is infinite.
    counted = ops.logical_and(kept, ops.logical_or(weights != 0, ops.isfinite(ranked)))
    y = ops.sum(weights * ops.where(counted, ranked, 0.0), axis=TAPS, keepdims=True)
    y = ops.where(count == 0, ops.stop_gradient(largest_of(a)), y)
    nan = ops.any(ops.isnan(a), axis=TAPS, keepdims=True)
    y = ops.where(nan, nan_where(nan, y.dtype), y)
    return ops.cast(as_pooled(y, x, window), x.dtype)


def _weights(logits: Any, kept: Any, normalize: str) -> Any:
    """Returns the weights of the ranks: zero for a rank that a window has no value for."""
    if normalize == "none":
        return ops.where(kept, logits, 0.0)
    return softmax_of(logits, kept)[0]


def _sorts_by_comparing(size: int, pool_range: Any) -> bool:
    if not isinstance(size, int) or not isinstance(pool_range, int) or pool_range > size:
        return False
    return pool_range * size - pool_range * (pool_range + 1) // 2 <= _MOST_COMPARISONS


def _largest(a: Any, pool_range: Any) -> Any:
    """Returns the largest values along axis 0 in decreasing order. Equal values keep their order."""
    size = a.shape[0]
    if not _sorts_by_comparing(size, pool_range):
        # If one window covers the whole input, it may have fewer values than there are ranks.
        a = ops.pad(a, [(0, pool_range)] + [(0, 0)] * (len(a.shape) - 1), constant_values=-limit_of(a))
        order = ops.argsort(-a, axis=0)[:pool_range]
        return ops.take_along_axis(a, order, axis=0)
    rows = list(ops.unstack(a, axis=0))
    for rank in range(min(pool_range, size - 1)):
        for i in reversed(range(rank, size - 1)):
            first, second = rows[i], rows[i + 1]
            swap = second > first
            rows[i] = ops.where(swap, second, first)
            rows[i + 1] = ops.where(swap, first, second)
    return ops.stack(rows[:pool_range], axis=0)


native.register_gradients("SortedPool", exact_sorted_pool)


@keras.saving.register_keras_serializable("tf_softpool")
class SortedPool(PoolNode):
    """`sorted_pool` as a node of a Functional model."""

    def __init__(self, *args: Any, normalize: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_normalize(normalize)
        self.normalize = normalize

    def call(self, x: Any, rank_logits: Any) -> Any:
        """Pools a tensor."""
        return pool(x, rank_logits, self.window, self.normalize)

    def compute_output_spec(self, x: Any, rank_logits: Any) -> keras.KerasTensor:
        """Returns a `KerasTensor` of the pooled shape and the type of `x`."""
        _check_logits(rank_logits, x.shape, self.window)
        return super().compute_output_spec(x)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "normalize": self.normalize}
