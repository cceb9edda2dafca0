"""Sum pooling as Keras layers."""

from typing import Any

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.sum_pool import pool


class _SumPool(PoolingLayer):
    """Sum pooling {of_things}.

    {shapes}

    The result is the sum of a window's values. `-inf` counts as padding.

    {masks}

    Args:
        {window_arguments}
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.window)


@public
class SumPooling1D(_SumPool, Pooling):
    rank = 1


@public
class SumPooling2D(_SumPool, Pooling):
    rank = 2


@public
class SumPooling3D(_SumPool, Pooling):
    rank = 3


@public
class GlobalSumPooling1D(_SumPool, GlobalPooling):
    rank = 1


@public
class GlobalSumPooling2D(_SumPool, GlobalPooling):
    rank = 2


@public
class GlobalSumPooling3D(_SumPool, GlobalPooling):
    rank = 3


@public
class AdaptiveSumPooling1D(_SumPool, AdaptivePooling):
    rank = 1


@public
class AdaptiveSumPooling2D(_SumPool, AdaptivePooling):
    rank = 2


@public
class AdaptiveSumPooling3D(_SumPool, AdaptivePooling):
    rank = 3
