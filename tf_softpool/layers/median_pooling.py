"""Median pooling as Keras layers."""

from typing import Any

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.median_pool import pool


class _MedianPool(PoolingLayer):
    """Median pooling {of_things}.

    {shapes}

    The result is the middle one of a window's values, or the mean of the two in the middle. `-inf` counts as
    padding. The gradient goes to the values that the result is made of. Windows that have all of their values
    are pooled by the compiled op of sorted-weight pooling. If the border may cut a window, as with `"same"`,
    if windows differ in size, if a value is `-inf`, or with a mask, all windows are pooled in standard
    operations, which takes longer. So are whole inputs.

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
class MedianPooling1D(_MedianPool, Pooling):
    rank = 1


@public
class MedianPooling2D(_MedianPool, Pooling):
    rank = 2


@public
class MedianPooling3D(_MedianPool, Pooling):
    rank = 3


@public
class GlobalMedianPooling1D(_MedianPool, GlobalPooling):
    rank = 1


@public
class GlobalMedianPooling2D(_MedianPool, GlobalPooling):
    rank = 2


@public
class GlobalMedianPooling3D(_MedianPool, GlobalPooling):
    rank = 3


@public
class AdaptiveMedianPooling1D(_MedianPool, AdaptivePooling):
    rank = 1


@public
class AdaptiveMedianPooling2D(_MedianPool, AdaptivePooling):
    rank = 2


@public
class AdaptiveMedianPooling3D(_MedianPool, AdaptivePooling):
    rank = 3
