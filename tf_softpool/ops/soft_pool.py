"""SoftPool: the average of a window, weighted by the softmax of the window's own values."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.arguments import TensorLike, as_tensor, compute_dtype, spatial_rank
from tf_softpool.ops.node import PoolNode
from tf_softpool.ops.portable.integers import exponentials as integers
from tf_softpool.ops.portable.quick import exponentials
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.softmax import exponentials as weights_of
from tf_softpool.ops.portable.taps import TAPS, as_pooled, as_windows, windows
from tf_softpool.ops.window import PoolWindow

GRADIENTS = ("exact", "weights")


def soft_pool(
    x: TensorLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
    gradient: str = "exact",
) -> Any:
    """Pools each window to the average of its values, weighted by their softmax.

    `y = sum_i w_i a_i` with `w_i = exp(a_i) / sum_j exp(a_j)`, over the values `a` of a window. No magnitude
    overflows. Padding takes no part. NaN gives NaN, and `-inf` has weight zero.
    Source: Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool", equations 1
    and 2.

    Args:
        x: tensor of shape `[batch, *spatial, channels]`, or `[batch, channels, *spatial]` with
            `"channels_first"`, with one to three spatial dimensions. Its type is float16, bfloat16, float32
            or float64. 16-bit types are computed in float32. The batch is never left out: one image of shape
            `(8, 8, 3)` is pooled as a batch of sequences, as `keras.ops.max_pool` pools it. A
            `KerasTensor` gives a `KerasTensor`.
        pool_size: int, or an int for each spatial dimension: the size of a window.
        strides: int, or an int for each spatial dimension. Default: `pool_size`.
        padding: `"valid"` or `"same"`, with TensorFlow's output sizes.
        data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
        gradient: `"exact"` sends back the derivative, `g w_i (1 + a_i - y)`, where `g` is the gradient of
            `y`. `"weights"` sends back `g w_i`, as the paper's own code does (section 3.2 of the paper).

    Returns:
        A tensor of the type of `x`, with smaller spatial dimensions.

    Raises:
        ValueError: if an argument is not as described, or a window is larger than the input under `"valid"`.
        tf.errors.InvalidArgumentError: in a graph with compiled ops, for the same reasons, if the shape is
            known only when the graph runs. Standard operations may return an empty tensor then.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> x = np.array([0.0, 1.0, 2.0, 3.0], "float32").reshape(1, 4, 1)
        >>> [round(float(v), 4) for v in tsp.soft_pool(x, 2)[0, :, 0]]
        [0.7311, 2.7311]
    """
    x = as_tensor(x)
    rank = spatial_rank(x)
    if isinstance(x, keras.KerasTensor):
        return SoftPool(pool_size, strides, padding, data_format, rank, gradient=gradient)(x)
    check_gradient(gradient)
    return pool(x, PoolWindow.of(rank, pool_size, strides, padding, data_format), gradient)


def check_gradient(gradient: str) -> None:
    """Raises a ValueError if `gradient` is not the name of a gradient."""
    if gradient not in GRADIENTS:
        raise ValueError(f"`gradient` must be one of {GRADIENTS}, got {gradient!r}.")


def pool(x: Any, window: PoolWindow, gradient: str) -> Any:
    """Pools over the windows of a `PoolWindow`, with the compiled op if it can be used."""
    x = ops.convert_to_tensor(x)
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_soft_pool(input=x, gradient=gradient, **window.attributes()),
        lambda: portable_soft_pool(x, window, gradient),
    )


def portable_soft_pool(x: Any, window: PoolWindow, gradient: str) -> Any:
    """Pools with standard operations, on any backend of Keras."""
    return or_exact(
        lambda same_windows, a: exponentials.soft_pool(same_windows, a, gradient),
        (x,),
        window,
        lambda: exact_soft_pool(x, window, gradient),
        integers.soft_pool,
        has_derivatives=True,
    )


def exact_soft_pool(x: Any, window: PoolWindow, gradient: str) -> Any:
    """Pools with standard operations that are right for all numbers."""
    e, distance, total, largest = weights_of(*windows(ops.cast(x, compute_dtype(x.dtype)), window))
    if gradient == "weights":
        e, total = ops.stop_gradient(e), ops.stop_gradient(total)
    y = largest + ops.sum(e * distance, axis=TAPS, keepdims=True) / total
    return ops.cast(as_pooled(y, x, window), x.dtype)


def _send_back(x: Any, grad: Any, window: PoolWindow, gradient: str) -> Any:
    """Computes what the op's gradient computes, in standard operations.

    The derivative of the portable form would not do: with `"weights"`, the portable form contains
    `stop_gradient`, so its second derivatives are zero.
    """
    a = ops.cast(x, compute_dtype(x.dtype))
    e, distance, total, _ = weights_of(*windows(a, window))
    weights = e / total
    to_taps = ops.cast(as_windows(grad, window), a.dtype) * weights
    if gradient == "exact":
        mean = ops.sum(weights * distance, axis=TAPS, keepdims=True)
        to_taps *= 1 + distance - mean
    _, to_input = native.vjp(lambda a: windows(a, window).values, a)
    return [ops.cast(to_input(to_taps)[0], x.dtype)]


native.register_gradients("SoftPool", send_back=_send_back)


@keras.saving.register_keras_serializable("tf_softpool")
class SoftPool(PoolNode):
    """`soft_pool` as a node of a Functional model."""

    def __init__(self, *args: Any, gradient: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_gradient(gradient)
        self.gradient = gradient

    def call(self, x: Any) -> Any:
        """Pools a tensor."""
        return pool(x, self.window, self.gradient)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "gradient": self.gradient}
