"""The meaning of SoftPool and sorted-weight pooling in NumPy, written to be read and not to be fast.

Results are float64. They are computed in the machine's widest type, so that a float64 result can be judged to
its last digits, subnormal numbers included. Tensors are [batch, *spatial, channels]. Those with channels
first are moved to this order, and the results back.
"""

import itertools

import numpy as np


def window_range(o, length, size, stride, padding):
    """Returns the input positions of window `o` along one dimension, without padded positions."""
    before = 0
    if padding == "same":
        outputs = output_size(length, size, stride, padding)
        before = max((outputs - 1) * stride + size - length, 0) // 2
    start = o * stride - before
    return slice(max(start, 0), min(start + size, length))


def output_size(length, size, stride, padding):
    """Returns the number of windows along one dimension."""
    if padding == "same":
        return -(-length // stride)
    return (length - size) // stride + 1


def windows(spatial, pool_size, strides, padding):
    """Yields each window's position in the output, and its slices of the input."""
    sizes = [output_size(*args, padding) for args in zip(spatial, pool_size, strides, strict=True)]
    for position in itertools.product(*map(range, sizes)):
        dimensions = zip(position, spatial, pool_size, strides, strict=True)
        yield position, tuple(window_range(*args, padding) for args in dimensions)


def adaptive_windows(spatial, output_size):
    """Yields the same as `windows` for adaptive windows: those of a given number along each dimension."""
    for position in itertools.product(*map(range, output_size)):
        dimensions = zip(position, spatial, output_size, strict=True)
        yield position, tuple(slice(o * n // m, -(-(o + 1) * n // m)) for o, n, m in dimensions)


def softmax(a):
    """Returns the softmax over axis 1. Values that equal an infinite maximum share the weight."""
    largest = a.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        distance = np.where(a == largest, 0.0, a - largest)
    e = np.exp(distance)
    return e / e.sum(axis=1, keepdims=True)


def _product(weight, value):
    """Returns weight * value, or zero if the weight is zero, even for an infinite value."""
    with np.errstate(invalid="ignore"):
        return np.where(weight == 0, 0.0, weight * value)


def _taps(x, where):
    """Returns a window's values as [batch, taps, channels]."""
    return x[(slice(None), *where)].reshape(x.shape[0], -1, x.shape[-1])


def _channels_last(x, data_format):
    return np.moveaxis(x, 1, -1) if data_format == "channels_first" else x


def _as(x, data_format):
    x = x.astype(np.float64)
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def soft_pool(x, pool_size, strides, padding, data_format):
    """Returns y = sum_i w_i a_i and the scale of its rounding error.

    The scale is sum_i w_i |a_i|, or with distances from the largest value where these are larger.
    """
    x = _channels_last(x.astype(np.longdouble), data_format)
    spatial = x.shape[1:-1]
    out = [output_size(*args, padding) for args in zip(spatial, pool_size, strides, strict=True)]
    y = np.empty((x.shape[0], *out, x.shape[-1]), x.dtype)
    scale = np.empty_like(y)
    for position, where in windows(spatial, pool_size, strides, padding):
        a = _taps(x, where)
        w = softmax(a)
        # The largest value is taken out of the sum, so that an offset of all values costs no precision.
        m = a.max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            distance = np.where(a == m, 0.0, a - m)
        y[(slice(None), *position)] = m[:, 0] + _product(w, distance).sum(axis=1)
        size = np.maximum(np.abs(a), np.abs(distance))
        scale[(slice(None), *position)] = _product(w, size).sum(axis=1)
    return _as(y, data_format), _as(scale, data_format)


def soft_pool_gradient(x, g, pool_size, strides, padding, data_format, gradient):
    """Returns dL/da_i = sum over windows of g w_i (1 + a_i - y), or of g w_i for "weights".

    Also returns the scale of the rounding error, the sum of the terms' sizes.
    """
    x = _channels_last(x.astype(np.longdouble), data_format)
    g = _channels_last(g.astype(np.longdouble), data_format)
    result, scale = np.zeros_like(x), np.zeros_like(x)
    for position, where in windows(x.shape[1:-1], pool_size, strides, padding):
        a = _taps(x, where)
        w = softmax(a)
        m = a.max(axis=1, keepdims=True)
        to_window = g[(slice(None), *position)][:, None]
        with np.errstate(invalid="ignore"):
            distance = np.where(a == m, 0.0, a - m)
        from_mean = distance - _product(w, distance).sum(axis=1, keepdims=True)
        slope = 1 + from_mean if gradient == "exact" else np.ones_like(a)
        # Rounding a distance gives its exponential a relative error that grows with the distance. So weights
        # below e^-8 have larger relative errors than the sum.
        size = (1 + np.abs(from_mean)) * np.maximum(1, np.abs(distance) / 8)
        shape = result[(slice(None), *where)].shape
        result[(slice(None), *where)] += (to_window * _product(w, slope)).reshape(shape)
        scale[(slice(None), *where)] += (np.abs(to_window) * _product(w, size)).reshape(shape)
    overlap = any(window > stride for window, stride in zip(pool_size, strides, strict=True))
    if overlap and gradient == "exact":
        # Such gradients are differences of sums that windows share. The terms are as large as distances from
        # a number that all windows of a block share, at most 24.
        scale *= 4
    return _as(result, data_format), _as(scale, data_format)


def _ranks(a, logits, normalize):
    """Sorts windows in decreasing order, and computes the weights of the ranks.

    `a` is [batch, taps, channels], and `logits` is [ranks] or [ranks, channels]. Equal values keep their
    order. Values of -inf count as absent, unless a window has no others. Ranks without a value have weight
    zero.

    Returns:
        The order, the sorted values and the weights, all [batch, taps, channels].
    """
    order = np.argsort(-a, axis=1, kind="stable")
    ranked = np.take_along_axis(a, order, axis=1)
    count = (a > -np.inf).sum(axis=1, keepdims=True)
    count = np.where(count == 0, a.shape[1], count)
    ranks = np.arange(a.shape[1])[None, :, None]
    kept = np.broadcast_to((ranks < count) & (ranks < len(logits)), a.shape)
    w = np.zeros(a.shape[1:], a.dtype)
    part = logits[: a.shape[1]].astype(a.dtype)
    w[: len(part)] = part if part.ndim == 2 else part[:, None]
    if normalize == "none":
        return order, ranked, np.where(kept, w, 0)
    weights = softmax(np.where(kept, w, -np.inf))
    return order, ranked, np.where(kept, weights, 0)


@np.errstate(invalid="ignore")  # the sum of infinities of both signs is NaN
def sorted_pool(x, logits, pool_size, strides, padding, data_format, normalize="softmax"):
    """Returns y = sum_r p_r a_(r) and the scale of its rounding error, sum_r |p_r a_(r)|."""
    x = _channels_last(x.astype(np.longdouble), data_format)
    spatial = x.shape[1:-1]
    out = [output_size(*args, padding) for args in zip(spatial, pool_size, strides, strict=True)]
    y = np.empty((x.shape[0], *out, x.shape[-1]), x.dtype)
    scale = np.empty_like(y)
    for position, where in windows(spatial, pool_size, strides, padding):
        a = _taps(x, where)
        _, ranked, p = _ranks(a, logits, normalize)
        terms = np.where(np.isnan(a).any(axis=1, keepdims=True), np.nan, _product(p, ranked))
        nothing = (a == -np.inf).all(axis=1)
        y[(slice(None), *position)] = np.where(nothing, -np.inf, terms.sum(axis=1))
        scale[(slice(None), *position)] = np.abs(terms).sum(axis=1)
    return _as(y, data_format), _as(scale, data_format)


def sorted_pool_gradient(x, logits, g, pool_size, strides, padding, data_format, normalize="softmax"):
    """Returns the gradients of x and of the logits.

    dL/da_(r) is the sum over windows of g p_r. dL/dw_r is the sum over windows of g p_r (a_(r) - y), or of
    g a_(r) for "none".

    Returns:
        The gradient of x, the scale of its rounding error, and the same two for the logits.
    """
    x = _channels_last(x.astype(np.longdouble), data_format)
    g = _channels_last(g.astype(np.longdouble), data_format)
    dx, dx_scale = np.zeros_like(x), np.zeros_like(x)
    dw = np.zeros((len(logits), x.shape[-1]), x.dtype)
    dw_scale = np.zeros_like(dw)
    for position, where in windows(x.shape[1:-1], pool_size, strides, padding):
        a = _taps(x, where)
        order, ranked, p = _ranks(a, logits, normalize)
        to_window = g[(slice(None), *position)][:, None]
        to_taps = np.empty_like(a)
        np.put_along_axis(to_taps, order, to_window * p, axis=1)
        shape = dx[(slice(None), *where)].shape
        dx[(slice(None), *where)] += to_taps.reshape(shape)
        dx_scale[(slice(None), *where)] += np.abs(to_taps).reshape(shape)
        if normalize == "none":
            kept = np.arange(a.shape[1])[None, :, None] < (a > -np.inf).sum(axis=1, keepdims=True)
            terms = np.where(kept, to_window * ranked, 0)
            size = np.abs(terms)
        else:
            # Distances are measured from the value with the largest weight, so that offsets and outliers cost
            # no precision.
            most = np.take_along_axis(ranked, p.argmax(axis=1)[:, None], axis=1)
            with np.errstate(invalid="ignore"):
                distance = np.where(ranked == most, 0, ranked - most)
                distance = distance - _product(p, distance).sum(axis=1, keepdims=True)
            terms = to_window * _product(p, distance)
            spread = _product(p, np.abs(distance)).sum(axis=1, keepdims=True)
            size = np.abs(to_window) * _product(p, np.abs(distance) + spread)
        part = min(len(logits), a.shape[1])
        dw[:part] += terms.sum(axis=0)[:part]
        dw_scale[:part] += size.sum(axis=0)[:part]
    if logits.ndim == 1:
        dw, dw_scale = dw.sum(axis=1), dw_scale.sum(axis=1)
    return *(_as(v, data_format) for v in (dx, dx_scale)), *(v.astype(np.float64) for v in (dw, dw_scale))
