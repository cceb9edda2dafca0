"""SoftPool and importance pooling in quick forms: averages weighted by exponentials.

`y = sum_i e^(l_i) x_i / sum_i e^(l_i)` over the positions of a window. For SoftPool, `l = x`.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tf_softpool.ops.portable.infinities import limit_of
from tf_softpool.ops.portable.quick.apart import Tap, apart, greatest, has_few_taps, total
from tf_softpool.ops.portable.quick.averages import average
from tf_softpool.ops.portable.quick.guard import Forms, Quick, is_between, is_finite
from tf_softpool.ops.portable.runtimes import LITERT, OPENVINO, runtime
from tf_softpool.ops.window import PoolWindow

# Bounds of a sum of exponentials that a result may be made of. Numbers close to zero have lost digits, and
# large ones may have overflowed.
_SERVED = (1e-20, 1e30)
# Derivatives lose digits to an offset that all values share. So it must be small.
_TRAINED = (1e-6, 1e6)
# Bounds of the distance from the largest. The exponential of the first is nothing beside 1, but not so small
# that processors compute with it slowly. The second changes no distance.
_LOWEST, _HIGHEST = -80.0, 1.0
# A little above the exponential of `_LOWEST`.
_NOTHING = 2e-35
# Up to this number of taps, it is quicker to keep them apart than to let the runtime pool.
_FEW = 4

Exponential = Callable[[Any], Any]


def soft_pool(window: PoolWindow, x: Any, gradient: str) -> Forms:
    """Returns the forms of SoftPool."""

    def exp(a: Any) -> Any:
        return ops.exp(a) if gradient == "exact" else ops.stop_gradient(ops.exp(a))

    served, few = runtime(), has_few_taps(window, _FEW)
    if served is None:
        return [lambda: _of_derivable_averages(window, x, exp)]
    of_taps = [lambda: Quick(_soft_of_taps(window, x), None)] if has_few_taps(window) else []
    if few and served == OPENVINO:
        return of_taps
    if few and served != LITERT and _reference(taps := apart(x, window)) is not None:
        return [lambda: _of_differences(taps), *of_taps]
    return [lambda: _of_averages(window, x, x, exp, _SERVED), *of_taps]


def importance_pool(window: PoolWindow, x: Any, logits: Any) -> Forms:
    """Returns the forms of importance pooling."""
    of_taps = [lambda: _of_taps(window, x, logits)] if has_few_taps(window) else []
    return [lambda: _of_averages(window, x, logits, ops.exp, _SERVED), *of_taps]


def _of_averages(
    window: PoolWindow, x: Any, logits: Any, exp: Exponential, bounds: tuple[float, float]
) -> Quick:
    """Divides the average of weighted values by that of the weights. The counts of positions cancel."""
    e = exp(logits)
    weight = average(e, window)
    weighted = average(e * x, window)
    return Quick(weighted / weight, ops.logical_and(is_between(weight, *bounds), is_finite(weighted)))


def _of_derivable_averages(window: PoolWindow, x: Any, exp: Exponential) -> Quick:
    """Returns SoftPool of averages whose derivatives are right too.

    TensorFlow's derivatives of its own pooling are wrong on a CPU if a window is longer than the input, and
    the border cuts it at one end alone.
    """
    y, right = _of_averages(window, x, x, exp, _TRAINED)
    if keras.backend.backend() != "tensorflow":
        return Quick(y, right)
    shape = ops.shape(x)
    for axis, size in zip(window.spatial_axes, window.pool_size, strict=True):
        if window.padding == "same" and not window.is_whole:
            right = ops.logical_and(right, size <= shape[axis])
    return Quick(y, right)


def _reference(taps: list[Tap]) -> int | None:
    """Returns the index of a tap that all windows have."""
    return next((i for i, tap in enumerate(taps) if not tap.inside), None)


def _of_differences(taps: list[Tap]) -> Quick:
    """Adds to the values of one tap the weighted differences of the others: one exponential less."""
    reference = taps.pop(_reference(taps) or 0).value
    ds = [tap.value - reference for tap in taps]
    es = [tap.weighed(ops.exp(d)) for tap, d in zip(taps, ds, strict=True)]
    weight = total(es) + 1.0
    y = reference + total([e * d for e, d in zip(es, ds, strict=True)]) / weight
    return Quick(y, ops.logical_and(is_between(weight, 0.5, _SERVED[1]), is_finite(y)))


def _soft_of_taps(window: PoolWindow, x: Any) -> Any:
    """Returns SoftPool, right for all numbers. `inf` gives `inf`, and `-inf` has weight zero."""
    taps = apart(x, window)
    top = greatest([tap.value for tap in taps])
    shift = _finite(top)
    ds = [_distance(tap, shift) for tap in taps]
    es = [_weight(d) for d in ds]
    # Only if all values are `-inf` is the sum of weights below 1.
    return top + total([e * d for e, d in zip(es, ds, strict=True)]) / ops.maximum(total(es), 0.5)


def _of_taps(window: PoolWindow, x: Any, logits: Any) -> Quick:
    """Returns importance pooling, right for all numbers that are finite."""
    taps, of_logits = apart(x, window), apart(logits, window)
    shift = _finite(greatest([tap.value for tap in of_logits]))
    es = [_weight(_distance(tap, shift)) for tap in of_logits]
    weight = total(es)
    weighted = total([e * tap.value for e, tap in zip(es, taps, strict=True)])
    # Some runtimes leave NaN out of a maximum, so the logits themselves are looked at.
    finite = ops.logical_and(is_finite(weighted), is_finite(logits))
    return Quick(weighted / weight, ops.logical_and(is_between(weight, 0.5, _SERVED[1]), finite))


def _finite(top: Any) -> Any:
    limit = limit_of(top)
    return ops.clip(top, -limit, limit)


def _distance(tap: Tap, shift: Any) -> Any:
    """Returns the distance of a tap from the largest, and `_LOWEST` for windows that lack the tap."""
    distance = ops.maximum(tap.value - shift, _LOWEST)
    for cap in tap.either(_HIGHEST, _LOWEST) or [_HIGHEST]:
        distance = ops.minimum(distance, cap)
    return distance


def _weight(distance: Any) -> Any:
    """Returns the exponential of a distance, and zero for `_LOWEST`."""
    return ops.relu(ops.exp(distance) - _NOTHING)
