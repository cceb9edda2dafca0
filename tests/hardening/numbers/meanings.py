"""What each pooling means for any numbers: the oracle's functions, called for windows of all forms.

The oracles take finite numbers and `-inf`. What infinities and NaN mean is the same for all poolings: a
window with NaN gives NaN and sends back NaN, and a window with `+inf` gives `+inf`. So the oracle gets finite
numbers in their place, and its results for those windows are replaced.
"""

from collections.abc import Callable
from dataclasses import dataclass

import detail_inputs
import numpy as np
import oracle
import standard_gradients
import standard_oracle
import weighted_oracle
from poolings import POOLINGS, Pooling, over_windows

from tf_softpool.ops import power_average_pool

INF = np.inf


@dataclass(frozen=True)
class Meaning:
    """What a pooling computes, for tensors with channels last and finite numbers or `-inf`.

    Attributes:
        value: function of the inputs and of windows as the oracle takes them. It returns the result and the
            scale of its rounding error.
        slopes: function of the inputs, the gradient of the result, and windows. It returns such a pair for
            each input that has a gradient.
        roles: for each input after the first, "taps" if it has a number for each number of the first,
            "windows" if it has one for each window, and "parameters" if windows share it.
        parameters: list of functions of a random generator, a `Case` and the number of a window's values.
            Each returns a list of parameters that are hard to compute with.
        one_size: whether all windows must have one size, as those of plain layers have.
        weighs_infinity: whether the weight of an infinity decides what it does.
        leaves_infinities_out: whether infinities take no part.
        by_place: whether a result depends on its place in the tensor, and so on the data format.
        has_step: whether the slope changes at once at zero. Standard operations take subnormal numbers for
            zeros.
        has_any_weights: whether weights may be so large that a term is beyond the type's range.
        shares_sums: whether the kernels' windows share sums along each axis.
        standard_error: function of the inputs after the first. It returns how many times as large the error
            of standard operations may be.
    """

    value: Callable
    slopes: Callable
    roles: tuple = ()
    parameters: tuple = ()
    one_size: bool = False
    weighs_infinity: bool = False
    leaves_infinities_out: bool = False
    by_place: bool = False
    has_step: bool = False
    has_any_weights: bool = False
    shares_sums: bool = False
    standard_error: Callable = lambda *others: 1.0


def _standard(reduce, slopes, places=(), **others):
    """Returns the meaning of a pooling of `standard_oracle.py`, whose functions take the parameters."""

    def value(x, *parameters, windows):
        return standard_oracle.pool(x, *windows, reduce(*parameters))

    def gradients(x, *parameters, g, windows):
        return standard_gradients.gradients(x, g, *windows, slopes(*parameters), places)

    return Meaning(value, gradients, ("parameters",) * len(places), **others)


def _power(p):
    value, slopes = standard_oracle.power_average(p), standard_gradients.power_average(p)
    return _standard(lambda: value, lambda: slopes, has_step=True)


def _soft(gradient):
    return Meaning(
        lambda x, windows: oracle.soft_pool(x, *windows),
        lambda x, g, windows: [oracle.soft_pool_gradient(x, g, *windows, gradient)],
        shares_sums=True,
    )


def _sorted(normalize):
    def slopes(x, logits, g, windows):
        dx, dx_scale, dw, dw_scale = oracle.sorted_pool_gradient(x, logits, g, *windows, normalize)
        return [(dx, dx_scale), (dw, dw_scale)]

    return Meaning(
        lambda x, logits, windows: oracle.sorted_pool(x, logits, *windows, normalize),
        slopes,
        ("parameters",),
        tuple(_logits(scale, normalize) for scale in (0, 1, 30, 1e4, 1e30)),
        weighs_infinity=True,
        has_any_weights=normalize == "none",
        standard_error=_of_distant_logits if normalize == "softmax" else Meaning.standard_error,
    )


def _of_distant_logits(logits):
    # Kernels compute the softmax of ranks in float64. Elsewhere, a long distance of logits is rounded.
    distance = np.ptp(logits.astype("float64"), axis=0).max(initial=0)
    return 1 + min(distance, 745) / 16


def _logits(scale, normalize):
    """Returns a function that makes logits, for windows of all channels or for those of each channel."""

    def make(random, case, taps):
        ranks = int(random.integers(1, min(taps, 30) + 1))
        shape = (ranks, case.channels) if random.random() < 0.5 else (ranks,)
        return [random.normal(0, scale, shape)]

    return make


def _detail(guided, symmetric):
    def value(x, *others, windows):
        guide, alpha, lam = others if guided else (None, *others)
        return weighted_oracle.detail_preserving_pool(x, guide, alpha, lam, *windows, symmetric)

    def slopes(x, *others, g, windows):
        guide, alpha, lam = others if guided else (None, *others)
        return weighted_oracle.detail_preserving_pool_gradient(x, guide, alpha, lam, g, *windows, symmetric)

    roles = ("windows",) * guided + ("parameters",) * 2
    # Standard operations round a distance several times before they take its power.
    pairs = tuple(_alpha_and_lam(*pair) for pair in ALPHA_AND_LAM)
    return Meaning(value, slopes, roles, pairs, standard_error=lambda *others: 8.0)


