"""Masks of sequences, and what each pooling of masked sequences gives in NumPy."""

import numpy as np
import oracle
import standard_oracle
import weighted_oracle

# Masks of nine steps for two examples. Words are padded behind or in front. Some windows keep no step.
MASKS = {
    "behind": ["111110000", "111111111"],
    "in front": ["000000111", "011111111"],
    "between": ["110001101", "101010101"],
    "nothing": ["000000000", "000010000"],
}
STEPS = 9
# The size and the strides of windows, and the padding.
WINDOWS = [(2, 2, "valid"), (3, 2, "same"), (3, 1, "same"), (2, 3, "valid"), (4, 1, "valid"), (12, 5, "same")]
# By the name of a pooling, the arguments of its layer.
ARGUMENTS = {
    "DetailPreservingPooling": {"symmetric": False},
    "DetailPreservingPooling, full": {"variant": "full"},
    "GatedPooling": {},
    "LocalImportancePooling": {},
    "LpPooling": {"per_channel": True},
    "MedianPooling": {},
    "MixedPooling": {"per_channel": True},
    "PowerAveragePooling": {"p": 3.0},
    "SoftPooling": {},
    "SortedPooling": {"per_channel": True},
    "StochasticPooling": {},
    "SumPooling": {},
}


def mask_named(name):
    """Returns a mask of the table as bool array."""
    return np.array([[step == "1" for step in row] for row in MASKS[name]])


def sequences(channels=3):
    """Returns float64 values for the masks."""
    return np.random.default_rng(3).normal(0, 1.5, (2, STEPS, channels))


def kept_windows(mask, size, strides, padding):
    """Returns which windows have a step that the mask is True for."""
    windows = oracle.windows(mask.shape[1:], (size,), (strides,), padding)
    return np.stack([mask[:, part].any(axis=1) for _, (part,) in windows], axis=1)


def logits_of(x, mask, kernel, gamma, beta):
    """Computes the logits of local importance pooling: the network sees zeros for masked steps.

    It normalizes the steps that the mask is True for.
    """
    x = np.where(mask[..., None], x, 0)
    size = kernel.shape[0]
    padded = np.pad(x, [(0, 0), ((size - 1) // 2, size // 2), (0, 0)])
    y = sum(padded[:, t : t + x.shape[1]] @ kernel[t] for t in range(size))
    for example, kept in zip(y, mask, strict=True):
        part = example[kept] if kept.any() else np.zeros_like(example)
        example -= part.mean(axis=0)
        example /= np.sqrt(part.var(axis=0) + 1e-3)
    return 12 / (1 + np.exp(-(gamma * y + beta)))


def pooled(name, layer, x, mask, size, strides, padding):
    """Returns what a layer must give for sequences with channels last: each window without its masked steps.

    A window without any step gives zero.
    """
    window = (size,), (strides,), padding, "channels_last"
    absent = np.where(mask[..., None], x, -np.inf)
    y = _POOLED[name](layer, absent, mask, window)
    return np.where(kept_windows(mask, size, strides, padding)[..., None], y, 0)


def _standard(reduce):
    return lambda layer, x, mask, window: standard_oracle.pool(x, *window, reduce(layer))[0]


def _sorted(layer, x, mask, window):
    return oracle.sorted_pool(x, np.asarray(layer.rank_logits), *window)[0]


def _importance(layer, x, mask, window):
    logits = np.where(mask[..., None], logits_of(x, mask, *map(np.asarray, layer.weights)), -np.inf)
    return weighted_oracle.importance_pool(np.where(mask[..., None], x, 0), logits, *window)[0]


def _detail(layer, x, mask, window):
    guide = None
    if layer.variant == "full":
        guide = weighted_oracle.guide_of(x, np.asarray(layer.guide_kernel), *window)
    alpha, lam = np.exp(layer.log_alpha), np.exp(layer.log_lambda)
    return weighted_oracle.detail_preserving_pool(x, guide, alpha, lam, *window, layer.symmetric)[0]


def _median(layer, x, mask, window):
    def reduce(a, present, places):
        values = np.where(present, a, np.nan)
        # A window without steps gives zero, and NumPy would warn.
        y = np.nanmedian(np.where(np.isnan(values).all(axis=1, keepdims=True), 0.0, values), axis=1)
        return np.nan_to_num(y), np.zeros_like(y)

    return standard_oracle.pool(x, *window, reduce)[0]


_POOLED = {
    "DetailPreservingPooling": _detail,
    "DetailPreservingPooling, full": _detail,
    "GatedPooling": _standard(
        lambda layer: standard_oracle.gated(np.asarray(layer.omega), float(layer.bias))
    ),
    "LocalImportancePooling": _importance,
    "LpPooling": _standard(lambda layer: standard_oracle.lp(np.asarray(layer.p))),
    "MedianPooling": _median,
    "MixedPooling": _standard(lambda layer: standard_oracle.mixed(np.asarray(layer.mix))),
    "PowerAveragePooling": _standard(lambda layer: standard_oracle.power_average(layer.p)),
    "SoftPooling": lambda layer, x, mask, window: oracle.soft_pool(x, *window)[0],
    "SortedPooling": _sorted,
    "StochasticPooling": _standard(lambda layer: standard_oracle.expectation),
    "SumPooling": _standard(lambda layer: standard_oracle.total),
}
