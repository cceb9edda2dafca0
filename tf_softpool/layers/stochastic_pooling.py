"""Stochastic pooling as Keras layers."""

from typing import Any

import keras

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.public import public
from tf_softpool.ops.portable.sampling import stochastic_pool


class _StochasticPooling(Pooling):
    """Stochastic pooling for {things}, to use instead of `keras.layers.MaxPooling{rank}D`.

    {shapes}

    In training, the result is one of a window's values, drawn with probability `p_i = relu(a_i) / sum_j
    relu(a_j)`, and the gradient goes to that value. At inference, the result is the expectation `sum_i p_i
    a_i`. In a window without positive values, all values are equally likely. `-inf` counts as padding.
    Source: Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks".

    Args:
        {window_arguments}
        seed: int: the seed of the draws. Default: random, unless `keras.utils.set_random_seed` was called.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    has_compiled_op = False

    def __init__(self, *args: Any, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Pools a tensor: with random draws in training, and to the expectation otherwise."""
        return stochastic_pool(inputs, self.window, self.seed_generator if training else None)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "seed": self.seed}


@public
class StochasticPooling1D(_StochasticPooling):
    rank = 1


@public
class StochasticPooling2D(_StochasticPooling):
    rank = 2


@public
class StochasticPooling3D(_StochasticPooling):
    rank = 3
