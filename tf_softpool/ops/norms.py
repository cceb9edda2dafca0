"""Poolings to a window's sum, and to norms of it, in standard operations."""

import math
import numbers

from keras import ops

from tf_softpool.ops.portable import compute_dtype
from tf_softpool.ops.standard import largest_of, mean, pool
from tf_softpool.ops.taps import TAPS, along_channels


def check_p(p, name="p", above=False):
    """Raises a ValueError where this is not the exponent of a norm."""
    number = isinstance(p, numbers.Real) and not isinstance(p, bool) and math.isfinite(p)
    if not number or p < 1 or (above and p == 1):
        least = "above 1" if above else "from 1"
        raise ValueError(f"`{name}` must be a finite number {least}, got {p!r}.")


def sum_pool(x, window):
    """The sum of each window, over the windows of a `PoolWindow`."""
    return pool(x, window, lambda a, _: ops.sum(a, axis=TAPS, keepdims=True))


def power_average_pool(x, window, p):
    """`(sum_i |a_i|^p)^(1/p)` of each window, for a number p."""
    check_p(p)

    def total(powers, _):
        return ops.sum(powers, axis=TAPS, keepdims=True)

    return pool(x, window, lambda a, present: _norm(a, present, p, total))


def lp_pool(x, window, rho):
    """`(mean_i |a_i|^p)^(1/p)` of each window, with `p = 1 + softplus(rho)`.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        rho: tensor of shape `[]` or `[channels]`.
    """
    p = along_channels(exponent(ops.cast(rho, compute_dtype(x.dtype))), window)
    return pool(x, window, lambda a, present: _norm(a, present, p, mean))


def exponent(rho):
    """The exponent that a parameter stands for."""
    return 1.0 + ops.softplus(rho)


def rho_of(p):
    """The parameter that stands for an exponent, a number above 1."""
    # The inverse of softplus, which is a number's own where numbers are large.
    return p - 1 + math.log(-math.expm1(1 - p))


def _norm(a, present, p, combine):
    """A norm of each window, whose derivatives at zeros are zero."""
    size = ops.abs(a)
    scale = ops.stop_gradient(largest_of(size))
    scale = ops.where(scale > 0, scale, 1.0)
    part = size / scale
    # The logarithm of zero is in the derivative of a power, and in that of a sum of none.
    powers = ops.where(part > 0, ops.power(ops.where(part > 0, part, 1.0), p), 0.0)
    total = combine(powers, present)
    some = total > 0
    return ops.where(some, scale * ops.power(ops.where(some, total, 1.0), 1.0 / p), 0.0)
