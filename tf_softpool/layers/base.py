"""What the pooling layers share."""

import inspect

import keras

from tf_softpool.ops.native import xla
from tf_softpool.ops.window import PoolWindow


def public(cls):
    """Registers a layer for saving, and adds what its base says of arguments to its own description."""
    of_base = inspect.getdoc(cls.__base__)
    cls.__doc__ = f"{inspect.cleandoc(cls.__doc__)}\n\n{of_base[of_base.index('Args:') :]}\n"
    return keras.saving.register_keras_serializable("tf_softpool")(cls)


class _PoolingLayer(keras.Layer):
    """A layer that pools, by a compiled op unless `has_compiled_op` is False."""

    has_compiled_op = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Keras compiles models for XLA by default on a GPU, if all of their layers say that they can be.
        self.supports_jit = not self.has_compiled_op or xla.runs_our_poolings()


class Pooling(_PoolingLayer):
    """Base of layers that pool windows.

    Subclasses set `rank` and define `pool(inputs)`, which pools over the windows of `self.window`, or
    `call` where they need to know more than the tensor.
    """

    rank = None

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.window = PoolWindow.of(self.rank, pool_size, strides, padding, data_format)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)

    @property
    def pool_size(self):
        """The size of a window, an int for each spatial dimension."""
        return self.window.pool_size

    @property
    def strides(self):
        """The distance between windows, an int for each spatial dimension."""
        return self.window.strides

    @property
    def padding(self):
        """`"valid"` or `"same"`."""
        return self.window.padding

    @property
    def data_format(self):
        """`"channels_last"` or `"channels_first"`."""
        return self.window.data_format

    def add_parameter(self, input_shape, shape=(), per_channel=False, **kwargs):
        """Adds a variable that keeps its digits where tensors have fewer.

        Args:
            input_shape: the shape of what the layer is built for.
            shape: the variable's shape.
            per_channel: whether the variable has a last axis for the channels.
            **kwargs: what `add_weight` takes.

        Raises:
            ValueError: the shape has another rank, or channels are needed and not known.
        """
        self.window.check_rank(input_shape)
        if per_channel:
            shape = (*shape, self.known_channels(input_shape)[1])
        return self.add_weight(shape=shape, autocast=False, **kwargs)

    def known_channels(self, input_shape):
        """The axis and the number of the channels, on which the layer insists from now on.

        Raises:
            ValueError: the shape has another rank, or channels are not known.
        """
        self.window.check_rank(input_shape)
        axis = -1 if self.data_format == "channels_last" else 1
        if input_shape[axis] is None:
            raise ValueError(
                f"Layer {self.name!r} has weights for each channel: channels must be known, got shape "
                f"{input_shape}."
            )
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2, axes={axis: input_shape[axis]})
        return axis, input_shape[axis]

    def call(self, inputs):
        """Pools a tensor."""
        return self.pool(inputs)

    def compute_output_shape(self, input_shape):
        """The pooled tensor's shape; unknown dimensions are None."""
        return self.window.output_shape(input_shape)

    def get_config(self):
        """The arguments that make this layer."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }


class GlobalPooling(_PoolingLayer):
    """Base of layers that pool all spatial positions to one.

    Subclasses set `rank` and define `pool(inputs)`, which pools over the one window of `self.window`.
    """

    rank = None

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.window = PoolWindow.whole(self.rank, data_format)
        self.keepdims = keepdims
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)

    @property
    def data_format(self):
        """`"channels_last"` or `"channels_first"`."""
        return self.window.data_format

    def call(self, inputs):
        """Pools a tensor."""
        outputs = self.pool(inputs)
        return outputs if self.keepdims else keras.ops.squeeze(outputs, self.window.spatial_axes)

    def compute_output_shape(self, input_shape):
        """`[batch, channels]`, or with ones for the spatial dimensions where they are kept."""
        shape = self.window.output_shape(input_shape)
        if self.keepdims:
            return shape
        return tuple(d for i, d in enumerate(shape) if i not in self.window.spatial_axes)

    def get_config(self):
        """The arguments that make this layer."""
        return {
            **super().get_config(),
            "data_format": self.data_format,
            "keepdims": self.keepdims,
        }
