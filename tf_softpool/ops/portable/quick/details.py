"""Detail-preserving pooling in a quick form.

With the guide `g`, `rho_i = ((x_i - g)^2 + epsilon^2)^(lambda / 2)` and the weights `alpha + rho_i`, the
weighted average of a window of `n` values with the average `m` is
`m + sum_i rho_i (x_i - m) / (alpha n + sum_i rho_i)`, because `sum_i (x_i - m)` is zero. Without a guide,
`g = m`.
"""

from typing import Any

from keras import ops

from tf_softpool.ops.portable.quick.apart import apart, counts, has_few_taps, total
from tf_softpool.ops.portable.quick.averages import average
from tf_softpool.ops.portable.quick.guard import Forms, Quick, is_between, is_finite
from tf_softpool.ops.window import PoolWindow

# Bounds of the average weight. A power outside has lost digits.
_LEAST, _MOST = 1e-6, 1e6


def detail_preserving_pool(
    window: PoolWindow,
    x: Any,
    guide: Any = None,
    *,
    alpha: Any,
    lam: Any,
    symmetric: bool,
    epsilon: float,
) -> Forms:
    """Returns the forms of detail-preserving pooling. Without a guide, it is the average."""
    if not (window.is_whole or has_few_taps(window)):
        return []
    return [lambda: _around_guide(window, x, guide, alpha, lam, symmetric, epsilon)]


def _around_guide(
    window: PoolWindow, x: Any, guide: Any, alpha: Any, lam: Any, symmetric: bool, epsilon: float
) -> Quick:
    def power(distance: Any) -> Any:
        detail = distance if symmetric else ops.maximum(distance, 0.0)
        return ops.exp(0.5 * lam * ops.log(detail * detail + epsilon**2))

    middle = average(x, window)
    if window.is_whole:
        distances = x - middle
        rho = power(distances if guide is None else x - guide)
        weight, moved = average(rho, window), average(rho * distances, window)
    else:
        taps = apart(x, window)
        ds = [tap.value - middle for tap in taps]
        from_guide = ds if guide is None else [tap.value - guide for tap in taps]
        rhos = [tap.weighed(power(d)) for tap, d in zip(taps, from_guide, strict=True)]
        count = ops.cast(counts(x, window), x.dtype)
        weight, moved = total(rhos) / count, total([r * d for r, d in zip(rhos, ds, strict=True)]) / count
    weight = alpha + weight
    y = middle + moved / weight
    # Weights of both signs may cancel.
    positive = is_between(alpha, -1e-30, _MOST)
    return Quick(
        y, ops.logical_and(positive, ops.logical_and(is_between(weight, _LEAST, _MOST), is_finite(y)))
    )