# The scales of alpha and of lambda. A power of lambda times a number's logarithm may be very large.
ALPHA_AND_LAM = [(1, 0), (1e-3, 8), (1e-20, 1), (1e20, 2), (1, -3), (0, 30)]


def _alpha_and_lam(alpha, lam):
    return lambda random, case, taps: [
        scale * random.uniform(0.5, 1.5, case.channels) for scale in (alpha, lam)
    ]


def _of_channels(*ends):
    return tuple(
        lambda random, case, taps, low=low, high=high: [random.uniform(low, high, case.channels)]
        for low, high in ends
    )


def _gates(*scales):
    return tuple(
        lambda random, case, taps, scale=scale: [
            random.normal(0, scale, (*case.pool_size, case.channels)),
            random.normal(0, scale, case.channels),
        ]
        for scale in scales
    )


def _guide(x, kernel, windows):
    size = np.where(np.isfinite(x), np.abs(x), x)
    return (
        weighted_oracle.guide_of(x, kernel, *windows),
        weighted_oracle.guide_of(size, np.abs(kernel), *windows),
    )


def _guide_slopes(x, kernel, g, windows):
    return weighted_oracle.guide_gradient(x, kernel, g, *windows[:3])


def _drawn(x, windows):
    y, _ = standard_oracle.drawn(x, np.array([3, -5]), *windows)
    return y.astype("float64"), np.zeros(y.shape)


def _drawn_slopes(x, g, windows):
    _, masks = standard_oracle.drawn(x, np.array([3, -5]), *windows)
    dx, scale = np.zeros(x.shape), np.zeros(x.shape)
    for position, where, mask in masks:
        terms = mask * g[(slice(None), *position)].astype("float64")[:, None]
        dx[(slice(None), *where)] += terms.reshape(dx[(slice(None), *where)].shape)
        scale[(slice(None), *where)] += np.abs(terms).reshape(dx[(slice(None), *where)].shape)
    return [(dx, scale)]


def _guide_for_each_window(random, case, x, wide):
    return [x, *POOLINGS["detail"].others(random, case, x, wide)]


_POOLINGS = {
    **{name: pooling for name, pooling in POOLINGS.items() if name != "detail, guided"},
    "detail, guided": Pooling(
        "DetailPreservingPool", lambda *a: detail_inputs.pooling(*a), POOLINGS["detail"].others
    ),
    "detail, asymmetric": Pooling(
        "DetailPreservingPool",
        lambda *a: detail_inputs.pooling(*a, symmetric=False),
        POOLINGS["detail"].others,
    ),
    **{
        f"power average, {p}": Pooling(
            "PowerAveragePool", over_windows(lambda x, window, p=p: power_average_pool.pool(x, p, window))
        )
        for p in (1, 100, INF)
    },
}
# The poolings that are tried, by name.
TRIED = _POOLINGS

_EXPONENTS = _of_channels((1, 1), (2, 2), (1, 1.001), (50, 1000), (1.5, 3))
MEANINGS = {
    "soft": _soft("exact"),
    "soft, weights": _soft("weights"),
    "sorted": _sorted("softmax"),
    "sorted, no softmax": _sorted("none"),
    "importance": Meaning(
        lambda x, logits, windows: weighted_oracle.importance_pool(x, logits, *windows),
        lambda x, logits, g, windows: weighted_oracle.importance_pool_gradient(x, logits, g, *windows),
        ("taps",),
        weighs_infinity=True,
    ),
    "detail": _detail(guided=False, symmetric=True),
    "detail, asymmetric": _detail(guided=False, symmetric=False),
    "detail, guided": _detail(guided=True, symmetric=True),
    "sum": _standard(lambda: standard_oracle.total, lambda: standard_gradients.total),
    **{f"power average, {p}": _power(p) for p in (1, 2, 3.5, 100, INF)},
    "lp": _standard(
        standard_oracle.lp, standard_gradients.lp, (False,), parameters=_EXPONENTS, has_step=True
    ),
    "mixed": _standard(
        standard_oracle.mixed,
        standard_gradients.mixed,
        (False,),
        parameters=_of_channels((0, 0), (1, 1), (0.999, 1), (0, 1e-6)),
    ),
    "gated": _standard(
        standard_oracle.gated,
        standard_gradients.gated,
        (True, False),
        parameters=_gates(0, 1, 30, 1e-3),
        one_size=True,
    ),
    "expectation": _standard(
        lambda: standard_oracle.expectation, lambda: standard_gradients.expectation, has_step=True
    ),
    "drawn": Meaning(_drawn, _drawn_slopes, one_size=True, by_place=True, has_step=True),
    "learned guide": Meaning(
        _guide, _guide_slopes, ("parameters",), one_size=True, leaves_infinities_out=True
    ),
}
