"""SoftPool as Keras layers."""

import keras

from tf_softpool.layers.base import GlobalPooling, Pooling, public
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

    Args:
        pool_size: int, or an int for each spatial dimension: the size of a window.
        strides: int, or an int for each spatial dimension. Default: `pool_size`.
        padding: `"valid"` or `"same"`. Padded positions take no part.
        data_format: `"channels_last"` or `"channels_first"`. Default: Keras's setting.
        gradient: `"exact"` for the derivative, or `"weights"` for what the paper's own code sends
            back. See `tf_softpool.soft_pool`.
        name: the layer's name.
        **kwargs: what every Keras layer takes: `dtype`, `trainable`.

    Raises:
        ValueError: an argument is not one of these; when called, the input has another rank, or is
            smaller than a window under `"valid"`.
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


@public
class SoftPooling1D(_SoftPooling):
    """SoftPool for sequences, in the place of `keras.layers.MaxPooling1D`.

    Input `[batch, steps, channels]` (or channels first), float16, bfloat16, float32 or float64;
    output alike, with the spatial dimensions that `MaxPooling1D` has for the same arguments.
    Source: Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool",
    equations 1 and 2.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> tuple(tsp.layers.SoftPooling1D(2)(np.ones((4, 10, 8), "float32")).shape)
        (4, 5, 8)
    """

    rank = 1


@public
class SoftPooling2D(_SoftPooling):
    """SoftPool for images, in the place of `keras.layers.MaxPooling2D`.

    Input `[batch, height, width, channels]` (or channels first), float16, bfloat16, float32 or float64;
    output alike, with the spatial dimensions that `MaxPooling2D` has for the same arguments.
    Source: Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool",
    equations 1 and 2.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> tuple(tsp.layers.SoftPooling2D(2)(np.ones((4, 10, 10, 8), "float32")).shape)
        (4, 5, 5, 8)
    """

    rank = 2


@public
class SoftPooling3D(_SoftPooling):
    """SoftPool for volumes, in the place of `keras.layers.MaxPooling3D`.

    Input `[batch, depth, height, width, channels]` (or channels first), float16, bfloat16, float32 or
    float64; output alike, with the spatial dimensions that `MaxPooling3D` has for the same arguments.
    Source: Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool",
    equations 1 and 2.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> tuple(tsp.layers.SoftPooling3D(2)(np.ones((4, 10, 10, 10, 8), "float32")).shape)
        (4, 5, 5, 5, 8)
    """

    rank = 3


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
