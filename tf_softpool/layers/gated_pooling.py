"""Gated max-average pooling as Keras layers."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.public import public
from tf_softpool.ops.gated_pool import pool


class _GatedPooling(Pooling):
    """Gated max-average pooling {of_things}.

    {shapes}

    The result is `mix max_i a_i + (1 - mix) mean_i a_i`. Each window has its own `mix = sigmoid(sum_i omega_i
    a_i + bias)`. The layer learns `omega`, which has a value for each position of a window, and `bias`.
    `omega` starts as zeros. All windows must have the size that `omega` has, so there is no global or
    adaptive form. Equal largest values share the gradient. `-inf` counts as padding. Padding and masked steps
    add nothing to the sum of the gate.
    Source: Lee, Gallagher and Tu, "Generalizing pooling functions in convolutional neural networks: mixed,
    gated, and tree".

    {masks}

    Args:
        {window_arguments}
        per_channel: bool: whether each channel learns its own `omega` and `bias`. Default: False.
        bias_initializer: the initializer of `bias`. Default: zeros, which give equal parts to max and
            average.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    def __init__(
        self, *args: Any, per_channel: bool = False, bias_initializer: Any = "zeros", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.per_channel = per_channel
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape: Sequence) -> None:
        """Makes the variables `omega` and `bias`."""
        self.omega = self.add_parameter(
            input_shape, self.pool_size, self.per_channel, name="omega", initializer="zeros"
        )
        self.bias = self.add_parameter(
            input_shape, per_channel=self.per_channel, name="bias", initializer=self.bias_initializer
        )

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.omega, self.bias, self.window)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "per_channel": self.per_channel,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


@public
class GatedPooling1D(_GatedPooling):
    rank = 1


@public
class GatedPooling2D(_GatedPooling):
    rank = 2


@public
class GatedPooling3D(_GatedPooling):
    rank = 3
