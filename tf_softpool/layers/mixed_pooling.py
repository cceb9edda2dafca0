"""Mixed max-average pooling as Keras layers."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.mixed_pool import check_mix, pool


@keras.saving.register_keras_serializable("tf_softpool")
class UnitInterval(keras.constraints.Constraint):
    """Keeps a variable's values from 0 to 1.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> np.asarray(tsp.layers.UnitInterval()(np.array([-1.0, 0.5, 2.0]))).tolist()
        [0.0, 0.5, 1.0]
    """

    def __call__(self, w: Any) -> Any:
        """Returns the nearest values from 0 to 1."""
        return keras.ops.clip(w, 0.0, 1.0)


class _MixedPool(PoolingLayer):
    """Mixed max-average pooling {of_things}.

    {shapes}

    The result is `mix max_i a_i + (1 - mix) mean_i a_i`. The layer has one mix, or one for each channel.
    Equal largest values share the gradient. `-inf` counts as padding. Source: Lee, Gallagher and Tu,
    "Generalizing pooling functions in convolutional neural networks: mixed, gated, and tree".

    {masks}

    Args:
        {window_arguments}
        mix: float from 0 to 1, or None to learn the variable `mix`. 0 makes average pooling, and 1 makes max
            pooling. Default: None.
        per_channel: bool: whether each channel learns a mix of its own. Default: False.
        mix_initializer: the initializer of a learned mix. The constraint `tf_softpool.layers.UnitInterval`
            keeps the mix from 0 to 1. Default: 0.5.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    def __init__(
        self,
        *args: Any,
        mix: float | None = None,
        per_channel: bool = False,
        mix_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if mix is not None:
            check_mix(mix)
            if per_channel or mix_initializer is not None:
                raise ValueError(
                    "`per_channel` and `mix_initializer` are for a learned mix. Leave them out, or leave out "
                    "`mix`."
                )
        self.fixed_mix = None if mix is None else float(mix)
        self.per_channel = per_channel
        if mix is None and mix_initializer is None:
            mix_initializer = keras.initializers.Constant(0.5)
        self.mix_initializer = keras.initializers.get(mix_initializer)

    def build(self, input_shape: Sequence) -> None:
        """Makes the variable `mix`, if it is learned."""
        self.mix = self.fixed_mix
        if self.fixed_mix is None:
            self.mix = self.add_parameter(
                input_shape,
                per_channel=self.per_channel,
                name="mix",
                initializer=self.mix_initializer,
                constraint=UnitInterval(),
            )

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.mix, self.window)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "mix": self.fixed_mix,
            "per_channel": self.per_channel,
            "mix_initializer": keras.initializers.serialize(self.mix_initializer),
        }


@public
class MixedPooling1D(_MixedPool, Pooling):
    rank = 1


@public
class MixedPooling2D(_MixedPool, Pooling):
    rank = 2


@public
class MixedPooling3D(_MixedPool, Pooling):
    rank = 3


@public
class GlobalMixedPooling1D(_MixedPool, GlobalPooling):
    rank = 1


@public
class GlobalMixedPooling2D(_MixedPool, GlobalPooling):
    rank = 2


@public
class GlobalMixedPooling3D(_MixedPool, GlobalPooling):
    rank = 3


@public
class AdaptiveMixedPooling1D(_MixedPool, AdaptivePooling):
    rank = 1


@public
class AdaptiveMixedPooling2D(_MixedPool, AdaptivePooling):
    rank = 2


@public
class AdaptiveMixedPooling3D(_MixedPool, AdaptivePooling):
    rank = 3
