"""Power-average pooling: a norm of each window, with a fixed exponent."""

import functools
import math
import numbers
from typing import Any

from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.arguments import per_channel
from tf_softpool.ops.portable import standard
from tf_softpool.ops.portable.integers import mixtures as integers
from tf_softpool.ops.portable.norms import LARGEST_P, norm
from tf_softpool.ops.portable.quick import mixtures
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.taps import along_channels
from tf_softpool.ops.window import PoolWindow


def check_p(p: Any) -> None:
    """Raises a ValueError if `p` is not a number of at least 1. It may be infinite."""
    if not isinstance(p, numbers.Real) or isinstance(p, bool) or math.isnan(p) or p < 1:
        raise ValueError(f"`p` must be a number of at least 1, or infinity, got {p!r}.")


def pool(x: Any, p: float, window: PoolWindow) -> Any:
    """Returns `(sum_i |a_i|^p)^(1/p)` of each window, with the compiled op if it can be used.

    Args:
        x: tensor.
        p: number of at least 1, or infinity, which gives the largest absolute value.
        window: a `PoolWindow`.

    Raises:
        ValueError: if `p` is not as described, or the tensor's shape or type cannot be pooled.
    """
    check_p(p)
    x = ops.convert_to_tensor(x)
    window.check_rank(x.shape)
    if math.isinf(p) and not dispatch.takes_infinities(x):
        # The same to the portable form and, though they take longer, to the compiled kernels.
        p = LARGEST_P
    exponents = per_channel(float(p), x, window)
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_power_average_pool(input=x, p=exponents, **window.attributes()),
        lambda: portable_power_average_pool(x, exponents, window),
    )


def portable_power_average_pool(x: Any, p: Any, window: PoolWindow) -> Any:
    """Pools with standard operations, on any backend of Keras. `p` has a value for each channel."""
    return or_exact(
        lambda same_windows, a: mixtures.norm_pool(same_windows, a, p, of_average=False),
        (x,),
        window,
        lambda: exact_power_average_pool(x, p, window),
        functools.partial(integers.norm_pool, p=p, of_average=False),
    )


def exact_power_average_pool(x: Any, p: Any, window: PoolWindow) -> Any:
    """Pools with standard operations that are right for all numbers."""
    p = ops.stop_gradient(along_channels(p, window))
    return standard.pool(x, window, lambda a, present: norm(a, present, p, average=False))


native.register_gradients("PowerAveragePool", exact_power_average_pool)
