"""SoftPool and importance pooling for 8-bit integers.

With the largest logit `m`, weights are `e^(l - m)`, between 0 and 1.
"""

from typing import Any

from keras import ops

from tf_softpool.ops.portable.integers.windows import Windows, largest, weighted_average


def soft_pool(windows: Windows, x: Any) -> Any:
    """Returns SoftPool as the largest value and the weighted average of the distances from it."""
    a = windows.read(x)
    top = largest(a)
    distance = a - top
    return top + weighted_average(distance, windows.weighed(ops.exp(distance)))


def importance_pool(windows: Windows, x: Any, logits: Any) -> Any:
    """Returns importance pooling as the average and the weighted average of the distances from it."""
    a, of_logits = windows.read(x), windows.read(logits)
    weights = windows.weighed(ops.exp(of_logits - largest(of_logits)))
    middle = windows.mean(a)
    return middle + weighted_average(a - middle, weights)
