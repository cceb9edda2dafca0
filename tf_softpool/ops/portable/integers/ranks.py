"""Sorted-weight pooling and median pooling for 8-bit integers."""

from typing import Any

import numpy as np
from keras import ops

from tf_softpool.ops.portable.integers.windows import Windows
from tf_softpool.ops.portable.places import gather

# A logit whose weight is zero.
_LOWEST = -1e30


def sorted_pool(windows: Windows, x: Any, *, rank_logits: Any, normalize: str) -> Any:
    """Returns sorted-weight pooling."""
    ranks = min(rank_logits.shape[0], windows.taps)
    logits = ops.transpose(ops.reshape(rank_logits[:ranks], (ranks, -1)))
    sizes, of_window = np.unique(windows.counts, return_inverse=True)
    kept = np.arange(ranks) < sizes[:, None, None]
    if normalize == "softmax":
        weights = ops.softmax(ops.where(kept, logits, _LOWEST), axis=-1)
    else:
        weights = logits * kept.astype("float32")
    # There may be many windows, but they have few sizes. All that is computed for each is a choice.
    return _weighted(windows, x, gather(weights, of_window, 0) if len(sizes) > 1 else weights, ranks)


def median_pool(windows: Windows, x: Any) -> Any:
    """Returns median pooling."""
    counts, ranks = windows.counts[:, None, None], windows.taps // 2 + 1
    places = np.arange(ranks)
    weights = 0.5 * (places == (counts - 1) // 2) + 0.5 * (places == counts // 2)
    return _weighted(windows, x, weights.astype("float32"), ranks)


def _weighted(windows: Windows, x: Any, weights: Any, ranks: int) -> Any:
    """Returns the weighted sum of the largest values of each window. What a window lacks ranks last.

    Args:
        windows: `Windows`.
        x: tensor.
        weights: tensor `[windows, channels, ranks]`, in which any size but the last may be 1.
        ranks: int. The number of values.
    """
    a = ops.transpose(windows.lacking_the_least(windows.read(x)), (0, 2, 3, 1))
    values, _ = ops.top_k(a, ranks)
    return ops.mean(values * (weights * float(ranks)), axis=-1)
