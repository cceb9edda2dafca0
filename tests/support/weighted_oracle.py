"""The meaning of importance pooling and detail-preserving pooling in NumPy: see `oracle.py`.

Each function takes tensors as [batch, *spatial, channels] or with channels first, and returns pairs of
float64
arrays: a result and the scale of its rounding error.
"""

import itertools

import numpy as np
from oracle import _as, _channels_last, _product, _taps, output_size, softmax, windows

EPSILON = 1e-3


class _Sums:
    """A tensor's gradient, which is added up window by window, and the sum of its terms' sizes."""

    def __init__(self, x):
        self.value, self.scale = np.zeros_like(x), np.zeros_like(x)

    def add(self, where, terms, sizes):
        """Adds terms [batch, taps, channels] to a window's positions."""
        shape = self.value[(slice(None), *where)].shape
        self.value[(slice(None), *where)] += terms.reshape(shape)
        self.scale[(slice(None), *where)] += sizes.reshape(shape)

    def result(self, data_format):
        """Returns the gradient and its scale."""
        return _as(self.value, data_format), _as(self.scale, data_format)


def _wide(data_format, *tensors):
    return [_channels_last(np.asarray(t).astype(np.longdouble), data_format) for t in tensors]


def _pooled(x, pool_size, strides, padding):
    spatial = x.shape[1:-1]
    out = [output_size(*args, padding) for args in zip(spatial, pool_size, strides, strict=True)]
    return np.empty((x.shape[0], *out, x.shape[-1]), x.dtype)


def _importance(a, logits):
    """Returns the weights of a window's values: the softmax of the logits. A value of -inf has none."""
    kept = a != -np.inf
    logits = np.where(kept, logits, -np.inf)
    # Logits that are all -inf are equal.
    logits = np.where(kept & (logits == -np.inf).all(axis=1, keepdims=True), 0, logits)
    return np.where(kept, softmax(logits), 0), np.where(kept, a, 0), logits


def _of_distance(w, logits):
    """Returns the relative errors of weights, as factors of the usual one.

    Rounding a distance gives its exponential a relative error that grows with the distance.
    """
    most = logits.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.maximum(1, np.where((logits == most) | (w == 0), 0, np.abs(logits - most)) / 5)


def importance_pool(x, logits, pool_size, strides, padding, data_format):
    """Returns y = sum_i w_i x_i with w = softmax(logits), and the sum of the errors of w_i x_i."""
    x, logits = _wide(data_format, x, logits)
    y = _pooled(x, pool_size, strides, padding)
    scale = np.empty_like(y)
    for position, where in windows(x.shape[1:-1], pool_size, strides, padding):
        w, a, b = _importance(_taps(x, where), _taps(logits, where))
        nothing = (_taps(x, where) == -np.inf).all(axis=1)
        y[(slice(None), *position)] = np.where(nothing, -np.inf, _product(w, a).sum(axis=1))
        # Overlapping windows add up distances from the value with the largest logit.
        heaviest = np.take_along_axis(np.where(w > 0, a, 0), b.argmax(axis=1)[:, None], axis=1)
        sizes = np.abs(a) + np.abs(heaviest)
        scale[(slice(None), *position)] = _product(w * _of_distance(w, b), sizes).sum(axis=1)
    return _as(y, data_format), _as(scale, data_format)


def importance_pool_gradient(x, logits, g, pool_size, strides, padding, data_format):
    """Returns the gradients of x and of the logits.

    dL/dx_i is the sum over windows of g w_i, and dL/dl_i the sum over windows of g w_i (x_i - y).

    Returns:
        A list of two pairs, for x and for the logits: the gradient and its scale.
    """
    x, logits, g = _wide(data_format, x, logits, g)
    to_x, to_logits = _Sums(x), _Sums(x)
    for position, where in windows(x.shape[1:-1], pool_size, strides, padding):
        w, a, b = _importance(_taps(x, where), _taps(logits, where))
        distance = _of_distance(w, b)
        to_window = g[(slice(None), *position)][:, None]
        # Values are taken relative to the value with the largest logit. So an offset costs no precision
        # except that of a remainder.
        remainder = np.abs(a) * np.finfo("float32").eps
        a = a - np.take_along_axis(a, b.argmax(axis=1)[:, None], axis=1)
        from_mean = a - (w * a).sum(axis=1, keepdims=True)
        # The mean is a sum, which has errors of its own.
        spread = 2 * (w * np.abs(from_mean) * distance + w * remainder).sum(axis=1, keepdims=True)
        to_x.add(where, to_window * w, np.abs(to_window) * w * distance)
        to_logits.add(
            where,
            to_window * w * from_mean,
            np.abs(to_window) * w * ((np.abs(a) + np.abs(from_mean)) * distance + spread + remainder),
        )
    return [to_x.result(data_format), to_logits.result(data_format)]


