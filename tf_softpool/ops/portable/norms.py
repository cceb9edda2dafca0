"""Sum pooling, and pooling to a norm of a window, in standard operations."""

import math
import numbers
from collections.abc import Callable
from typing import Any

from keras import ops

from tf_softpool.ops.arguments import compute_dtype
from tf_softpool.ops.portable.standard import largest_of, mean, pool
from tf_softpool.ops.portable.taps import TAPS, along_channels
from tf_softpool.ops.window import PoolWindow


def check_p(p: Any, name: str = "p", above: bool = False) -> None:
    """Raises a ValueError if `p` is not a number of at least 1. With `above`, p must be above 1."""
    number = isinstance(p, numbers.Real) and not isinstance(p, bool) and math.isfinite(p)
    if not number or p < 1 or (above and p == 1):
        least = "above 1" if above else "of at least 1"
        raise ValueError(f"`{name}` must be a finite number {least}, got {p!r}.")


def sum_pool(x: Any, window: PoolWindow) -> Any:
    """Returns the sum of each window."""
    return pool(x, window, lambda a, _: ops.sum(a, axis=TAPS, keepdims=True))


def power_average_pool(x: Any, window: PoolWindow, p: float) -> Any:
    """Returns `(sum_i |a_i|^p)^(1/p)` of each window, for a number p."""
    check_p(p)

    def total(powers: Any, _: Any) -> Any:
        return ops.sum(powers, axis=TAPS, keepdims=True)

    return pool(x, window, lambda a, present: _norm(a, present, p, total))


def lp_pool(x: Any, window: PoolWindow, rho: Any) -> Any:
    """Returns `(mean_i |a_i|^p)^(1/p)` of each window, with `p = 1 + softplus(rho)`.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        rho: tensor of shape `[]` or `[channels]`.
    """
    p = along_channels(exponent(ops.cast(rho, compute_dtype(x.dtype))), window)
    return pool(x, window, lambda a, present: _norm(a, present, p, mean))


def exponent(rho: Any) -> Any:
    """Returns the exponent p for a parameter rho."""
    return 1.0 + ops.softplus(rho)


def rho_of(p: float) -> float:
    """Returns the parameter rho for an exponent p above 1: the inverse of `exponent`."""
    # The inverse of softplus in a form that does not overflow for large p.
    return p - 1 + math.log(-math.expm1(1 - p))


def _norm(a: Any, present: Any, p: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """Returns a norm of each window. Its derivatives at zeros are zero."""
    size = ops.abs(a)
    scale = ops.stop_gradient(largest_of(size))
    scale = ops.where(scale > 0, scale, 1.0)
    part = size / scale
    # The derivative of a power contains a logarithm of its base, so the base must not be zero, in values or
    # in sums.
    powers = ops.where(part > 0, ops.power(ops.where(part > 0, part, 1.0), p), 0.0)
    total = combine(powers, present)
    some = total > 0
    return ops.where(some, scale * ops.power(ops.where(some, total, 1.0), 1.0 / p), 0.0)
