"""Local importance pooling: the average of a window, weighted by the softmax of logits."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.arguments import TensorLike, as_tensor, compute_dtype, shapes_agree, spatial_rank
from tf_softpool.ops.node import PoolNode
from tf_softpool.ops.portable.infinities import is_inf, is_minus_inf, largest_of, nan_where
from tf_softpool.ops.portable.integers import exponentials as integers
from tf_softpool.ops.portable.quick import exponentials
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.softmax import softmax_of
from tf_softpool.ops.portable.taps import TAPS, as_pooled, windows
from tf_softpool.ops.portable.weighted_average import weighted_average
from tf_softpool.ops.window import PoolWindow


def importance_pool(
    x: TensorLike,
    logits: TensorLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Pools each window to the average of its values, weighted by the softmax of their logits.

    `y = sum_i w_i x_i` with `w_i = exp(l_i) / sum_j exp(l_j)`, over the values `x` and the logits `l` of
    a window. `logits = x` makes SoftPool, and equal logits make average pooling. No magnitude overflows.
    Padding takes no part. NaN in either tensor gives NaN. A value or a logit of `-inf` has weight zero.
    Gradients flow to `x` and to `logits`. If a result is infinite, the gradient of its logits is zero.
    Source: Gao, Wang and Wu, "LIP: local importance-based pooling".

    Args:
        x: tensor of shape `[batch, *spatial, channels]`, or `[batch, channels, *spatial]` with
            `"channels_first"`, with one to three spatial dimensions. Its type is float16, bfloat16, float32
            or float64. 16-bit types are computed in float32. The batch is never left out: one image of shape
            `(8, 8, 3)` is pooled as a batch of sequences, as `keras.ops.max_pool` pools it.
        logits: tensor of the shape of `x`. It is cast to the type of `x`.
        pool_size: int, or an int for each spatial dimension: the size of a window.
        strides: int, or an int for each spatial dimension. Default: `pool_size`.
        padding: `"valid"` or `"same"`, with TensorFlow's output sizes.
        data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.

    Returns:
        A tensor of the type of `x`, with smaller spatial dimensions. A `KerasTensor` gives a `KerasTensor`.

    Raises:
        ValueError: if an argument is not as described, or a window is larger than the input under `"valid"`.
        tf.errors.InvalidArgumentError: in a graph with compiled ops, for the same reasons, if the shape is
            known only when the graph runs. Standard operations may return an empty tensor then.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> x = np.array([1.0, 4.0, 2.0, 3.0], "float32").reshape(1, 4, 1)
        >>> logits = np.log(np.array([1.0, 3.0, 1.0, 1.0], "float32")).reshape(1, 4, 1)
        >>> [round(float(v), 4) for v in tsp.importance_pool(x, logits, 2)[0, :, 0]]
        [3.25, 2.5]
    """
    x = as_tensor(x)
    logits = as_tensor(logits, compute_dtype(x.dtype))
    rank = spatial_rank(x)
    if isinstance(x, keras.KerasTensor) or isinstance(logits, keras.KerasTensor):
        return ImportancePool(pool_size, strides, padding, data_format, rank)(x, logits)
    return pool(x, logits, PoolWindow.of(rank, pool_size, strides, padding, data_format))


def _check_logits(logits: Any, x_shape: Sequence) -> None:
    dtype, shape = keras.backend.standardize_dtype(logits.dtype), tuple(logits.shape)
    if not keras.backend.is_float_dtype(dtype):
        raise ValueError(f"`logits` must be floating-point numbers, got a tensor of type {dtype}.")
    if not shapes_agree(shape, x_shape):
        raise ValueError(f"`logits` must have the shape of `x`, {tuple(x_shape)}, got {shape}.")


def pool(x: Any, logits: Any, window: PoolWindow) -> Any:
    """Pools over the windows of a `PoolWindow`, with the compiled op if it can be used."""
    x, logits = ops.convert_to_tensor(x), ops.convert_to_tensor(logits)
    _check_logits(logits, x.shape)
    logits = ops.cast(logits, x.dtype)
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_importance_pool(input=x, logits=logits, **window.attributes()),
        lambda: portable_importance_pool(x, logits, window),
    )


def portable_importance_pool(x: Any, logits: Any, window: PoolWindow) -> Any:
    """Pools with standard operations, on any backend of Keras."""
    return or_exact(
        exponentials.importance_pool,
        (x, logits),
        window,
        lambda: exact_importance_pool(x, logits, window),
        integers.importance_pool,
    )


def exact_importance_pool(x: Any, logits: Any, window: PoolWindow) -> Any:
    """Pools with standard operations that are right for all numbers."""
    dtype = compute_dtype(x.dtype)
    taps = windows(ops.cast(x, dtype), window)
    a, logits = taps.values, windows(ops.cast(logits, dtype), window).values
    kept = taps.among(ops.logical_not(is_minus_inf(a)))
    weights, above, largest = softmax_of(logits, kept)
    # An infinite value makes the result infinite however small its weight is, unless its weight is zero.
    weighs = ops.logical_and(above, ops.logical_or(ops.logical_not(is_inf(largest)), is_inf(logits)))
    none = ops.logical_not(ops.any(above, axis=TAPS, keepdims=True))
    # No choice between bools: ONNX's runtime has none.
    weighs = ops.logical_or(weighs, ops.logical_and(none, kept))
    y = weighted_average(a, weights, ops.logical_and(is_inf(a), weighs))
    y = ops.where(ops.any(kept, axis=TAPS, keepdims=True), y, ops.stop_gradient(largest_of(a)))
    nan = ops.any(ops.logical_or(ops.isnan(a), ops.isnan(logits)), axis=TAPS, keepdims=True)
    return ops.cast(as_pooled(ops.where(nan, nan_where(nan, dtype), y), x, window), x.dtype)


native.register_gradients("ImportancePool", exact_importance_pool)


@keras.saving.register_keras_serializable("tf_softpool")
class ImportancePool(PoolNode):
    """`importance_pool` as a node of a Functional model."""

    def call(self, x: Any, logits: Any) -> Any:
        """Pools a tensor."""
        return pool(x, logits, self.window)

    def compute_output_spec(self, x: Any, logits: Any) -> keras.KerasTensor:
        """Returns a `KerasTensor` of the pooled shape and the type of `x`."""
        _check_logits(logits, x.shape)
        return super().compute_output_spec(x)
