"""Detail-preserving pooling and its learned guide for 8-bit integers.

A weight is `alpha + rho`, with `rho = (|d| + epsilon)^lam` for the distance `d` from the guide. Both are
computed from their logarithms and divided by the largest of all, so that the weight is between 0 and 2.
"""

import math
from typing import Any

from keras import ops

from tf_softpool.ops.portable.integers.windows import Windows, largest, total, weighted_average

# How far the logarithm of alpha may be below that of the least power. Less would only widen the range.
_BELOW = 3.0


def detail_preserving_pool(
    windows: Windows, x: Any, guide: Any = None, *, alpha: Any, lam: Any, symmetric: bool, epsilon: float
) -> Any:
    """Returns detail-preserving pooling. Without a guide, it is the average."""
    a = windows.read(x)
    middle = windows.mean(a)
    distance = a - middle
    from_guide = distance if guide is None else a - windows.one_for_each(guide)
    detail = ops.abs(from_guide) if symmetric else ops.relu(from_guide)
    logarithm = ops.log(detail + epsilon)
    least = ops.log(ops.maximum(alpha, 1e-30))
    least = ops.maximum(least, lam * math.log(epsilon) - _BELOW)
    # The larger of two tensors, because there is no maximum.
    most = least + ops.relu(largest(logarithm) * lam - least)
    weights = windows.weighed(ops.exp(least - most) + ops.exp(logarithm * lam - most))
    return middle + weighted_average(distance, weights)


def learned_guide(windows: Windows, x: Any, *, kernel: Any) -> Any:
    """Returns the weighted sum of each window, scaled up for positions outside the input.

    Args:
        windows: `Windows` of positions around centres.
        x: tensor.
        kernel: tensor `[taps, channels]`.
    """
    weighted = windows.weighed(windows.read(x)) * ops.expand_dims(kernel, 1)
    return total(weighted) * (windows.taps / windows.counts[:, None]).astype("float32")
