"""Sums and norms of windows as Keras layers."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.public import public
from tf_softpool.ops.portable import norms


class _SumPooling(Pooling):
    """Sum pooling for {things}, to use instead of `keras.layers.MaxPooling{rank}D`.

    {shapes}

    The result is the sum of a window's values. `-inf` counts as padding.

    Args:
        {window_arguments}
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    has_compiled_op = False

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return norms.sum_pool(inputs, self.window)


class _PowerAveragePooling(Pooling):
    """Power-average pooling for {things}, to use instead of `keras.layers.MaxPooling{rank}D`.

    {shapes}

    The result is the norm `(sum_i |a_i|^p)^(1/p)` of a window's values, with a fixed p. p = 1 sums absolute
    values, p = 2 returns the Euclidean norm, and a large p returns nearly the largest absolute value. The
    derivative at zeros is zero.
    Source: Bruna Estrach, Szlam and LeCun, "Signal recovery from pooling representations".

    Args:
        {window_arguments}
        p: float, at least 1: the exponent. Default: 2.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    has_compiled_op = False

    def __init__(self, *args: Any, p: float = 2.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        norms.check_p(p)
        self.p = float(p)

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return norms.power_average_pool(inputs, self.window, self.p)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "p": self.p}


class _LpPooling(Pooling):
    """Learned-norm pooling for {things}, to use instead of `keras.layers.MaxPooling{rank}D`.

    {shapes}

    The result is the norm `(mean_i |a_i|^p)^(1/p)` of a window's values, with `p = 1 + softplus(rho)`. The
    variable `rho` is learned. The derivatives at zeros are zero.
    Source: Gulcehre, Cho, Pascanu and Bengio, "Learned-norm pooling for deep feedforward and recurrent
    neural networks".

    Args:
        {window_arguments}
        initial_p: float, above 1: the initial p. A p near 1, or a large one, learns slowly. Default: 2.
        per_channel: bool: whether each channel learns a p of its own. Default: False.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    has_compiled_op = False

    def __init__(self, *args: Any, initial_p: float = 2.0, per_channel: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        norms.check_p(initial_p, "initial_p", above=True)
        self.initial_p = float(initial_p)
        self.per_channel = per_channel

    def build(self, input_shape: Sequence) -> None:
        """Makes the variable `rho`."""
        start = keras.initializers.Constant(norms.rho_of(self.initial_p))
        self.rho = self.add_parameter(
            input_shape, per_channel=self.per_channel, name="rho", initializer=start
        )

    @property
    def p(self) -> Any:
        """The current exponent: a tensor of shape `[]` or `[channels]`.

        Raises:
            ValueError: if the layer has not been built.
        """
        if not self.built:
            raise ValueError(f"Layer {self.name!r} has no exponent before it is built.")
        return norms.exponent(keras.ops.convert_to_tensor(self.rho))

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return norms.lp_pool(inputs, self.window, self.rho)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "initial_p": self.initial_p, "per_channel": self.per_channel}


@public
class SumPooling1D(_SumPooling):
    rank = 1


@public
class SumPooling2D(_SumPooling):
    rank = 2


@public
class SumPooling3D(_SumPooling):
    rank = 3


@public
class PowerAveragePooling1D(_PowerAveragePooling):
    rank = 1


@public
class PowerAveragePooling2D(_PowerAveragePooling):
    rank = 2


@public
class PowerAveragePooling3D(_PowerAveragePooling):
    rank = 3


@public
class LpPooling1D(_LpPooling):
    rank = 1


@public
class LpPooling2D(_LpPooling):
    rank = 2


@public
class LpPooling3D(_LpPooling):
    rank = 3
