"""Mixtures of max pooling and average pooling, in standard operations."""

import numbers
from typing import Any

from keras import ops

from tf_softpool.ops.arguments import compute_dtype
from tf_softpool.ops.portable.standard import largest_of, mean, pool
from tf_softpool.ops.portable.taps import TAPS, along_channels
from tf_softpool.ops.window import PoolWindow


def check_mix(mix: Any) -> None:
    """Raises a ValueError if `mix` is not a number from 0 to 1."""
    if not isinstance(mix, numbers.Real) or isinstance(mix, bool) or not 0 <= mix <= 1:  # type: ignore[operator]
        raise ValueError(f"`mix` must be None or a number from 0 to 1, got {mix!r}.")


def mixed_pool(x: Any, window: PoolWindow, mix: Any) -> Any:
    """Returns `mix max_i a_i + (1 - mix) mean_i a_i` of each window.

    `mix` is a number, or a tensor of shape `[]` or `[channels]`.
    """
    if isinstance(mix, numbers.Real):
        return pool(x, window, lambda a, present: _blend(a, present, mix))
    mix = along_channels(ops.cast(mix, compute_dtype(x.dtype)), window)
    return pool(x, window, lambda a, present: _blend(a, present, mix))


def gated_pool(x: Any, window: PoolWindow, omega: Any, bias: Any) -> Any:
    """Returns `mixed_pool` with a mix for each window: `sigmoid(sum_i omega_i a_i + bias)`.

    Padding and `-inf` add nothing to the sum.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        omega: tensor of shape `pool_size`, or `[*pool_size, channels]`.
        bias: tensor of shape `[]` or `[channels]`.
    """
    dtype = compute_dtype(x.dtype)
    omega = along_channels(ops.cast(omega, dtype), window, tap_axes=window.rank)
    bias = along_channels(ops.cast(bias, dtype), window)

    def reduce(a: Any, present: Any) -> Any:
        gate = ops.sigmoid(ops.sum(omega * a, axis=TAPS, keepdims=True) + bias)
        return _blend(a, present, gate)

    return pool(x, window, reduce)


def _blend(a: Any, present: Any, mix: Any) -> Any:
    # `pool` replaces the result of a window without numbers, but its derivative must be finite.
    largest = largest_of(ops.where(present, a, float("-inf")))
    largest = ops.where(ops.isfinite(largest), largest, 0.0)
    average = mean(a, present)
    # Unlike `average + mix * (largest - average)`, this gives exactly the maximum for a mix of one, and
    # exactly the average for a mix of zero.
    return mix * largest + (1.0 - mix) * average
