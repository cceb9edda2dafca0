"""What the portable forms of poolings share that agree on infinities and NaN."""

from collections.abc import Callable
from typing import Any

from keras import ops

from tf_softpool.ops.arguments import check_poolable, compute_dtype
from tf_softpool.ops.portable.infinities import is_minus_inf, largest_of, nan_where
from tf_softpool.ops.portable.sums import sum_of_parts
from tf_softpool.ops.portable.taps import TAPS, as_pooled, windows
from tf_softpool.ops.window import PoolWindow


def pool(x: Any, window: PoolWindow, reduce: Callable[[Any, Any], Any]) -> Any:
    """Pools each window with a function of its numbers.

    Padding, masked positions and `-inf` do not count as numbers. A window without numbers gives `-inf`, or 0
    if a mask leaves it no position. A window with `inf` gives `inf`. None of these have a gradient. NaN gives
    NaN.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        reduce: a function that pools windows in the form that `taps.windows` returns. It takes the values,
            with zeros at taps without a number, and a bool tensor that is True at taps with a number. It
            returns a tensor with one tap.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    x = ops.convert_to_tensor(x)
    check_poolable(x, window)
    taps = windows(ops.cast(x, compute_dtype(x.dtype)), window)
    a = taps.values
    largest = largest_of(a)
    special = ops.isinf(largest)
    present = taps.among(ops.logical_not(is_minus_inf(a)))
    y = reduce(ops.where(ops.logical_and(present, ops.logical_not(special)), a, 0.0), present)
    if window.mask is not None:
        nothing = ops.logical_not(ops.any(present, axis=TAPS, keepdims=True))
        special = ops.logical_or(special, nothing)
    y = ops.where(special, ops.stop_gradient(largest), y)
    y = y * nan_where(ops.any(ops.isnan(a), axis=TAPS, keepdims=True), y.dtype)
    return ops.cast(as_pooled(y, x, window), x.dtype)


def mean(a: Any, present: Any) -> Any:
    """Returns the average of each window's numbers, or zero if there are none."""
    count = ops.maximum(ops.sum(ops.cast(present, a.dtype), axis=TAPS, keepdims=True), 1.0)
    part, factor = sum_of_parts(a)
    return part / count * factor
