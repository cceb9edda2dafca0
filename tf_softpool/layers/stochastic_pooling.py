"""Stochastic pooling as Keras layers."""

import keras

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.every_rank import of_every_rank
from tf_softpool.ops.portable.sampling import stochastic_pool


class _StochasticPooling(Pooling):
    """Stochastic pooling over windows.

    In training, one of each window's values, drawn with probability `p_i = relu(a_i) / sum_j relu(a_j)`; the
    gradient goes to it. At inference, the expectation `sum_i p_i a_i`. In a window without positive values
    all are equally likely. `-inf` is as if it were padding.
    Source: Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks".

    Args:
        seed: int: what the draws begin from. Default: by chance, or from `keras.utils.set_random_seed`.
    """

    has_compiled_op = False

    def __init__(
        self, pool_size=2, strides=None, padding="valid", data_format=None, seed=None, name=None, **kwargs
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=None):
        """Pools a tensor: by chance in training, and else to the expectation."""
        return stochastic_pool(inputs, self.window, self.seed_generator if training else None)

    def get_config(self):
        """The arguments that make this layer."""
        return {**super().get_config(), "seed": self.seed}


StochasticPooling1D, StochasticPooling2D, StochasticPooling3D = of_every_rank(_StochasticPooling)
