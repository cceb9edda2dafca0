"""Detail-preserving pooling: the average of a window, weighted by differences from a guide."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.arguments import (
    TensorLike,
    as_tensor,
    check_real,
    compute_dtype,
    per_channel,
    shapes_agree,
    spatial_rank,
)
from tf_softpool.ops.node import PoolNode
from tf_softpool.ops.portable import standard
from tf_softpool.ops.portable.infinities import is_inf, is_minus_inf, largest_of, limit_of, nan_where
from tf_softpool.ops.portable.integers import details as integers
from tf_softpool.ops.portable.quick import details
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.taps import TAPS, along_channels, as_pooled, as_windows, windows
from tf_softpool.ops.portable.weighted_average import weighted_average
from tf_softpool.ops.window import PoolWindow

EPSILON = 1e-3


def detail_preserving_pool(
    x: TensorLike,
    guide: TensorLike | None,
    alpha: TensorLike,
    lam: TensorLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
    symmetric: bool = True,
) -> Any:
    """Pools each window to the average of its values, weighted by their differences from a guide.

    `y = sum_i w_i x_i / sum_i w_i` with `w_i = alpha + rho(x_i - guide)`, over the values `x` of a window.
    `rho(d)` is `sqrt(d^2 + 0.001^2)^lam`, or the same of `max(d, 0)` if `symmetric` is False. A large
    `alpha`, or `lam = 0`, makes average pooling. A large `lam` selects the value that differs most from the
    guide.

    No magnitude overflows. Padding takes no part. NaN gives NaN, and values of `-inf` have weight zero.
    Gradients flow to `x`, `guide`, `alpha` and `lam`. If a result is infinite, its gradient flows to the
    infinite values only.
    Source: Saeedan, Weber, Goesele and Roth, "Detail-preserving pooling in deep networks".

    Args:
        x: tensor of shape `[batch, *spatial, channels]`, or `[batch, channels, *spatial]` with
            `"channels_first"`, with one to three spatial dimensions. Its type is float16, bfloat16, float32
            or float64. 16-bit types are computed in float32. The batch is never left out: one image of shape
            `(8, 8, 3)` is pooled as a batch of sequences, as `keras.ops.max_pool` pools it.
        guide: tensor of the pooled shape, with a value for each window. It is cast to the type of `x`. None
            stands for the average of each window, which is not rounded to the type of `x`.
        alpha: number, or tensor of shape `[channels]`: the least weight of a value. It must not be negative.
        lam: number, or tensor of shape `[channels]`: the exponent of the differences.
        pool_size: int, or an int for each spatial dimension: the size of a window.
        strides: int, or an int for each spatial dimension. Default: `pool_size`.
        padding: `"valid"` or `"same"`, with TensorFlow's output sizes.
        data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
        symmetric: bool: whether values below the guide count as detail, as those above it do. Default: True.

    Returns:
        A tensor of the type of `x`, with smaller spatial dimensions. A `KerasTensor` gives a `KerasTensor`.

    Raises:
        ValueError: if an argument is not as described, or a window is larger than the input under `"valid"`.
        tf.errors.InvalidArgumentError: in a graph with compiled ops, for the same reasons, if the shape is
            known only when the graph runs. Standard operations may return an empty tensor then.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> x = np.array([0.0, 0.0, 0.0, 4.0], "float32").reshape(1, 4, 1)
        >>> [round(float(v), 4) for v in tsp.detail_preserving_pool(x, None, 1.0, 1.0, 4)[0, :, 0]]
        [1.6]
    """
    x = as_tensor(x)
    dtype = compute_dtype(x.dtype)
    guide = None if guide is None else as_tensor(guide, dtype)
    alpha, lam = as_tensor(alpha, dtype), as_tensor(lam, dtype)
    rank = spatial_rank(x)
    if any(isinstance(tensor, keras.KerasTensor) for tensor in (x, guide, alpha, lam)):
        node = DetailPreservingPool(pool_size, strides, padding, data_format, rank, symmetric=symmetric)
        return node(x, guide, alpha, lam)
    check_symmetric(symmetric)
    window = PoolWindow.of(rank, pool_size, strides, padding, data_format)
    return pool(x, guide, alpha, lam, window, symmetric)


def check_symmetric(symmetric: Any) -> None:
    """Raises a ValueError if `symmetric` is neither True nor False."""
    if symmetric not in (True, False):
        raise ValueError(f"`symmetric` must be True or False, got {symmetric!r}.")


def _check(guide: Any, alpha: Any, lam: Any, x_shape: Sequence, window: PoolWindow) -> None:
    channels = x_shape[-1 if window.data_format == "channels_last" else 1]
    for name, tensor in (("guide", guide), ("alpha", alpha), ("lam", lam)):
        if tensor is not None:
            check_real(tensor, name)
    for name, tensor in (("alpha", alpha), ("lam", lam)):
        shape = tuple(tensor.shape)
        if len(shape) > 1 or (shape and None not in (shape[0], channels) and shape[0] != channels):
            raise ValueError(
                f"`{name}` must be a number or have a value for each of the {channels} channels of a tensor "
                f"of shape {tuple(x_shape)}, got shape {shape}."
            )
    if guide is None:
        return
    expected, shape = window.output_shape(x_shape), tuple(guide.shape)
    if not shapes_agree(shape, expected):
        raise ValueError(f"`guide` must have the shape of the result, {expected}, got {shape}.")


def pool(x: Any, guide: Any, alpha: Any, lam: Any, window: PoolWindow, symmetric: bool) -> Any:
    """Pools over the windows of a `PoolWindow`, with the compiled op if it can be used."""
    x, alpha, lam = (ops.convert_to_tensor(tensor) for tensor in (x, alpha, lam))
    window.check_rank(x.shape)
    _check(guide, alpha, lam, x.shape, window)
    guide = None if guide is None else ops.cast(guide, x.dtype)
    alpha, lam = (per_channel(tensor, x, window) for tensor in (alpha, lam))
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_detail_preserving_pool(
            input=x,
            guide=[] if guide is None else [guide],
            alpha=alpha,
            lam=lam,
            symmetric=bool(symmetric),
            **window.attributes(),
        ),
        lambda: portable_detail_preserving_pool(x, guide, alpha, lam, window, symmetric),
    )


def portable_detail_preserving_pool(
    x: Any, guide: Any, alpha: Any, lam: Any, window: PoolWindow, symmetric: bool
) -> Any:
    """Pools with standard operations, on any backend of Keras."""
    return or_exact(
        lambda same_windows, *tensors: details.detail_preserving_pool(
            same_windows, *tensors, alpha=alpha, lam=lam, symmetric=symmetric, epsilon=EPSILON
        ),
        (x,) if guide is None else (x, guide),
        window,
        lambda: exact_detail_preserving_pool(x, guide, alpha, lam, window, symmetric),
        functools.partial(
            integers.detail_preserving_pool, alpha=alpha, lam=lam, symmetric=symmetric, epsilon=EPSILON
        ),
    )


def exact_detail_preserving_pool(
    x: Any, guide: Any, alpha: Any, lam: Any, window: PoolWindow, symmetric: bool
) -> Any:
    """Pools with standard operations that are right for all numbers."""
    dtype = compute_dtype(x.dtype)
    taps = windows(ops.cast(x, dtype), window)
    a = taps.values
    kept = taps.among(ops.logical_not(is_minus_inf(a)))
    count = ops.sum(ops.cast(kept, dtype), axis=TAPS, keepdims=True)
    values = ops.where(ops.logical_and(kept, ops.logical_not(is_inf(a))), a, 0.0)
    guide = standard.mean(values, kept) if guide is None else as_windows(ops.cast(guide, dtype), window)
    alpha, lam = along_channels(alpha, window), along_channels(lam, window)
    weights = ops.where(kept, _weights(values, guide, alpha, lam, kept, symmetric), 0.0)
    total = ops.sum(weights, axis=TAPS, keepdims=True)
    y = weighted_average(a, weights / ops.where(total == 0, 1.0, total), is_inf(a))
    y = ops.where(count == 0, ops.stop_gradient(largest_of(a)), y)
    of_window = ops.logical_or(ops.isnan(guide), ops.logical_or(ops.isnan(alpha), ops.isnan(lam)))
    nan = ops.logical_or(ops.any(ops.isnan(a), axis=TAPS, keepdims=True), of_window)
    return ops.cast(as_pooled(ops.where(nan, nan_where(nan, dtype), y), x, window), x.dtype)


def _weights(values: Any, guide: Any, alpha: Any, lam: Any, kept: Any, symmetric: bool) -> Any:
    """Returns `alpha + rho(values - guide)`, divided by the window's largest weight."""
    # If the guide or alpha is infinite, all weights are equal.
    equal = ops.logical_or(ops.isinf(guide), ops.isinf(alpha))
    alpha = ops.where(equal, 1.0, alpha)
    # Differences at positions without a value must not overflow, because their derivatives would be NaN.
    # Quarters are subtracted because the difference of two values may overflow.
    there = ops.logical_and(kept, ops.logical_not(equal))
    detail = ops.where(there, 0.25 * values - 0.25 * guide, 0.0)
    quarter = _distance(detail if symmetric else ops.where(detail > 0, detail, 0.0), 0.25 * EPSILON)
    lam = ops.clip(lam, -1e30, 1e30)
    # Distances are divided by the largest one before they are raised to a power. Powers of large numbers
    # would lose digits.
    lowest = 0.25 * EPSILON
    largest = ops.max(ops.where(kept, quarter, lowest), axis=TAPS, keepdims=True, initial=lowest)
    largest = ops.stop_gradient(largest)
    # A very small ratio may be rounded to zero, whose logarithm is infinite.
    ratio, log_largest = quarter / largest, ops.log(largest)
    is_small = ratio < 1e-30
    log_ratio = ops.where(is_small, ops.log(quarter) - log_largest, ops.log(ops.where(is_small, 1.0, ratio)))
    power, of_largest = lam * log_ratio, lam * (log_largest + math.log(4))
    # The largest power is not negative, because the largest distance has a power of zero.
    most = ops.max(ops.where(kept, power, 0.0), axis=TAPS, keepdims=True, initial=0.0)
    has_alpha = alpha != 0
    log_alpha = ops.where(has_alpha, ops.log(ops.abs(ops.where(has_alpha, alpha, 1.0))), -limit_of(alpha))
    scale = ops.stop_gradient(ops.maximum(most + of_largest, log_alpha))
    # e^-scale may be beyond the type's range if alpha is zero, so it is applied as two factors.
    limit = 170.0 if keras.backend.standardize_dtype(values.dtype) == "float32" else 1400.0
    half = ops.exp(-0.5 * ops.clip(scale, -limit, limit))
    return alpha * half * half + ops.exp(power + (of_largest - scale))


