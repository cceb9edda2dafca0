"""The learned guide of detail-preserving pooling: a depthwise convolution around each window's centre."""

import functools
from typing import Any

from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.arguments import compute_dtype, per_channel
from tf_softpool.ops.portable.integers import details, door
from tf_softpool.ops.portable.sums import total_of_products
from tf_softpool.ops.portable.taps import TAPS, along_channels, as_pooled, surroundings
from tf_softpool.ops.window import PoolWindow

# The number of positions around a window's centre, along each spatial dimension.
SIZE = 3


def learned_guide(x: Any, kernel: Any, window: PoolWindow) -> Any:
    """Returns a guide for each window: the weighted sum of the values around the window's centre.

    Positions outside the input and infinite values take no part. The sum over the other positions is scaled
    up to make up for them. Source: Saeedan, Weber, Goesele and Roth, "Detail-preserving pooling in deep
    networks".

    Args:
        x: tensor.
        kernel: tensor of shape `[3, ..., channels]`, with an axis of 3 for each spatial dimension.
        window: a `PoolWindow`.
    """
    kernel = per_channel(kernel, x, window, places=SIZE**window.rank)
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_learned_guide(input=x, kernel=kernel, **window.attributes()),
        lambda: portable_learned_guide(x, kernel, window),
    )


def portable_learned_guide(x: Any, kernel: Any, window: PoolWindow) -> Any:
    """Computes the guide with standard operations. The kernel has shape `[places, channels]`."""
    if door.are_wanted():
        form = functools.partial(details.learned_guide, kernel=kernel)
        return door.pooled(form, (x,), window, around=SIZE)
    dtype = compute_dtype(x.dtype)
    taps = surroundings(ops.cast(x, dtype), window, SIZE)
    present = taps.among(ops.logical_not(ops.isinf(taps.values)))
    count = ops.sum(ops.cast(present, dtype), axis=TAPS, keepdims=True)
    kernel = along_channels(kernel, window, tap_axes=1)
    total = total_of_products(kernel, ops.where(present, taps.values, 0.0))
    guide = total * (kernel.shape[TAPS] / ops.maximum(count, 1.0))
    return ops.cast(as_pooled(guide, x, window), x.dtype)


native.register_gradients("LearnedGuide", portable_learned_guide)
