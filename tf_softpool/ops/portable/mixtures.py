"""Mixtures of max pooling and average pooling, in standard operations."""

from typing import Any

from tf_softpool.ops.portable.infinities import largest_present
from tf_softpool.ops.portable.standard import mean


def blend(a: Any, present: Any, mix: Any) -> Any:
    """Returns `mix max_i a_i + (1 - mix) mean_i a_i` of each window.

    Args:
        a: the values of windows, with zeros at taps without a number.
        present: a bool tensor that is True at taps with a number.
        mix: a tensor that broadcasts with one value for each window.
    """
    largest, average = largest_present(a, present), mean(a, present)
    # Unlike `average + mix * (largest - average)`, this gives exactly the maximum for a mix of one, and
    # exactly the average for a mix of zero.
    return mix * largest + (1.0 - mix) * average