class _Details:
    """The weights of one window, and the terms of their derivatives. `guide` is None for the average.

    Values of -inf are left out: they are `kept` nowhere, and have no weight and no slope.
    """

    def __init__(self, a, guide, alpha, lam, symmetric):
        self.kept = a > -np.inf
        self.count = np.maximum(self.kept.sum(axis=1, keepdims=True), 1)
        empty = ~self.kept.any(axis=1, keepdims=True)
        a = np.where(self.kept, a, 0)
        self.guide = a.sum(axis=1, keepdims=True) / self.count if guide is None else guide[:, None]
        detail = np.where(self.kept, a - self.guide, 0)
        self.detail = detail if symmetric else np.maximum(detail, 0)
        base = self.detail**2 + np.longdouble(EPSILON) ** 2
        self.log = np.log(base) / 2
        # Weights are divided by the largest one, so that no power overflows.
        with np.errstate(divide="ignore"):
            powers = np.where(self.kept, lam * self.log, -np.inf)
            largest = np.maximum(powers.max(axis=1, keepdims=True), np.log(alpha))
        self.rho = np.exp(powers - largest)
        self.w = np.where(self.kept, alpha * np.exp(-largest) + self.rho, 0)
        self.per_alpha = np.exp(-largest)
        self.total = np.where(empty, 1, self.w.sum(axis=1, keepdims=True))
        self.slope = lam * self.rho * self.detail / base
        y = (self.w * a).sum(axis=1, keepdims=True) / self.total
        self.y = np.where(empty, -np.inf, y)
        self.away = np.where(self.kept, a - y, 0)
        # A detail is a difference, and has the rounding errors of the two numbers.
        error = np.abs(a) + np.abs(self.guide)
        self.w_error = np.abs(self.slope) * error + self.rho * (1 + np.abs(lam) * (1 + np.abs(self.log)) / 8)
        self.y_error = (np.abs(self.w * a) + self.w_error * np.abs(self.away)).sum(axis=1, keepdims=True)
        self.y_error = self.y_error / self.total
        self.slope_error = np.abs(lam) * self.rho / base * error * (1 + np.abs(lam)) + np.abs(self.slope)


def _window(tensor, position):
    return None if tensor is None else tensor[(slice(None), *position)]


def detail_preserving_pool(x, guide, alpha, lam, pool_size, strides, padding, data_format, symmetric):
    """Returns y = sum_i w_i x_i / sum_i w_i with w_i = alpha + rho(x_i - guide), and its scale."""
    (x,) = _wide(data_format, x)
    guide = None if guide is None else _wide(data_format, guide)[0]
    alpha, lam = np.longdouble(alpha), np.longdouble(lam)
    y = _pooled(x, pool_size, strides, padding)
    scale = np.empty_like(y)
    for position, where in windows(x.shape[1:-1], pool_size, strides, padding):
        d = _Details(_taps(x, where), _window(guide, position), alpha, lam, symmetric)
        y[(slice(None), *position)] = d.y[:, 0]
        scale[(slice(None), *position)] = d.y_error[:, 0]
    return _as(y, data_format), _as(scale, data_format)


