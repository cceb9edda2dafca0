"""Sorted-weight pooling and median pooling in a quick form: a network of minima and maxima over taps.

Its derivatives would be wrong for equal values, so it is for exports alone.
"""

import functools
import math
from typing import Any

import numpy as np
from keras import ops

from tf_softpool.ops.portable.infinities import limit_of
from tf_softpool.ops.portable.quick.apart import apart, counts, has_few_taps, total
from tf_softpool.ops.portable.quick.averages import largest
from tf_softpool.ops.portable.quick.guard import Forms, Quick, is_finite
from tf_softpool.ops.portable.quick.networks import network
from tf_softpool.ops.window import PoolWindow

# The most minima and maxima of a network. With more, a sort is quicker, and the graph is smaller.
_MOST_STEPS = 80


def sorted_pool(window: PoolWindow, x: Any, rank_logits: Any, normalize: str) -> Forms:
    """Returns the forms of sorted-weight pooling."""
    ranks = rank_logits.shape[0]
    if ranks == 1:
        return [lambda: _largest(window, x, 1.0 if normalize == "softmax" else rank_logits[0])]
    if not isinstance(ranks, int) or not _has_network(window, range(ranks)):
        return []
    weights = ops.softmax(rank_logits, axis=0) if normalize == "softmax" else rank_logits
    weights = [weights[rank] for rank in range(ranks)]
    sizes = counts(x, window)
    if not isinstance(sizes, np.ndarray) or sizes.min() < ranks:
        if len(rank_logits.shape) == 2:
            # A weight for each window and channel would make constants as large as the result.
            return []
        weights = [weight * ops.cast(sizes > rank, x.dtype) for rank, weight in enumerate(weights)]
        if normalize == "softmax":
            sum_of_weights = total(weights)
            weights = [weight / sum_of_weights for weight in weights]
    return [lambda: _weighted(window, x, dict(enumerate(weights)))]


def _largest(window: PoolWindow, x: Any, weight: Any) -> Quick:
    """Returns the weighted largest value of each window."""
    # Some runtimes leave NaN out of a maximum, so the input itself is looked at.
    return Quick(weight * largest(x, window), is_finite(x))


def median_pool(window: PoolWindow, x: Any) -> Forms:
    """Returns the forms of median pooling."""
    sizes = counts(x, window) if not window.is_whole else None
    if not isinstance(sizes, np.ndarray):
        return []
    lower: np.ndarray = (sizes - 1) // 2
    upper: np.ndarray = sizes // 2
    ranks = sorted({*lower.flat, *upper.flat})
    if not _has_network(window, ranks):
        return []
    dtype = x.dtype
    weights = {rank: ops.cast(0.5 * (lower == rank) + 0.5 * (upper == rank), dtype) for rank in ranks}
    return [lambda: _weighted(window, x, weights)]


def _has_network(window: PoolWindow, ranks: Any) -> bool:
    """Returns whether a network is the quickest way to some ranks."""
    if not has_few_taps(window):
        return False
    size = math.prod(window.pool_size)
    return max(ranks) < size and sum(step.cost for step in network(size, tuple(ranks))) <= _MOST_STEPS


def _weighted(window: PoolWindow, x: Any, weights: dict[int, Any]) -> Quick:
    """Returns the weighted sum of some ranks of each window. What a window lacks ranks last."""
    limit = limit_of(x)
    rows = [functools.reduce(ops.minimum, tap.either(limit, -limit), tap.value) for tap in apart(x, window)]
    for first, second, larger, smaller in network(len(rows), tuple(weights)):
        a, b = rows[first], rows[second]
        rows[first] = ops.maximum(a, b) if larger else None
        rows[second] = ops.minimum(a, b) if smaller else None
    y = total([weight * rows[rank] for rank, weight in weights.items()])
    return Quick(y, is_finite(y))
