"""The derivatives of the poolings of `standard_oracle.py`, in NumPy, from their formulas.

A function of slopes takes what a function that reduces a window takes. It returns the derivative of each
value `[batch, taps, channels]`, the scale of its rounding error, and a list with the derivative of each
parameter and the scale of its rounding error. Both are `[batch, channels]`, or `[batch, taps, channels]` for
a parameter of places.
"""

import numpy as np
import oracle
import standard_oracle
from weighted_oracle import _Sums


def gradients(x, g, pool_size, strides, padding, data_format, slopes, places=()):
    """Returns the gradient of x and those of the parameters, each with the scale of its rounding error.

    `places` has, for each parameter, whether it is one of places: its gradient is then `[places, channels]`.
    The values must be finite, or `-inf`, which counts as padding.
    """
    x, g = (oracle._channels_last(np.asarray(t).astype(np.longdouble), data_format) for t in (x, g))
    spatial, to_x = x.shape[1:-1], _Sums(x)
    rows = [int(np.prod(pool_size)) if of_places else 1 for of_places in places]
    sums = [np.zeros((n, x.shape[-1]), x.dtype) for n in rows]
    scales = [np.zeros_like(s) for s in sums]
    for position, where in oracle.windows(spatial, pool_size, strides, padding):
        a = oracle._taps(x, where)
        taps = standard_oracle._places(position, where, spatial, pool_size, strides, padding)
        to_window = g[(slice(None), *position)]
        present = a != -np.inf
        slope, size, parameters = slopes(np.where(present, a, 0), present, taps)
        slope, size = np.where(present, slope, 0), np.where(present, size, 0)
        to_x.add(where, to_window[:, None] * slope, np.abs(to_window)[:, None] * size)
        for total, scale, (terms, sizes) in zip(sums, scales, parameters, strict=True):
            row, to_terms = 0, to_window
            if terms.ndim == 3:
                row, to_terms = np.ravel_multi_index(taps, pool_size), to_window[:, None]
            total[row] += (to_terms * terms).sum(axis=0)
            scale[row] += np.abs(to_terms * sizes).sum(axis=0)
    results = [to_x.result(data_format)]
    for total, scale, of_places in zip(sums, scales, places, strict=True):
        pair = total.astype("float64"), scale.astype("float64")
        results.append(pair if of_places else tuple(v[0] for v in pair))
    return results


def total(a, present, places):
    """Slopes of sums."""
    return np.ones_like(a), np.ones_like(a), []


def _norm(a, p, count):
    size, over_p = np.abs(a), np.expand_dims(1 / p, 0)
    largest = size.max(axis=1, keepdims=True)
    # Sizes are divided by the largest one, so that no power leaves the range of the type.
    part = size / np.where(largest == 0, 1, largest)
    norm = ((part ** np.expand_dims(p, 0)).sum(axis=1, keepdims=True) / count) ** over_p
    part, y = part / np.where(norm == 0, 1, norm), (largest * norm)[:, 0]
    log = np.log(np.where(part > 0, part, 1))
    slope = np.sign(a) * part ** np.expand_dims(p - 1, 0) / count
    share = part ** np.expand_dims(p, 0) / count
    to_p = y / p * (share * log).sum(axis=1)
    # The error of a power grows with the logarithm of its base.
    of_p = y / p * (1 + (share * np.abs(log)).sum(axis=1))
    # A power multiplies the error of its base's logarithm. In float32 that is some 1e-7 for any base, as if
    # the last digit of the base had changed.
    of_logs = np.expand_dims(p, 0) * (np.abs(log) + 1 / 8)
    return slope, np.abs(slope) * (4 + of_logs), (to_p, of_p)


def power_average(p):
    """Slopes of `(sum |a|^p)^(1/p)`."""

    def slopes(a, present, places):
        if p == np.inf:
            largest = np.abs(a) == np.abs(a).max(axis=1, keepdims=True)
            slope = np.sign(a) * largest / largest.sum(axis=1, keepdims=True)
            return slope, np.abs(slope), []
        return *_norm(a, np.longdouble(p), 1)[:2], []

    return slopes


def lp(p):
    """Slopes of `(mean |a|^p)^(1/p)`, and of p, a number for each channel."""

    def slopes(a, present, places):
        slope, size, to_p = _norm(a, np.asarray(p, np.longdouble), _count(present))
        return slope, size, [to_p]

    return slopes


def _count(present):
    return np.maximum(present.sum(axis=1, keepdims=True), 1)


def _blend(a, present, mix, rest):
    most = np.where(present, a, -np.inf).max(axis=1, keepdims=True)
    largest = present & (a == most)
    share = largest / np.maximum(largest.sum(axis=1, keepdims=True), 1)
    slope = mix[:, None] * share + rest[:, None] / _count(present)
    mean = a.sum(axis=1, keepdims=True) / _count(present)
    distance = np.where(present.any(axis=1, keepdims=True), most, 0) - mean
    # The error of the difference grows with the values.
    return slope, distance[:, 0], 2 * np.abs(a).max(axis=1)


def mixed(mix):
    """Slopes of `mix max + (1 - mix) mean`, and of the mix, a number for each channel."""

    def slopes(a, present, places):
        shares = np.broadcast_to(np.asarray(mix, np.longdouble), a[:, 0].shape)
        slope, *to_mix = _blend(a, present, shares, 1 - shares)
        return slope, 2 * slope, [to_mix]

    return slopes


def gated(omega, bias):
    """Slopes of gated pooling, of `omega` and of `bias`. Both have an axis of channels."""

    def slopes(a, present, places):
        weights = omega[places].astype(np.longdouble)
        z = (weights * a).sum(axis=1) + bias
        with np.errstate(over="ignore"):
            mix, rest = 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(z))
        slope, distance, of_distance = _blend(a, present, mix, rest)
        # The rest is not the difference from one, which would lose its digits.
        to_z = (distance * mix * rest)[:, None]
        # An error in the gate's sum changes the mix in proportion.
        error = 2 + np.abs(weights * a).sum(axis=1, keepdims=True)
        size = (np.abs(slope) + np.abs(to_z * weights) + np.abs(distance)[:, None]) * error
        # An exponential ends at the smallest normal number.
        of_z = (of_distance * np.maximum(mix * rest, 1e-32))[:, None] * error
        return slope + to_z * weights, size, [(to_z * a, of_z * a), (to_z[:, 0], of_z[:, 0])]

    return slopes


def expectation(a, present, places):
    """Slopes of the expected value of stochastic pooling."""
    positive = np.maximum(a, 0)
    total = positive.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        y = (positive**2).sum(axis=1, keepdims=True) / total
        slope = np.where(a > 0, (2 * a - y) / total, 0)
        size = np.where(a > 0, (2 * a + y) / total, 0)
    even = present / _count(present)
    return np.where(total > 0, slope, even), np.where(total > 0, size, even), []