def detail_preserving_pool_gradient(
    x, guide, alpha, lam, g, pool_size, strides, padding, data_format, symmetric
):
    """Returns the gradients of x, the guide if there is one, alpha and lambda, each with its scale."""
    x, g = _wide(data_format, x, g)
    guide = None if guide is None else _wide(data_format, guide)[0]
    alpha, lam = np.longdouble(alpha), np.longdouble(lam)
    to_x, to_guide, to_alpha, to_lam = _Sums(x), _Sums(g), _Sums(alpha), _Sums(lam)
    for position, where in windows(x.shape[1:-1], pool_size, strides, padding):
        d = _Details(_taps(x, where), _window(guide, position), alpha, lam, symmetric)
        scaled = g[(slice(None), *position)][:, None] / d.total
        size = np.abs(scaled)
        away = np.abs(d.away) + d.y_error
        to_detail, error = d.slope * d.away, d.slope_error * away
        all_details, all_errors = to_detail.sum(axis=1, keepdims=True), error.sum(axis=1, keepdims=True)
        of_total = d.w_error.sum(axis=1, keepdims=True) / d.total
        share = 0 if guide is not None else d.kept * all_details / d.count
        terms = scaled * (d.w + to_detail - share)
        errors = (
            d.w + d.w_error + error + d.kept * all_errors / d.count + (d.w + np.abs(to_detail)) * of_total
        )
        to_x.add(where, terms, size * errors)
        to_guide.value[(slice(None), *position)] = -(scaled * all_details)[:, 0]
        to_guide.scale[(slice(None), *position)] = (size * all_errors * (1 + of_total))[:, 0]
        to_alpha.value += (scaled * d.per_alpha * d.away).sum(axis=(0, 1))
        to_alpha.scale += (size * d.per_alpha * away * (1 + of_total)).sum(axis=(0, 1))
        to_lam.value += (scaled * d.away * d.rho * d.log).sum(axis=(0, 1))
        # The logarithm of a number near one has that number's rounding error.
        logs = np.abs(d.log) * d.w_error + d.rho * (np.abs(d.log) + 1 / 8) + np.abs(d.slope) * 2
        to_lam.scale += (size * away * logs * (1 + of_total)).sum(axis=(0, 1))
    results = [to_x.result(data_format)]
    if guide is not None:
        results.append(to_guide.result(data_format))
    return [*results, *((s.value.astype(np.float64), s.scale.astype(np.float64)) for s in (to_alpha, to_lam))]


def _around(spatial, pool_size, strides, padding):
    """Yields each window's position in the output, and the places around its centre that the input has.

    A place is an index of the kernel, and the position in the input.
    """
    out, before = [], []
    for n, size, stride in zip(spatial, pool_size, strides, strict=True):
        out.append(output_size(n, size, stride, padding))
        missing = max((out[-1] - 1) * stride + size - n, 0)
        before.append(missing // 2 if padding == "same" else 0)
    for o in itertools.product(*map(range, out)):
        starts = [i * stride - first for i, stride, first in zip(o, strides, before, strict=True)]
        places = []
        for tap in itertools.product(range(3), repeat=len(spatial)):
            at = [a + size // 2 + t - 1 for a, size, t in zip(starts, pool_size, tap, strict=True)]
            if all(0 <= i < n for i, n in zip(at, spatial, strict=True)):
                places.append((tap, (slice(None), *at)))
        yield (slice(None), *o), places


def _factor(x, places):
    """Returns what makes up for the values that a window lacks."""
    present = sum(np.isfinite(x[at]).astype(np.longdouble) for _, at in places)
    return 3 ** (x.ndim - 2) / np.maximum(present, 1)


def guide_of(x, kernel, pool_size, strides, padding, data_format="channels_last"):
    """Computes a learned guide: at each window's centre, the sum of the values around it times the kernel."""
    (x,) = _wide(data_format, x)
    guide = _pooled(x, pool_size, strides, padding)
    for position, places in _around(x.shape[1:-1], pool_size, strides, padding):
        guide[position] = 0
        for tap, at in places:
            guide[position] += np.where(np.isfinite(x[at]), x[at], 0) * kernel[tap]
        guide[position] *= _factor(x, places)
    with np.errstate(over="ignore"):
        return _as(guide, data_format)


def guide_gradient(x, kernel, g, pool_size, strides, padding):
    """Returns the gradients of x and of the kernel, each with the sum of its terms' sizes."""
    x, kernel, g = _wide("channels_last", x, kernel, g)
    results = [np.zeros_like(t) for t in (x, x, kernel, kernel)]
    for position, places in _around(x.shape[1:-1], pool_size, strides, padding):
        to_sum = g[position] * _factor(x, places)
        for tap, at in places:
            present = np.isfinite(x[at])
            to_x = np.where(present, to_sum * kernel[tap], 0)
            to_kernel = (to_sum * np.where(present, x[at], 0)).sum(axis=0)
            of_kernel = np.abs(to_sum * np.where(present, x[at], 0)).sum(axis=0)
            terms = (to_x, np.abs(to_x), to_kernel, of_kernel)
            for result, where, term in zip(results, (at, at, tap, tap), terms, strict=True):
                result[where] += term
    with np.errstate(over="ignore"):
        dx, dx_scale, dk, dk_scale = (v.astype(np.float64) for v in results)
    return [(dx, dx_scale), (dk, dk_scale)]
