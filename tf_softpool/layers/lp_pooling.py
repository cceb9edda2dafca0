"""Learned-norm pooling as Keras layers."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.arguments import compute_dtype
from tf_softpool.ops.lp_pool import check_initial_p, exponent, pool, rho_of


class _LpPool(PoolingLayer):
    """Learned-norm pooling {of_things}.

    {shapes}

    The result is the norm `(mean_i |a_i|^p)^(1/p)` of a window's values, with `p = 1 + softplus(rho)`. The
    variable `rho` is learned. The derivatives at zeros are zero.
    Source: Gulcehre, Cho, Pascanu and Bengio, "Learned-norm pooling for deep feedforward and recurrent
    neural networks".

    {masks}

    Args:
        {window_arguments}
        initial_p: float, above 1: the initial p. A p near 1, or a large one, learns slowly. Default: 2.
        per_channel: bool: whether each channel learns a p of its own. Default: False.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    def __init__(self, *args: Any, initial_p: float = 2.0, per_channel: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_initial_p(initial_p)
        self.initial_p = float(initial_p)
        self.per_channel = per_channel

    def build(self, input_shape: Sequence) -> None:
        """Makes the variable `rho`."""
        start = keras.initializers.Constant(rho_of(self.initial_p))
        self.rho = self.add_parameter(
            input_shape, per_channel=self.per_channel, name="rho", initializer=start
        )

    @property
    def p(self) -> Any:
        """The current exponent: a tensor of shape `[]` or `[channels]`, at least float32.

        Raises:
            ValueError: if the layer has not been built.
        """
        if not self.built:
            raise ValueError(f"Layer {self.name!r} has no exponent before it is built.")
        return exponent(keras.ops.cast(self.rho, compute_dtype(self.rho.dtype)))

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.p, self.window)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "initial_p": self.initial_p, "per_channel": self.per_channel}


@public
class LpPooling1D(_LpPool, Pooling):
    rank = 1


@public
class LpPooling2D(_LpPool, Pooling):
    rank = 2


@public
class LpPooling3D(_LpPool, Pooling):
    rank = 3


@public
class GlobalLpPooling1D(_LpPool, GlobalPooling):
    rank = 1


@public
class GlobalLpPooling2D(_LpPool, GlobalPooling):
    rank = 2


@public
class GlobalLpPooling3D(_LpPool, GlobalPooling):
    rank = 3


@public
class AdaptiveLpPooling1D(_LpPool, AdaptivePooling):
    rank = 1


@public
class AdaptiveLpPooling2D(_LpPool, AdaptivePooling):
    rank = 2


@public
class AdaptiveLpPooling3D(_LpPool, AdaptivePooling):
    rank = 3
