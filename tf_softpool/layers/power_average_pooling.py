"""Power-average pooling as Keras layers."""

from typing import Any

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.power_average_pool import check_p, pool


class _PowerAveragePool(PoolingLayer):
    """Power-average pooling {of_things}.

    {shapes}

    The result is the norm `(sum_i |a_i|^p)^(1/p)` of a window's values, with a fixed p. p = 1 sums absolute
    values, p = 2 returns the Euclidean norm, and a large p returns nearly the largest absolute value, which
    an infinite p returns. The derivative at zeros is zero.
    Source: Bruna Estrach, Szlam and LeCun, "Signal recovery from pooling representations".

    {masks}

    Args:
        {window_arguments}
        p: float, at least 1, or infinity: the exponent. Default: 2.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    def __init__(self, *args: Any, p: float = 2.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_p(p)
        self.p = float(p)

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.p, self.window)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "p": self.p}


@public
class PowerAveragePooling1D(_PowerAveragePool, Pooling):
    rank = 1


@public
class PowerAveragePooling2D(_PowerAveragePool, Pooling):
    rank = 2


@public
class PowerAveragePooling3D(_PowerAveragePool, Pooling):
    rank = 3


@public
class GlobalPowerAveragePooling1D(_PowerAveragePool, GlobalPooling):
    rank = 1


@public
class GlobalPowerAveragePooling2D(_PowerAveragePool, GlobalPooling):
    rank = 2


@public
class GlobalPowerAveragePooling3D(_PowerAveragePool, GlobalPooling):
    rank = 3


@public
class AdaptivePowerAveragePooling1D(_PowerAveragePool, AdaptivePooling):
    rank = 1


@public
class AdaptivePowerAveragePooling2D(_PowerAveragePool, AdaptivePooling):
    rank = 2


@public
class AdaptivePowerAveragePooling3D(_PowerAveragePool, AdaptivePooling):
    rank = 3
