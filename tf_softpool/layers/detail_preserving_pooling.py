"""Detail-preserving pooling as Keras layers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.detail_preserving_pool import check_symmetric, pool
from tf_softpool.ops.learned_guide import learned_guide

VARIANTS = ("lite", "full")
# The size of a learned guide's kernel along each spatial dimension.
_KERNEL = 3
# e to this power, and its derivative, are finite in float32.
_LARGEST_LOG = 80.0


class _DetailPreservingPool(PoolingLayer):
    """Detail-preserving pooling {of_things}.

    {shapes}

    The result is an average that gives more weight to values that stand out. A value's weight is `alpha +
    sqrt(d^2 + 0.001^2)^lambda`, where `d` is the value's difference from a guide. Each channel learns `alpha
    = exp(log_alpha)` and `lambda = exp(log_lambda)`. Both start as 1. A large alpha makes average pooling. A
    large lambda without `symmetric` makes nearly max pooling. In a window of two values, both are equally far
    from their average and have equal weights. So such windows need the full variant or the asymmetric form.
    Source: Saeedan, Weber, Goesele and Roth, "Detail-preserving pooling in deep networks".

    {masks}

    Args:
        {window_arguments}
        variant: `"lite"` or `"full"`. In the lite variant the guide is each window's average. In the full
            variant the guide is learned: a depthwise convolution of size 3 around the window's centre. Its
            kernel is the variable `guide_kernel`, and starts as an average. Masked steps take no part in
            either guide, but do not move the centre. If all steps around the centre are masked, the learned
            guide is 0. Default: `"lite"`.
        symmetric: bool: whether values below the guide count as detail, as those above it do. False makes the
            asymmetric form. Default: True.
        alpha_initializer: the initializer of `log_alpha`. Default: zeros.
        lambda_initializer: the initializer of `log_lambda`. Default: zeros.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    def __init__(
        self,
        *args: Any,
        variant: str = "lite",
        symmetric: bool = True,
        alpha_initializer: Any = "zeros",
        lambda_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if variant not in VARIANTS:
            raise ValueError(f"`variant` must be one of {VARIANTS}, got {variant!r}.")
        check_symmetric(symmetric)
        self.variant = variant
        self.symmetric = symmetric
        self.alpha_initializer = keras.initializers.get(alpha_initializer)
        self.lambda_initializer = keras.initializers.get(lambda_initializer)

    def build(self, input_shape: Sequence) -> None:
        """Makes the variables `log_alpha` and `log_lambda`, and `guide_kernel` in the full variant."""
        self.log_alpha = self.add_parameter(
            input_shape, per_channel=True, name="log_alpha", initializer=self.alpha_initializer
        )
        self.log_lambda = self.add_parameter(
            input_shape, per_channel=True, name="log_lambda", initializer=self.lambda_initializer
        )
        if self.variant == "full":
            self.guide_kernel = self.add_parameter(
                input_shape,
                (_KERNEL,) * self.rank,
                per_channel=True,
                name="guide_kernel",
                initializer=keras.initializers.Constant(_KERNEL**-self.rank),
            )

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        guide = None
        if self.variant == "full":
            guide = learned_guide(inputs, self.guide_kernel, self.window)
        alpha, lam = (ops.exp(ops.minimum(v, _LARGEST_LOG)) for v in (self.log_alpha, self.log_lambda))
        return pool(inputs, guide, alpha, lam, self.window, self.symmetric)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "variant": self.variant,
            "symmetric": self.symmetric,
            "alpha_initializer": keras.initializers.serialize(self.alpha_initializer),
            "lambda_initializer": keras.initializers.serialize(self.lambda_initializer),
        }


@public
class DetailPreservingPooling1D(_DetailPreservingPool, Pooling):
    rank = 1


@public
class DetailPreservingPooling2D(_DetailPreservingPool, Pooling):
    rank = 2


@public
class DetailPreservingPooling3D(_DetailPreservingPool, Pooling):
    rank = 3


@public
class GlobalDetailPreservingPooling1D(_DetailPreservingPool, GlobalPooling):
    rank = 1


@public
class GlobalDetailPreservingPooling2D(_DetailPreservingPool, GlobalPooling):
    rank = 2


@public
class GlobalDetailPreservingPooling3D(_DetailPreservingPool, GlobalPooling):
    rank = 3


@public
class AdaptiveDetailPreservingPooling1D(_DetailPreservingPool, AdaptivePooling):
    rank = 1


@public
class AdaptiveDetailPreservingPooling2D(_DetailPreservingPool, AdaptivePooling):
    rank = 2


@public
class AdaptiveDetailPreservingPooling3D(_DetailPreservingPool, AdaptivePooling):
    rank = 3
