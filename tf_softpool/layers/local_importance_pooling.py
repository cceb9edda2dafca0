"""Local importance pooling as Keras layers."""

import keras
from keras import ops

from tf_softpool.layers.base import Pooling
from tf_softpool.layers.every_rank import of_every_rank
from tf_softpool.ops.importance_pool import pool
from tf_softpool.ops.window import per_dimension

# The largest logit: no value counts more than e^12 times as much as another.
_LARGEST = 12.0


@keras.saving.register_keras_serializable("tf_softpool")
class CenterTap(keras.initializers.Initializer):
    """A convolution's kernel that passes its input on: each channel's own centre is `gain`, all else zero.

    Args:
        gain: number: what the input is multiplied by.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> np.asarray(tsp.layers.CenterTap()((3, 1, 1)))[:, 0, 0].tolist()
        [0.0, 1.0, 0.0]
    """

    def __init__(self, gain=1.0):
        self.gain = float(gain)

    def __call__(self, shape, dtype=None):
        """A kernel of shape `[*size, channels, channels]`."""
        *sizes, inputs, outputs = shape
        kernel = self.gain * ops.eye(inputs, outputs, dtype=dtype)
        pads = [((size - 1) // 2, size // 2) for size in sizes]
        kernel = ops.reshape(kernel, (*(1 for _ in sizes), inputs, outputs))
        return ops.pad(kernel, [*pads, (0, 0), (0, 0)])

    def get_config(self):
        """The argument that makes this initializer."""
        return {"gain": self.gain}


class _LocalImportancePooling(Pooling):
    """Local importance pooling over windows.

    The average of each window's values, weighed by the softmax of logits that a small network makes of the
    input: a convolution to as many channels, normalisation of each image's channels, and `12 sigmoid`. The
    convolution's kernel starts as zeros, and the layer as average pooling. Infinite values and NaN
    are zeros to the network.
    Source: Gao, Wang and Wu, "LIP: local importance-based pooling".

    Args:
        kernel_size: int, or an int for each spatial dimension: the size of the convolution's kernel.
        kernel_initializer: initial kernel. `tf_softpool.layers.CenterTap` makes large values important.
        kernel_regularizer: regularizer of the kernel.
        scale_initializer: initial scale of what has been normalised.
    """

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        data_format=None,
        kernel_size=3,
        kernel_initializer="zeros",
        kernel_regularizer=None,
        scale_initializer="ones",
        name=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        self.kernel_size = per_dimension(kernel_size, self.rank, "kernel_size")
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.scale_initializer = keras.initializers.get(scale_initializer)

    def build(self, input_shape):
        """Makes the network."""
        axis, channels = self.known_channels(input_shape)
        self.convolution = getattr(keras.layers, f"Conv{self.rank}D")(
            channels,
            self.kernel_size,
            padding="same",
            data_format=self.data_format,
            use_bias=False,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
            name="convolution",
        )
        self.convolution.build(input_shape)
        self.normalization = keras.layers.GroupNormalization(
            groups=-1,
            axis=axis,
            gamma_initializer=self.scale_initializer,
            dtype=self.dtype_policy,
            name="normalization",
        )
        self.normalization.build(input_shape)

    def logits(self, inputs):
        """The logits that the network makes of a tensor: a tensor of its shape, from 0 to 12.

        Raises:
            ValueError: the layer has not been built.
        """
        if not self.built:
            raise ValueError(f"Layer {self.name!r} has no network before it is built.")
        inputs = ops.where(ops.isfinite(inputs), inputs, ops.zeros_like(inputs))
        return _LARGEST * ops.sigmoid(self.normalization(self.convolution(inputs)))

    def pool(self, inputs):
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.logits(inputs), self.window)

    def get_config(self):
        """The arguments that make this layer."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "scale_initializer": keras.initializers.serialize(self.scale_initializer),
        }


LocalImportancePooling1D, LocalImportancePooling2D, LocalImportancePooling3D = of_every_rank(
    _LocalImportancePooling
)
