"""SoftPool as Keras layers."""

from typing import Any

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.soft_pool import check_gradient, pool


class _SoftPool(PoolingLayer):
    """SoftPool {of_things}.

    {shapes}

    A window's result is `sum_i w_i a_i` with `w_i = exp(a_i) / sum_j exp(a_j)`. No magnitude overflows.
    Source: Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool", equations 1
    and 2.

    {masks}

    Args:
        {window_arguments}
        gradient: `"exact"` sends back the derivative. `"weights"` sends back what the paper's own code sends
            back. Default: `"exact"`. See `tf_softpool.soft_pool`.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

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


@public
class SoftPooling1D(_SoftPool, Pooling):
    rank = 1


@public
class SoftPooling2D(_SoftPool, Pooling):
    rank = 2


@public
class SoftPooling3D(_SoftPool, Pooling):
    rank = 3


@public
class GlobalSoftPooling1D(_SoftPool, GlobalPooling):
    rank = 1


@public
class GlobalSoftPooling2D(_SoftPool, GlobalPooling):
    rank = 2


@public
class GlobalSoftPooling3D(_SoftPool, GlobalPooling):
    rank = 3


@public
class AdaptiveSoftPooling1D(_SoftPool, AdaptivePooling):
    rank = 1


@public
class AdaptiveSoftPooling2D(_SoftPool, AdaptivePooling):
    rank = 2


@public
class AdaptiveSoftPooling3D(_SoftPool, AdaptivePooling):
    rank = 3
