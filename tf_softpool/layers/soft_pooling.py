"""SoftPool as Keras layers."""

from typing import Any

import keras

from tf_softpool.layers.base import GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.soft_pool import check_gradient, pool


class _SoftPool(PoolingLayer):
    """What the layers over windows and the global layers share."""

    def __init__(self, *args: Any, gradient: str = "exact", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_gradient(gradient)
        self.gradient = gradient

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.window, self.gradient)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "gradient": self.gradient}


class _SoftPooling(_SoftPool, Pooling):
    """SoftPool for {things}, to use instead of `keras.layers.MaxPooling{rank}D`.

    {shapes}

    A window's result is `sum_i w_i a_i` with `w_i = exp(a_i) / sum_j exp(a_j)`. No magnitude overflows.
    Source: Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool", equations 1
    and 2.

    Args:
        {window_arguments}
        gradient: `"exact"` sends back the derivative. `"weights"` sends back what the paper's own code sends
            back. Default: `"exact"`. See `tf_softpool.soft_pool`.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """


class _GlobalSoftPooling(_SoftPool, GlobalPooling):
    """SoftPool of whole {things}, to use instead of `keras.layers.GlobalAveragePooling{rank}D`.

    {global_shapes}

    The result of a channel is `sum_i w_i a_i` with `w_i = exp(a_i) / sum_j exp(a_j)`, over all spatial
    positions. In 1D, masked steps do not count, and a sequence whose steps are all masked gives `-inf`.
    Source: Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool", equations 1
    and 2.

    Args:
        {global_arguments}
        gradient: `"exact"` or `"weights"`. Default: `"exact"`. See `tf_softpool.soft_pool`.
        {layer_arguments}

    {global_errors}

    Example:
        {global_example}
    """


@public
class SoftPooling1D(_SoftPooling):
    rank = 1


@public
class SoftPooling2D(_SoftPooling):
    rank = 2


@public
class SoftPooling3D(_SoftPooling):
    rank = 3


@public
class GlobalSoftPooling1D(_GlobalSoftPooling):
    rank = 1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Pools a tensor. Steps with a mask of False have no weight."""
        if mask is not None:
            mask = keras.ops.expand_dims(mask, -1 if self.data_format == "channels_last" else 1)
            nothing = keras.ops.full_like(inputs, float("-inf"))
            inputs = keras.ops.where(mask, inputs, nothing)
        return super().call(inputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Returns None, because the output has no steps."""
        return None


@public
class GlobalSoftPooling2D(_GlobalSoftPooling):
    rank = 2


@public
class GlobalSoftPooling3D(_GlobalSoftPooling):
    rank = 3
