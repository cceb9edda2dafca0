"""Gated pooling: a mixture of max pooling and average pooling that depends on the window."""

import functools
import math
from typing import Any

from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.arguments import per_channel
from tf_softpool.ops.portable import standard
from tf_softpool.ops.portable.integers import mixtures as integers
from tf_softpool.ops.portable.mixtures import blend
from tf_softpool.ops.portable.quick import mixtures
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.sums import total_of_products
from tf_softpool.ops.portable.taps import along_channels
from tf_softpool.ops.window import PoolWindow


def pool(x: Any, omega: Any, bias: Any, window: PoolWindow) -> Any:
    """Returns `mix max_i a_i + (1 - mix) mean_i a_i` with `mix = sigmoid(sum_i omega_i a_i + bias)`.

    Uses the compiled op if it can be used. Padding and `-inf` add nothing to the sum.

    Args:
        x: tensor.
        omega: tensor of shape `pool_size`, or `[*pool_size, channels]`.
        bias: tensor of shape `[]` or `[channels]`.
        window: a `PoolWindow`.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    x = ops.convert_to_tensor(x)
    window.check_rank(x.shape)
    omega = per_channel(omega, x, window, places=math.prod(window.pool_size))
    bias = per_channel(bias, x, window)
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_gated_pool(input=x, omega=omega, bias=bias, **window.attributes()),
        lambda: portable_gated_pool(x, omega, bias, window),
    )


def portable_gated_pool(x: Any, omega: Any, bias: Any, window: PoolWindow) -> Any:
    """Pools with standard operations, on any backend of Keras.

    `omega` has the shape `[places, channels]`, and `bias` the shape `[channels]`.
    """
    return or_exact(
        lambda same_windows, a: mixtures.gated_pool(same_windows, a, omega, bias),
        (x,),
        window,
        lambda: exact_gated_pool(x, omega, bias, window),
        functools.partial(integers.gated_pool, omega=omega, bias=bias),
    )


def exact_gated_pool(x: Any, omega: Any, bias: Any, window: PoolWindow) -> Any:
    """Pools with standard operations that are right for all numbers."""
    omega, bias = along_channels(omega, window, tap_axes=1), along_channels(bias, window)

    def reduce(a: Any, present: Any) -> Any:
        gate = ops.sigmoid(total_of_products(omega, a) + bias)
        return blend(a, present, gate)

    return standard.pool(x, window, reduce)


native.register_gradients("GatedPool", exact_gated_pool)
