"""Sorted-weight pooling as Keras layers."""

import math
import numbers

import keras

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.every_rank import of_every_rank
from tf_softpool.ops.sorted_pool import check_normalize, check_pool_range, pool, rank_weights


class _SortedPooling(Pooling):
    """Sorted-weight pooling over windows.

    `sum_r p_r a_(r)`: each window's values are sorted, `a_(1) >= a_(2) >= ...`, and weighed by their ranks,
    with weights that are learned. `rank_weights` shows them as they are.
    Source: Singla, "A new kind of pooling layer for faster and sharper convergence".

    Args:
        pool_range: int: how many of a window's values are kept, the largest first. Default: all.
        per_channel: whether each channel learns weights of its own.
        normalize: `"softmax"`: the weights are the softmax of the variable `rank_logits`, of shape
            `[pool_range]` or `[pool_range, channels]`; or `"none"`: they are the variable itself, for which
            zeros, the default initial value, are no good start.
        rank_initializer: initial `rank_logits`. Zeros make the average of the kept values, and
            `tf_softpool.layers.LeadingRank` almost their largest.
        rank_regularizer: regularizer of `rank_logits`.
        rank_constraint: constraint on `rank_logits`.
    """

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        data_format=None,
        pool_range=None,
        per_channel=False,
        normalize="softmax",
        rank_initializer="zeros",
        rank_regularizer=None,
        rank_constraint=None,
        name=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        check_normalize(normalize)
        if pool_range is not None:
            check_pool_range(pool_range, self.window)
        self.pool_range = math.prod(self.window.pool_size) if pool_range is None else int(pool_range)
        self.per_channel = per_channel
        self.normalize = normalize
        self.rank_initializer = keras.initializers.get(rank_initializer)
        if normalize == "none" and isinstance(self.rank_initializer, LeadingRank):
            raise ValueError('LeadingRank makes logits for a softmax, and `normalize` is "none".')
        self.rank_regularizer = keras.regularizers.get(rank_regularizer)
        self.rank_constraint = keras.constraints.get(rank_constraint)

    def build(self, input_shape):
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
    def rank_weights(self):
        """The weights of the ranks as they are now: a tensor `[pool_range]` or `[pool_range, channels]`.

        Raises:
            ValueError: the layer has not been built.
        """
        if not self.built:
            raise ValueError(f"Layer {self.name!r} has no weights before it is built.")
        return rank_weights(keras.ops.convert_to_tensor(self.rank_logits), self.normalize)

    def pool(self, inputs):
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.rank_logits, self.window, self.normalize)

    def get_config(self):
        """The arguments that make this layer."""
        return {
            **super().get_config(),
            "pool_range": self.pool_range,
            "per_channel": self.per_channel,
            "normalize": self.normalize,
            "rank_initializer": keras.initializers.serialize(self.rank_initializer),
            "rank_regularizer": keras.regularizers.serialize(self.rank_regularizer),
            "rank_constraint": keras.constraints.serialize(self.rank_constraint),
        }


@keras.saving.register_keras_serializable("tf_softpool")
class LeadingRank(keras.initializers.Initializer):
    """Logits that give the first rank nearly all weight: sorted pooling that starts as max pooling.

    Args:
        share: float, above 0 and below 1: the first rank's weight after softmax. The other ranks share
            the rest. The nearer to 1, the longer the others take to learn.

    Raises:
        ValueError: `share` is not such a number.

    Example:
        >>> import tf_softpool as tsp
        >>> layer = tsp.layers.SortedPooling2D(2, rank_initializer=tsp.layers.LeadingRank(0.97))
        >>> layer.build((None, 8, 8, 3))
        >>> [round(float(w), 4) for w in layer.rank_weights]
        [0.97, 0.01, 0.01, 0.01]
    """

    def __init__(self, share=0.999):
        if not isinstance(share, numbers.Real) or not 0 < share < 1:
            raise ValueError(f"`share` must be a number above 0 and below 1, got {share!r}.")
        self.share = float(share)

    def __call__(self, shape, dtype=None):
        """Logits of shape `[pool_range]` or `[pool_range, channels]`."""
        others = shape[0] - 1
        lead = math.log(self.share * others / (1 - self.share)) if others else 0.0
        first = keras.ops.full((1, *shape[1:]), lead, dtype)
        return keras.ops.concatenate([first, keras.ops.zeros((others, *shape[1:]), dtype)])

    def get_config(self):
        """The argument that makes this initializer."""
        return {"share": self.share}


SortedPooling1D, SortedPooling2D, SortedPooling3D = of_every_rank(_SortedPooling)
