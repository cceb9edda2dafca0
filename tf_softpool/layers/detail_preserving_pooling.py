"""Detail-preserving pooling as Keras layers."""

import keras
from keras import ops

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.every_rank import of_every_rank
from tf_softpool.ops.detail_preserving_pool import check_symmetric, learned_guide, pool

VARIANTS = ("lite", "full")
# The size of a learned guide's kernel along each spatial dimension.
_KERNEL = 3
# e to this is a float32, and so is its derivative.
_LARGEST_LOG = 80.0


class _DetailPreservingPooling(Pooling):
    """Detail-preserving pooling over windows.

    The average of each window's values, weighed by `alpha + sqrt(d_i^2 + 0.001^2)^lambda` with their
    differences `d_i` from a guide: what stands out counts more. `alpha = exp(log_alpha)` and `lambda =
    exp(log_lambda)` are learned for each channel; both start as 1. A large alpha makes average pooling, a
    large lambda without `symmetric` nearly max pooling. Two values are equally far from their average: with
    windows of two, it takes a learned guide, or the asymmetric form, to tell them apart.
    Source: Saeedan, Weber, Goesele and Roth, "Detail-preserving pooling in deep networks".

    Args:
        variant: `"lite"`: the guide is each window's average; or `"full"`: it is learned, the variable
            `guide_kernel`, a depthwise convolution of size 3 around the window's centre, which starts as the
            average.
        symmetric: whether values below the guide count as detail too.
        alpha_initializer: initial `log_alpha`.
        lambda_initializer: initial `log_lambda`.
    """

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        data_format=None,
        variant="lite",
        symmetric=True,
        alpha_initializer="zeros",
        lambda_initializer="zeros",
        name=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        if variant not in VARIANTS:
            raise ValueError(f"`variant` must be one of {VARIANTS}, got {variant!r}.")
        check_symmetric(symmetric)
        self.variant = variant
        self.symmetric = symmetric
        self.alpha_initializer = keras.initializers.get(alpha_initializer)
        self.lambda_initializer = keras.initializers.get(lambda_initializer)

    def build(self, input_shape):
        """Makes the variables `log_alpha`, `log_lambda` and, of the full variant, `guide_kernel`."""
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

    def pool(self, inputs):
        """Pools a tensor over the windows of `self.window`."""
        guide = None
        if self.variant == "full":
            guide = learned_guide(inputs, self.guide_kernel, self.window)
        alpha, lam = (ops.exp(ops.minimum(v, _LARGEST_LOG)) for v in (self.log_alpha, self.log_lambda))
        return pool(inputs, guide, alpha, lam, self.window, self.symmetric)

    def get_config(self):
        """The arguments that make this layer."""
        return {
            **super().get_config(),
            "variant": self.variant,
            "symmetric": self.symmetric,
            "alpha_initializer": keras.initializers.serialize(self.alpha_initializer),
            "lambda_initializer": keras.initializers.serialize(self.lambda_initializer),
        }


DetailPreservingPooling1D, DetailPreservingPooling2D, DetailPreservingPooling3D = of_every_rank(
    _DetailPreservingPooling
)
