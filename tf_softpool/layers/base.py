"""What the pooling layers share."""

import inspect

import keras

from tf_softpool.ops import native
from tf_softpool.ops.window import PoolWindow


def public(cls):
    """Registers a layer for saving, and adds what its base says of arguments to its own description."""
    of_base = inspect.getdoc(cls.__base__)
    cls.__doc__ = f"{inspect.cleandoc(cls.__doc__)}\n\n{of_base[of_base.index('Args:') :]}\n"
    return keras.saving.register_keras_serializable("tf_softpool")(cls)


class _CompiledLayer(keras.Layer):
    """A layer whose op may be a compiled one, which XLA cannot take into a program."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = native.runs_in_xla()


class Pooling(_CompiledLayer):
    """Base of layers that pool windows.

    Subclasses set `rank` and define `pool(inputs)`, which pools over the windows of `self.window`.
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


class GlobalPooling(_CompiledLayer):
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
