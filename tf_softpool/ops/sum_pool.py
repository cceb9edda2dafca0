"""Sum pooling."""

from typing import Any

from keras import ops

from tf_softpool.ops import dispatch, native
from tf_softpool.ops.portable import standard
from tf_softpool.ops.portable.integers import mixtures as integers
from tf_softpool.ops.portable.quick import mixtures
from tf_softpool.ops.portable.quick.guard import or_exact
from tf_softpool.ops.portable.sums import total
from tf_softpool.ops.window import PoolWindow


def pool(x: Any, window: PoolWindow) -> Any:
    """Returns the sum of each window, with the compiled op if it can be used.

    Args:
        x: tensor.
        window: a `PoolWindow`.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    x = ops.convert_to_tensor(x)
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_sum_pool(input=x, **window.attributes()),
        lambda: portable_sum_pool(x, window),
    )


def portable_sum_pool(x: Any, window: PoolWindow) -> Any:
    """Pools with standard operations, on any backend of Keras."""
    return or_exact(mixtures.sum_pool, (x,), window, lambda: exact_sum_pool(x, window), integers.sum_pool)


def exact_sum_pool(x: Any, window: PoolWindow) -> Any:
    """Pools with standard operations that are right for all numbers."""
    return standard.pool(x, window, lambda a, _: total(a))


native.register_gradients("SumPool", exact_sum_pool)
