"""The normalization of each channel of each example, for 8-bit integers."""

import math
from typing import Any

from keras import ops


def normalized(x: Any, scale: Any, offset: Any, epsilon: float) -> Any:
    """Returns `scale (x - mean) / sqrt(variance + epsilon) + offset`, over all spatial positions.

    Args:
        x: tensor `[batch, *spatial, channels]`, of which all sizes but the batch are known.
        scale: tensor `[channels]`.
        offset: tensor `[channels]`.
        epsilon: float.
    """
    *spatial, channels = x.shape[1:]
    flat = ops.reshape(x, (-1, math.prod(spatial), channels))
    away = flat - ops.mean(flat, axis=1, keepdims=True)
    variance = ops.mean(away * away, axis=1, keepdims=True)
    y = away * ops.rsqrt(variance + epsilon) * scale + offset
    return ops.reshape(y, (-1, *spatial, channels))
