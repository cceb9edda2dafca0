"""Median pooling as Keras layers."""

from typing import Any

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.public import public
from tf_softpool.ops.median_pool import pool


class _MedianPooling(Pooling):
    """Median pooling {of_things}.

    {shapes}

    The result is the middle one of a window's values, or the mean of the two in the middle. `-inf` counts as
    padding. The gradient goes to the values that the result is made of. Windows that have all of their values
    are pooled by the compiled op of sorted-weight pooling. If the border may cut a window, as with `"same"`,
    or if a value is `-inf`, all windows are pooled in standard operations, which takes longer.

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
class MedianPooling1D(_MedianPooling):
    rank = 1


@public
class MedianPooling2D(_MedianPooling):
    rank = 2


@public
class MedianPooling3D(_MedianPooling):
    rank = 3