def _distance(detail: Any, epsilon: float) -> Any:
    """Returns `sqrt(detail^2 + epsilon^2)`. No square overflows, and the derivatives are exact."""
    scale = ops.stop_gradient(ops.maximum(ops.abs(detail), epsilon))
    return scale * ops.sqrt((detail / scale) ** 2 + (epsilon / scale) ** 2)


native.register_gradients("DetailPreservingPool", exact_detail_preserving_pool)


@keras.saving.register_keras_serializable("tf_softpool")
class DetailPreservingPool(PoolNode):
    """`detail_preserving_pool` as a node of a Functional model."""

    def __init__(self, *args: Any, symmetric: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_symmetric(symmetric)
        self.symmetric = symmetric

    def call(self, x: Any, guide: Any, alpha: Any, lam: Any) -> Any:
        """Pools a tensor."""
        return pool(x, guide, alpha, lam, self.window, self.symmetric)

    def compute_output_spec(self, x: Any, guide: Any, alpha: Any, lam: Any) -> keras.KerasTensor:
        """Returns a `KerasTensor` of the pooled shape and the type of `x`."""
        self.window.check_rank(x.shape)
        _check(guide, alpha, lam, x.shape, self.window)
        return super().compute_output_spec(x)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "symmetric": self.symmetric}
