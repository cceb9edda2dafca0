"""Local importance pooling as Keras layers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_softpool.layers.base import AdaptivePooling, GlobalPooling, Pooling, PoolingLayer
from tf_softpool.layers.public import public
from tf_softpool.ops.arguments import compute_dtype
from tf_softpool.ops.importance_pool import pool
from tf_softpool.ops.portable.integers.door import are_wanted
from tf_softpool.ops.portable.integers.normalization import normalized
from tf_softpool.ops.window import per_dimension

# The largest logit, so that no value has more than e^12 times the weight of another.
_LARGEST = 12.0
_CONVOLUTIONS = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D, 3: keras.layers.Conv3D}


@keras.saving.register_keras_serializable("tf_softpool")
class CenterTap(keras.initializers.Initializer):
    """A convolution kernel that passes each channel on, times `gain`: all other weights are zero.

    Args:
        gain: float: the factor that the input is multiplied by.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> np.asarray(tsp.layers.CenterTap()((3, 1, 1)))[:, 0, 0].tolist()
        [0.0, 1.0, 0.0]
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = float(gain)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Returns a kernel of shape `[*size, channels, channels]`."""
        *sizes, inputs, outputs = shape
        kernel = self.gain * ops.eye(inputs, outputs, dtype=dtype)
        pads = [((size - 1) // 2, size // 2) for size in sizes]
        kernel = ops.reshape(kernel, (*(1 for _ in sizes), inputs, outputs))
        return ops.pad(kernel, [*pads, (0, 0), (0, 0)])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's argument."""
        return {"gain": self.gain}


class _LocalImportancePool(PoolingLayer):
    """Local importance pooling {of_things}.

    {shapes}

    The result is the average of a window's values, weighted by the softmax of logits. A small network
    computes the logits from the input: a convolution with as many filters as channels, a normalization of
    each channel of each example, and 12 times a sigmoid. The convolution's kernel starts as zeros, so that
    the layer starts as average pooling. The network sees zeros for infinite values, NaN and masked
    steps, and the normalization leaves masked steps out. So masked steps behind a sequence change nothing.
    Source: Gao, Wang and Wu, "LIP: local importance-based pooling".

    {masks}

    Args:
        {window_arguments}
        kernel_size: int, or an int for each spatial dimension: the size of the convolution's kernel. Default:
            3.
        kernel_initializer: the initializer of the kernel. `tf_softpool.layers.CenterTap` makes large values
            important. Default: zeros.
        kernel_regularizer: the regularizer of the kernel. Default: none.
        scale_initializer: the initializer of the normalization's scale. Default: ones.
        {layer_arguments}

    {errors}

    Example:
        {example}
    """

    def __init__(
        self,
        *args: Any,
        kernel_size: int | Sequence[int] = 3,
        kernel_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        scale_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kernel_size = per_dimension(kernel_size, self.rank, "kernel_size")
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.scale_initializer = keras.initializers.get(scale_initializer)

    def build(self, input_shape: Sequence) -> None:
        """Makes the network. It has channels last, because TensorFlow's CPU has no other convolutions."""
        axis, channels = self.known_channels(input_shape)
        if channels == 0:
            raise ValueError(f"Layer {self.name!r} needs channels, got shape {input_shape}.")
        channels_last = [d for i, d in enumerate(input_shape) if i != axis % len(input_shape)] + [channels]
        self.convolution = _CONVOLUTIONS[self.rank](
            channels,
            self.kernel_size,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
            name="convolution",
        )
        self.convolution.build(channels_last)
        self.normalization = keras.layers.GroupNormalization(
            groups=-1,
            axis=-1,
            gamma_initializer=self.scale_initializer,
            dtype=self.dtype_policy,
            name="normalization",
        )
        self.normalization.build(channels_last)

    def logits(self, inputs: Any) -> Any:
        """Returns the network's logits for a tensor: a tensor of the same shape, with values from 0 to 12.

        Raises:
            ValueError: if the layer has not been built.
        """
        if not self.built:
            raise ValueError(f"Layer {self.name!r} has no network before it is built.")
        channels_first, mask = self.data_format == "channels_first", self.window.mask
        x = inputs if are_wanted() else self._seen(inputs)
        x = ops.moveaxis(x, 1, -1) if channels_first else x
        x = self.convolution(x)
        if are_wanted():
            gamma, beta = self.normalization.gamma, self.normalization.beta
            x = normalized(x, gamma, beta, self.normalization.epsilon)
        else:
            x = self.normalization(x) if mask is None else self._normalized(x, ops.expand_dims(mask, -1))
        logits = _LARGEST * ops.sigmoid(x)
        return ops.moveaxis(logits, -1, 1) if channels_first else logits

    def _seen(self, inputs: Any) -> Any:
        """Returns what the network sees of a tensor."""
        seen, mask = ops.isfinite(inputs), self.window.mask
        if mask is not None:
            seen = ops.logical_and(seen, ops.expand_dims(mask, self.window.channel_axis))
        return ops.where(seen, inputs, ops.zeros_like(inputs))

    def _normalized(self, x: Any, mask: Any) -> Any:
        """Does what the normalization does, with the means and variances of steps that a mask is True for."""
        wide = ops.cast(x, compute_dtype(x.dtype))
        share = ops.cast(mask, wide.dtype)
        share = share / ops.maximum(ops.sum(share, axis=1, keepdims=True), 1.0)
        away = wide - ops.sum(share * wide, axis=1, keepdims=True)
        variance = ops.sum(share * away**2, axis=1, keepdims=True)
        gamma, beta = (ops.cast(w, wide.dtype) for w in (self.normalization.gamma, self.normalization.beta))
        wide = away * ops.rsqrt(variance + self.normalization.epsilon) * gamma + beta
        return ops.cast(wide, x.dtype)

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        return pool(inputs, self.logits(inputs), self.window)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "scale_initializer": keras.initializers.serialize(self.scale_initializer),
        }


@public
class LocalImportancePooling1D(_LocalImportancePool, Pooling):
    rank = 1


@public
class LocalImportancePooling2D(_LocalImportancePool, Pooling):
    rank = 2


@public
class LocalImportancePooling3D(_LocalImportancePool, Pooling):
    rank = 3


@public
class GlobalLocalImportancePooling1D(_LocalImportancePool, GlobalPooling):
    rank = 1


@public
class GlobalLocalImportancePooling2D(_LocalImportancePool, GlobalPooling):
    rank = 2


@public
class GlobalLocalImportancePooling3D(_LocalImportancePool, GlobalPooling):
    rank = 3


@public
class AdaptiveLocalImportancePooling1D(_LocalImportancePool, AdaptivePooling):
    rank = 1


@public
class AdaptiveLocalImportancePooling2D(_LocalImportancePool, AdaptivePooling):
    rank = 2


@public
class AdaptiveLocalImportancePooling3D(_LocalImportancePool, AdaptivePooling):
    rank = 3
