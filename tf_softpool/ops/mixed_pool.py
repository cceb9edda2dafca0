"""Mixed pooling: a mixture of max pooling and average pooling."""

import functools
import numbers
from typing import Any

from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.arguments import per_channel
from tf_softpool.ops.portable import standard
from tf_softpool.ops.portable.integers import mixtures as integers
from tf_softpool.ops.portable.mixtures import blend
from tf_softpool.ops.portable.quick import mixtures
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.taps import along_channels
from tf_softpool.ops.window import PoolWindow


def check_mix(mix: Any) -> None:
    """Raises a ValueError if `mix` is not a number from 0 to 1."""
    if not isinstance(mix, numbers.Real) or isinstance(mix, bool) or not 0 <= mix <= 1:  # type: ignore[operator]
        raise ValueError(f"`mix` must be None or a number from 0 to 1, got {mix!r}.")


def pool(x: Any, mix: Any, window: PoolWindow) -> Any:
    """Returns `mix max_i a_i + (1 - mix) mean_i a_i` of each window, with the compiled op if it can be used.

    Args:
        x: tensor.
        mix: number, or tensor of shape `[]` or `[channels]`.
        window: a `PoolWindow`.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    x = ops.convert_to_tensor(x)
    window.check_rank(x.shape)
    mix = per_channel(mix, x, window)
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_mixed_pool(input=x, mix=mix, **window.attributes()),
        lambda: portable_mixed_pool(x, mix, window),
    )


def portable_mixed_pool(x: Any, mix: Any, window: PoolWindow) -> Any:
    """Pools with standard operations, on any backend of Keras. `mix` has a value for each channel."""
    return or_exact(
        lambda same_windows, a: mixtures.mixed_pool(same_windows, a, mix),
        (x,),
        window,
        lambda: exact_mixed_pool(x, mix, window),
        functools.partial(integers.mixed_pool, mix=mix),
    )


def exact_mixed_pool(x: Any, mix: Any, window: PoolWindow) -> Any:
    """Pools with standard operations that are right for all numbers."""
    mix = along_channels(mix, window)
    return standard.pool(x, window, lambda a, present: blend(a, present, mix))


native.register_gradients("MixedPool", exact_mixed_pool)
