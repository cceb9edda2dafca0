"""Poolings between max and average as Keras layers."""

import keras

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.every_rank import of_every_rank
from tf_softpool.ops.portable import mixtures


@keras.saving.register_keras_serializable("tf_softpool")
class UnitInterval(keras.constraints.Constraint):
    """Keeps a variable's values from 0 to 1.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> np.asarray(tsp.layers.UnitInterval()(np.array([-1.0, 0.5, 2.0]))).tolist()
        [0.0, 0.5, 1.0]
    """

    def __call__(self, w):
        """The nearest values from 0 to 1."""
        return keras.ops.clip(w, 0.0, 1.0)


class _MixedPooling(Pooling):
    """Mixed max-average pooling over windows.

    `mix max_i a_i + (1 - mix) mean_i a_i`, with one number for all windows of the layer, or of a channel.
    Equal largest values share the gradient. `-inf` is as if it were padding.
    Source: Lee, Gallagher and Tu, "Generalizing pooling functions in convolutional neural networks: mixed,
    gated, and tree".

    Args:
        mix: number from 0 to 1: 0 is average pooling, and 1 max pooling. Default: the variable `mix` is
            learned.
        per_channel: whether each channel learns a mix of its own.
        mix_initializer: the learned mix's initial value. Default: 0.5. It is kept from 0 to 1 by the
            constraint `tf_softpool.layers.UnitInterval`.
    """

    has_compiled_op = False

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        data_format=None,
        mix=None,
        per_channel=False,
        mix_initializer=None,
        name=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        if mix is not None:
            mixtures.check_mix(mix)
            if per_channel or mix_initializer is not None:
                raise ValueError("`per_channel` and `mix_initializer` are for a `mix` that is learned.")
        self.fixed_mix = None if mix is None else float(mix)
        self.per_channel = per_channel
        if mix is None and mix_initializer is None:
            mix_initializer = keras.initializers.Constant(0.5)
        self.mix_initializer = keras.initializers.get(mix_initializer)

    def build(self, input_shape):
        """Makes the variable `mix`, where it is learned."""
        self.mix = self.fixed_mix
        if self.fixed_mix is None:
            self.mix = self.add_parameter(
                input_shape,
                per_channel=self.per_channel,
                name="mix",
                initializer=self.mix_initializer,
                constraint=UnitInterval(),
            )

    def pool(self, inputs):
        """Pools a tensor over the windows of `self.window`."""
        return mixtures.mixed_pool(inputs, self.window, self.mix)

    def get_config(self):
        """The arguments that make this layer."""
        return {
            **super().get_config(),
            "mix": self.fixed_mix,
            "per_channel": self.per_channel,
            "mix_initializer": keras.initializers.serialize(self.mix_initializer),
        }


class _GatedPooling(Pooling):
    """Gated max-average pooling over windows.

    `mix max_i a_i + (1 - mix) mean_i a_i`, where each window has its own `mix = sigmoid(sum_i omega_i a_i +
    bias)`: the variables `omega`, with a value for each position of a window, and `bias` are learned. `omega`
    begins as zeros. Equal largest values share the gradient. `-inf` is as if it were padding.
    Source: Lee, Gallagher and Tu, "Generalizing pooling functions in convolutional neural networks: mixed,
    gated, and tree".

    Args:
        per_channel: whether each channel learns its own `omega` and `bias`.
        bias_initializer: initial `bias`. Zeros give max and average equal parts.
    """

    has_compiled_op = False

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        data_format=None,
        per_channel=False,
        bias_initializer="zeros",
        name=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        self.per_channel = per_channel
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        """Makes the variables `omega` and `bias`."""
        self.omega = self.add_parameter(
            input_shape, self.pool_size, self.per_channel, name="omega", initializer="zeros"
        )
        self.bias = self.add_parameter(
            input_shape, per_channel=self.per_channel, name="bias", initializer=self.bias_initializer
        )

    def pool(self, inputs):
        """Pools a tensor over the windows of `self.window`."""
        return mixtures.gated_pool(inputs, self.window, self.omega, self.bias)

    def get_config(self):
        """The arguments that make this layer."""
        return {
            **super().get_config(),
            "per_channel": self.per_channel,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


MixedPooling1D, MixedPooling2D, MixedPooling3D = of_every_rank(_MixedPooling)
GatedPooling1D, GatedPooling2D, GatedPooling3D = of_every_rank(_GatedPooling)
