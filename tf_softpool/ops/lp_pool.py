"""Learned-norm pooling: a norm of each window, with learned exponents."""

import functools
import math
import numbers
from typing import Any

from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.arguments import per_channel
from tf_softpool.ops.portable import standard
from tf_softpool.ops.portable.integers import mixtures as integers
from tf_softpool.ops.portable.norms import norm
from tf_softpool.ops.portable.quick import mixtures
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.taps import along_channels
from tf_softpool.ops.window import PoolWindow


def check_initial_p(p: Any) -> None:
    """Raises a ValueError if `initial_p` is not a finite number above 1."""
    number = isinstance(p, numbers.Real) and not isinstance(p, bool) and math.isfinite(p)
    if not number or p <= 1:
        raise ValueError(f"`initial_p` must be a finite number above 1, got {p!r}.")


def exponent(rho: Any) -> Any:
    """Returns the exponent p for a parameter rho."""
    return 1.0 + ops.softplus(rho)


def rho_of(p: float) -> float:
    """Returns the parameter rho for an exponent p above 1: the inverse of `exponent`."""
    # The inverse of softplus in a form that does not overflow for large p.
    return p - 1 + math.log(-math.expm1(1 - p))


def pool(x: Any, p: Any, window: PoolWindow) -> Any:
    """Returns `(mean_i |a_i|^p)^(1/p)` of each window, with the compiled op if it can be used.

    Args:
        x: tensor.
        p: number, or tensor of shape `[]` or `[channels]`: the exponents. An exponent below 1 gives NaN.
        window: a `PoolWindow`.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    x = ops.convert_to_tensor(x)
    window.check_rank(x.shape)
    p = per_channel(p, x, window)
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_lp_pool(input=x, p=p, **window.attributes()),
        lambda: portable_lp_pool(x, p, window),
    )


def portable_lp_pool(x: Any, p: Any, window: PoolWindow) -> Any:
    """Pools with standard operations, on any backend of Keras. `p` has a value for each channel."""
    return or_exact(
        lambda same_windows, a: mixtures.norm_pool(same_windows, a, p, of_average=True),
        (x,),
        window,
        lambda: exact_lp_pool(x, p, window),
        functools.partial(integers.norm_pool, p=p, of_average=True),
    )


def exact_lp_pool(x: Any, p: Any, window: PoolWindow) -> Any:
    """Pools with standard operations that are right for all numbers."""
    p = along_channels(p, window)
    return standard.pool(x, window, lambda a, present: norm(a, present, p, average=True))


native.register_gradients("LpPool", exact_lp_pool)
