"""SoftPool as Keras layers."""

import keras

from tf_softpool.layers.base import GlobalPooling, Pooling, public
from tf_softpool.layers.every_rank import of_every_rank
from tf_softpool.ops.soft_pool import check_gradient, pool


class _SoftPool:
    """What the layers over windows and the global ones have in common."""

    def _set_gradient(self, gradient):
        check_gradient(gradient)
        self.gradient = gradient

    def pool(self, inputs):
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.window, self.gradient)

    def get_config(self):
        """The arguments that make this layer."""
        return {**super().get_config(), "gradient": self.gradient}


class _SoftPooling(_SoftPool, Pooling):
    """SoftPool over windows.

    `sum_i w_i a_i` with `w_i = exp(a_i) / sum_j exp(a_j)`, which no magnitude overflows.
    Source: Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool", equations 1
    and 2.

    Args:
        gradient: `"exact"` for the derivative, or `"weights"` for what the paper's own code sends
            back. See `tf_softpool.soft_pool`.
    """

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        data_format=None,
        gradient="exact",
        name=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        self._set_gradient(gradient)


class _GlobalSoftPooling(_SoftPool, GlobalPooling):
    """SoftPool over all spatial positions.

    Args:
        data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
        keepdims: whether the spatial dimensions stay, with length one.
        gradient: `"exact"` or `"weights"`. See `tf_softpool.soft_pool`.
        **kwargs: what every Keras layer takes: `name`, `dtype`, `trainable`.

    Raises:
        ValueError: an argument is not one of these; when called, the input has another rank, or no
            spatial positions.
    """

    def __init__(self, data_format=None, keepdims=False, gradient="exact", **kwargs):
        super().__init__(data_format, keepdims, **kwargs)
        self._set_gradient(gradient)


SoftPooling1D, SoftPooling2D, SoftPooling3D = of_every_rank(_SoftPooling)


@public
class GlobalSoftPooling1D(_GlobalSoftPooling):
    """SoftPool of whole sequences, in the place of `keras.layers.GlobalAveragePooling1D`.

    Input `[batch, steps, channels]` (or channels first); output `[batch, channels]`. Masked steps take no
    part; a sequence of masked steps alone gives `-inf`.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> tuple(tsp.layers.GlobalSoftPooling1D()(np.ones((4, 10, 8), "float32")).shape)
        (4, 8)
    """

    rank = 1

    def __init__(self, data_format=None, keepdims=False, gradient="exact", **kwargs):
        super().__init__(data_format, keepdims, gradient, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        """Pools a tensor; steps where the mask is False have no weight."""
        if mask is not None:
            mask = keras.ops.expand_dims(mask, -1 if self.data_format == "channels_last" else 1)
            nothing = keras.ops.full_like(inputs, float("-inf"))
            inputs = keras.ops.where(mask, inputs, nothing)
        return super().call(inputs)

    def compute_mask(self, inputs, mask=None):
        """None: there are no steps left to mask."""
        return None


@public
class GlobalSoftPooling2D(_GlobalSoftPooling):
    """SoftPool of whole images, in the place of `keras.layers.GlobalAveragePooling2D`.

    Input `[batch, height, width, channels]` (or channels first); output `[batch, channels]`.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> tuple(tsp.layers.GlobalSoftPooling2D()(np.ones((4, 10, 10, 8), "float32")).shape)
        (4, 8)
    """

    rank = 2


@public
class GlobalSoftPooling3D(_GlobalSoftPooling):
    """SoftPool of whole volumes, in the place of `keras.layers.GlobalAveragePooling3D`.

    Input `[batch, depth, height, width, channels]` (or channels first); output `[batch, channels]`.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> tuple(tsp.layers.GlobalSoftPooling3D()(np.ones((4, 10, 10, 10, 8), "float32")).shape)
        (4, 8)
    """

    rank = 3
