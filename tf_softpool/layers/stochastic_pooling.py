"""Stochastic pooling as Keras layers."""

from typing import Any

import keras

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.stochastic_pool import pool


class _StochasticPool(PoolingLayer):
    """Stochastic pooling {of_things}.

    {shapes}

    In training, the result is one of a window's values, drawn with probability `p_i = relu(a_i) / sum_j
    relu(a_j)`, and the gradient goes to that value. At inference, the result is the expectation `sum_i p_i
    a_i`. In a window without positive values, all values are equally likely. `-inf` counts as padding.
    Source: Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks".

    {masks}

    Args:
        {window_arguments}
        seed: int: the seed of the draws. Default: random, unless `keras.utils.set_random_seed` was called.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    def __init__(self, *args: Any, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Pools a tensor: with random draws in training, and to the expectation otherwise."""
        return self.pool_kept(inputs, mask, training=training)

    def pool(self, inputs: Any, training: bool | None = None) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.window, self.seed_generator if training else None)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "seed": self.seed}


@public
class StochasticPooling1D(_StochasticPool, Pooling):
    rank = 1


@public
class StochasticPooling2D(_StochasticPool, Pooling):
    rank = 2


@public
class StochasticPooling3D(_StochasticPool, Pooling):
    rank = 3


@public
class GlobalStochasticPooling1D(_StochasticPool, GlobalPooling):
    rank = 1


@public
class GlobalStochasticPooling2D(_StochasticPool, GlobalPooling):
    rank = 2


@public
class GlobalStochasticPooling3D(_StochasticPool, GlobalPooling):
    rank = 3


@public
class AdaptiveStochasticPooling1D(_StochasticPool, AdaptivePooling):
    rank = 1


@public
class AdaptiveStochasticPooling2D(_StochasticPool, AdaptivePooling):
    rank = 2


@public
class AdaptiveStochasticPooling3D(_StochasticPool, AdaptivePooling):
    rank = 3
