"""Sorted-weight pooling as Keras layers."""

import math
import numbers
from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.sorted_pool import check_normalize, check_pool_range, pool, rank_weights


@keras.saving.register_keras_serializable("tf_softpool")
class LeadingRank(keras.initializers.Initializer):
    """Logits that give the first rank nearly all weight, so that sorted pooling starts as max pooling.

    Args:
        share: float, above 0 and below 1: the first rank's weight after the softmax. The other ranks share
            the rest. The nearer `share` is to 1, the longer the other ranks take to learn.

    Raises:
        ValueError: if `share` is not a number above 0 and below 1.

    Example:
        >>> import tf_softpool as tsp
        >>> layer = tsp.layers.SortedPooling2D(2, rank_initializer=tsp.layers.LeadingRank(0.97))
        >>> layer.build((None, 8, 8, 3))
        >>> [round(float(w), 4) for w in layer.rank_weights]
        [0.97, 0.01, 0.01, 0.01]
    """

    share: float

    def __init__(self, share: float = 0.999) -> None:
        if not isinstance(share, numbers.Real) or not 0 < share < 1:
            raise ValueError(f"`share` must be a number above 0 and below 1, got {share!r}.")
        self.share = float(share)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Returns logits of shape `[pool_range]` or `[pool_range, channels]`."""
        others = shape[0] - 1
        lead = math.log(self.share * others / (1 - self.share)) if others else 0.0
        first = keras.ops.full((1, *shape[1:]), lead, dtype)
        return keras.ops.concatenate([first, keras.ops.zeros((others, *shape[1:]), dtype)])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's argument."""
        return {"share": self.share}


class _SortedPool(PoolingLayer):
    """Sorted-weight pooling {of_things}.

    {shapes}

    The values of a window are sorted, `a_(1) >= a_(2) >= ...`, and weighted by their ranks:
    `sum_r p_r a_(r)`. The weights are learned. The property `rank_weights` returns them.
    Source: Singla, "A new kind of pooling layer for faster and sharper convergence".

    {masks}

    Args:
        {window_arguments}
        pool_range: int: the number of values of a window that are kept, the largest first. If a window has
            fewer values, the weights are those of the first ranks. Default: all, but global and adaptive
            layers have no default, because the sizes of their windows depend on the input.
        per_channel: bool: whether each channel learns weights of its own. Default: False.
        normalize: `"softmax"` or `"none"`. With `"softmax"`, the weights are the softmax of the variable
            `rank_logits`, of shape `[pool_range]` or `[pool_range, channels]`. With `"none"`, the weights are
            the variable itself. Then give another `rank_initializer`, because zeros are a poor start.
            Default: `"softmax"`.
        rank_initializer: the initializer of `rank_logits`. With zeros, the layer starts as the average of the
            kept values. With `tf_softpool.layers.LeadingRank` it starts nearly as max pooling. Default:
            zeros.
        rank_regularizer: the regularizer of `rank_logits`. Default: none.
        rank_constraint: the constraint on `rank_logits`. Default: none.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    needed = dict.fromkeys(("global", "adaptive"), "pool_range=3")

    def __init__(
        self,
        *args: Any,
        pool_range: int | None = None,
        per_channel: bool = False,
        normalize: str = "softmax",
        rank_initializer: Any = "zeros",
        rank_regularizer: Any = None,
        rank_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        check_normalize(normalize)
        self.pool_range = self._range_of(pool_range)
        self.per_channel = per_channel
        self.normalize = normalize
        self.rank_initializer = keras.initializers.get(rank_initializer)
        if normalize == "none" and isinstance(self.rank_initializer, LeadingRank):
            raise ValueError(
                'LeadingRank makes logits for a softmax, but `normalize` is "none": give another '
                "`rank_initializer`."
            )
        self.rank_regularizer = keras.regularizers.get(rank_regularizer)
        self.rank_constraint = keras.constraints.get(rank_constraint)

    def _range_of(self, pool_range: Any) -> int:
        """Returns the number of ranks for an argument `pool_range`."""
        if isinstance(self, Pooling):
            if pool_range is None:
                return math.prod(self.window.pool_size)
            check_pool_range(pool_range, self.window)
        elif isinstance(pool_range, bool) or not hasattr(pool_range, "__index__") or pool_range < 1:
            raise ValueError(
                "`pool_range` must be given, as an integer of at least 1, because the sizes of this layer's "
                f"windows depend on the input. Got {pool_range!r}."
            )
        return int(pool_range)

    def build(self, input_shape: Sequence) -> None:
        """Makes the variable `rank_logits`."""
        self.rank_logits = self.add_parameter(
            input_shape,
            (self.pool_range,),
            self.per_channel,
            name="rank_logits",
            initializer=self.rank_initializer,
            regularizer=self.rank_regularizer,
            constraint=self.rank_constraint,
        )

    @property
    def rank_weights(self) -> Any:
        """The current weights of the ranks: a tensor of shape `[pool_range]` or `[pool_range, channels]`.

        Raises:
            ValueError: if the layer has not been built.
        """
        if not self.built:
            raise ValueError(f"Layer {self.name!r} has no weights before it is built.")
        return rank_weights(keras.ops.convert_to_tensor(self.rank_logits), self.normalize)

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.rank_logits, self.window, self.normalize)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "pool_range": self.pool_range,
            "per_channel": self.per_channel,
            "normalize": self.normalize,
            "rank_initializer": keras.initializers.serialize(self.rank_initializer),
            "rank_regularizer": keras.regularizers.serialize(self.rank_regularizer),
            "rank_constraint": keras.constraints.serialize(self.rank_constraint),
        }


@public
class SortedPooling1D(_SortedPool, Pooling):
    rank = 1


@public
class SortedPooling2D(_SortedPool, Pooling):
    rank = 2


@public
class SortedPooling3D(_SortedPool, Pooling):
    rank = 3


@public
class GlobalSortedPooling1D(_SortedPool, GlobalPooling):
    rank = 1


@public
class GlobalSortedPooling2D(_SortedPool, GlobalPooling):
    rank = 2


@public
class GlobalSortedPooling3D(_SortedPool, GlobalPooling):
    rank = 3


@public
class AdaptiveSortedPooling1D(_SortedPool, AdaptivePooling):
    rank = 1


@public
class AdaptiveSortedPooling2D(_SortedPool, AdaptivePooling):
    rank = 2


@public
class AdaptiveSortedPooling3D(_SortedPool, AdaptivePooling):
    rank = 3
