"""The meaning of the poolings of standard operations in NumPy. See `oracle.py` for the conventions."""

import numpy as np
import oracle


def pool(x, pool_size, strides, padding, data_format, reduce):
    """Pools each window with a function of its values.

    `reduce(a, present, places)` gets the values `[batch, taps, channels]`, with zeros instead of infinities
    and NaN. `present` is False where a value is `-inf`, and `places` has the taps' positions in the window.
    `reduce` returns the window's value and the scale of its rounding error, both `[batch, channels]`.
    """
    x = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
    x = x.astype(np.longdouble)
    spatial = x.shape[1:-1]
    out = [oracle.output_size(*args, padding) for args in zip(spatial, pool_size, strides, strict=True)]
    y = np.empty((x.shape[0], *out, x.shape[-1]), x.dtype)
    scale = np.empty_like(y)
    for position, where in oracle.windows(spatial, pool_size, strides, padding):
        a = x[(slice(None), *where)].reshape(x.shape[0], -1, x.shape[-1])
        present = a != -np.inf
        places = _places(position, where, spatial, pool_size, strides, padding)
        value, size = reduce(np.where(np.isfinite(a), a, 0), present, places)
        value = np.where((a == np.inf).any(axis=1), np.inf, value)
        value = np.where(present.any(axis=1), value, -np.inf)
        y[(slice(None), *position)] = np.where(np.isnan(a).any(axis=1), np.nan, value)
        scale[(slice(None), *position)] = size
    y, scale = y.astype(np.float64), scale.astype(np.float64)
    if data_format == "channels_first":
        return np.moveaxis(y, -1, 1), np.moveaxis(scale, -1, 1)
    return y, scale


def _places(position, where, spatial, pool_size, strides, padding):
    """Returns the positions of a window's taps in a whole window, as indices of `pool_size`.

    A window at the border has fewer taps than a whole window.
    """
    ranges = []
    for o, part, length, size, stride in zip(position, where, spatial, pool_size, strides, strict=True):
        before = 0
        if padding == "same":
            outputs = oracle.output_size(length, size, stride, padding)
            before = max((outputs - 1) * stride + size - length, 0) // 2
        ranges.append(np.arange(part.start, part.stop) - (o * stride - before))
    return tuple(grid.ravel() for grid in np.meshgrid(*ranges, indexing="ij"))


def total(a, present, places):
    """Reduces a window to its sum."""
    return a.sum(axis=1), np.abs(a).sum(axis=1)


def _norm(a, p, count):
    largest = np.abs(a).max(axis=1, keepdims=True)
    part = np.abs(a) / np.where(largest == 0, 1, largest)
    y = largest[:, 0] * ((part ** np.expand_dims(p, 0)).sum(axis=1) / count) ** (1 / p)
    return y, 2 * y


def power_average(p):
    """Returns a function that reduces a window to `(sum |a|^p)^(1/p)`."""
    return lambda a, present, places: _norm(a, np.longdouble(p), 1)


def lp(p):
    """Returns a function that reduces a window to `(mean |a|^p)^(1/p)`.

    `p` is a number or one for each channel.
    """
    return lambda a, present, places: _norm(a, np.asarray(p, np.longdouble), _count(present))


def _count(present):
    return np.maximum(present.sum(axis=1), 1)


def _blend(a, present, mix):
    largest = np.where(present, a, -np.inf).max(axis=1)
    largest = np.where(np.isfinite(largest), largest, 0)
    return mix * largest + (1 - mix) * a.sum(axis=1) / _count(present), 2 * np.abs(a).max(axis=1)


def mixed(mix):
    """Returns a function that reduces a window to `mix max + (1 - mix) mean`.

    `mix` is a number or one for each channel.
    """
    return lambda a, present, places: _blend(a, present, mix)


def gated(omega, bias):
    """Returns the same function as `mixed`, with `mix = sigmoid(<omega, a> + bias)`.

    `omega` is shared by all channels, or has a last axis for channels.
    """

    def reduce(a, present, places):
        weights = omega[places].astype(np.longdouble)
        weights = weights if weights.ndim == 2 else weights[:, None]
        y, size = _blend(a, present, 1 / (1 + np.exp(-(weights * a).sum(axis=1) - bias)))
        # An error in the gate's sum changes the mix by at most a quarter of the error.
        return y, size * (1 + np.abs(weights * a).sum(axis=1))

    return reduce


def expectation(a, present, places):
    """Reduces a window to the expected value of stochastic pooling."""
    positive = np.maximum(a, 0)
    none = (positive.sum(axis=1) == 0)[:, None]
    p = np.where(none, present, positive)
    p = p / np.maximum(p.sum(axis=1, keepdims=True), np.finfo(p.dtype).tiny)
    return (p * a).sum(axis=1), 2 * np.abs(a).max(axis=1)


def philox(key, index):
    """Returns the random number of a window, from 0 to less than 1, by its index in the output.

    It is a word of the generator Philox 4x32 with ten rounds: of the counter `index // 4`.
    """
    words, low = [index // 4 & 0xFFFFFFFF, index // 4 >> 32, 0, 0], 0xFFFFFFFF
    key = [int(k) & low for k in key]
    for _ in range(10):
        first, third = 0xD2511F53 * words[0], 0xCD9E8D57 * words[2]
        words = [third >> 32 ^ words[1] ^ key[0], third & low, first >> 32 ^ words[3] ^ key[1], first & low]
        key = [key[0] + 0x9E3779B9 & low, key[1] + 0xBB67AE85 & low]
    return (words[index % 4] & 0x7FFFFF) / 2**23


def drawn(x, key, pool_size, strides, padding, data_format):
    """Returns which values stochastic pooling draws, and a mask of them for each window.

    Weights are added in the type that kernels compute in, because a draw depends on the last bit.

    Returns:
        The drawn values, in the pooled shape, and a list of a window's slices and the mask of its values
        `[batch, taps, channels]`.
    """
    shape = x.shape
    x = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
    x = x.astype("float64" if x.dtype == np.float64 else "float32")
    spatial = x.shape[1:-1]
    out = [oracle.output_size(*args, padding) for args in zip(spatial, pool_size, strides, strict=True)]
    indices = np.arange(shape[0] * int(np.prod(out)) * x.shape[-1])
    if data_format == "channels_first":
        indices = np.moveaxis(indices.reshape(shape[0], shape[1], *out), 1, -1)
    indices = indices.reshape(shape[0], *out, x.shape[-1])
    y, masks = np.empty(indices.shape, x.dtype), []
    for position, where in oracle.windows(spatial, pool_size, strides, padding):
        a = x[(slice(None), *where)].reshape(x.shape[0], -1, x.shape[-1])
        at = indices[(slice(None), *position)]
        u = np.vectorize(lambda i: philox(key, int(i)))(at).astype(x.dtype)
        positive = np.maximum(a, 0)
        largest = positive.max(axis=1, keepdims=True)
        some = largest > 0
        weights = np.where(some, positive / np.where(some, largest, 1), a > -np.inf).astype(x.dtype)
        until = np.cumsum(weights, axis=1, dtype=x.dtype)
        above = (weights > 0) & (until > (u * until[:, -1])[:, None])
        mask = above & (np.cumsum(above, axis=1) == 1)
        masks.append((position, where, mask))
        nothing = (a == -np.inf).all(axis=1)
        y[(slice(None), *position)] = np.where(nothing, -np.inf, np.where(mask, a, 0).sum(axis=1))
    return (np.moveaxis(y, -1, 1) if data_format == "channels_first" else y), masks
