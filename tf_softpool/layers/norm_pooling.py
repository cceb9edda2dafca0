"""Sums and norms of windows as Keras layers."""

import keras

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.every_rank import of_every_rank
from tf_softpool.ops.portable import norms


class _SumPooling(Pooling):
    """Sum pooling over windows.

    The sum of each window's values. `-inf` is as if it were padding.
    """

    has_compiled_op = False

    def pool(self, inputs):
        """Pools a tensor over the windows of `self.window`."""
        return norms.sum_pool(inputs, self.window)


class _PowerAveragePooling(Pooling):
    """Power-average pooling over windows.

    The norm `(sum_i |a_i|^p)^(1/p)` of each window's values, with a fixed p: 1 sums sizes, 2 gives their
    Euclidean length, and large numbers nearly the largest. Its derivative at zeros is zero.
    Source: Bruna Estrach, Szlam and LeCun, "Signal recovery from pooling representations".

    Args:
        p: number from 1: the exponent.
    """

    has_compiled_op = False

    def __init__(
        self, pool_size=2, strides=None, padding="valid", data_format=None, p=2.0, name=None, **kwargs
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        norms.check_p(p)
        self.p = float(p)

    def pool(self, inputs):
        """Pools a tensor over the windows of `self.window`."""
        return norms.power_average_pool(inputs, self.window, self.p)

    def get_config(self):
        """The arguments that make this layer."""
        return {**super().get_config(), "p": self.p}


class _LpPooling(Pooling):
    """Learned-norm pooling over windows.

    The norm `(mean_i |a_i|^p)^(1/p)` of each window's values, with `p = 1 + softplus(rho)`, where the
    variable `rho` is learned. Its derivatives at zeros are zero.
    Source: Gulcehre, Cho, Pascanu and Bengio, "Learned-norm pooling for deep feedforward and recurrent
    neural networks".

    Args:
        initial_p: number above 1: p before anything is learned. The nearer to 1, and the larger, the longer
            it takes to learn.
        per_channel: whether each channel learns a p of its own.
    """

    has_compiled_op = False

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        data_format=None,
        initial_p=2.0,
        per_channel=False,
        name=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        norms.check_p(initial_p, "initial_p", above=True)
        self.initial_p = float(initial_p)
        self.per_channel = per_channel

    def build(self, input_shape):
        """Makes the variable `rho`."""
        start = keras.initializers.Constant(norms.rho_of(self.initial_p))
        self.rho = self.add_parameter(
            input_shape, per_channel=self.per_channel, name="rho", initializer=start
        )

    @property
    def p(self):
        """The exponent as it is now: a tensor of shape `[]` or `[channels]`.

        Raises:
            ValueError: the layer has not been built.
        """
        if not self.built:
            raise ValueError(f"Layer {self.name!r} has no exponent before it is built.")
        return norms.exponent(keras.ops.convert_to_tensor(self.rho))

    def pool(self, inputs):
        """Pools a tensor over the windows of `self.window`."""
        return norms.lp_pool(inputs, self.window, self.rho)

    def get_config(self):
        """The arguments that make this layer."""
        return {**super().get_config(), "initial_p": self.initial_p, "per_channel": self.per_channel}


SumPooling1D, SumPooling2D, SumPooling3D = of_every_rank(_SumPooling)
PowerAveragePooling1D, PowerAveragePooling2D, PowerAveragePooling3D = of_every_rank(
    _PowerAveragePooling, "2, p=3"
)
LpPooling1D, LpPooling2D, LpPooling3D = of_every_rank(_LpPooling)
