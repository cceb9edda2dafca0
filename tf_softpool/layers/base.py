"""What the pooling layers share."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.ops.native import xla
from tf_softpool.ops.window import PoolWindow


class PoolingLayer(keras.Layer):
    """A layer that pools `rank` spatial dimensions, with a compiled op unless `has_compiled_op` is False."""

    rank: int
    has_compiled_op = True
    window: PoolWindow

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # On a GPU, Keras compiles a model for XLA by default if all of its layers support that.
        self.supports_jit = not self.has_compiled_op or xla.runs_our_poolings()
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)

    @property
    def data_format(self) -> str:
        """`"channels_last"` or `"channels_first"`."""
        return self.window.data_format

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        raise NotImplementedError


class Pooling(PoolingLayer):
    """Base class of layers that pool windows.

    The class of a pooling, a subclass of this one, defines `pool(inputs)`, or `call` if it needs to know more
    than the tensor. Its constructor takes the arguments below as `*args`, and its own arguments by keyword.
    Its subclasses, one for each rank, set `rank`.
    """

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.window = PoolWindow.of(self.rank, pool_size, strides, padding, data_format)

    @property
    def pool_size(self) -> tuple[int, ...]:
        """The size of a window: an int for each spatial dimension."""
        return self.window.pool_size

    @property
    def strides(self) -> tuple[int, ...]:
        """The distance between windows: an int for each spatial dimension."""
        return self.window.strides

    @property
    def padding(self) -> str:
        """`"valid"` or `"same"`."""
        return self.window.padding

    def add_parameter(
        self, input_shape: Sequence, shape: Sequence[int] = (), per_channel: bool = False, **kwargs: Any
    ) -> Any:
        """Adds a variable that keeps its type under a policy of mixed precision.

        Args:
            input_shape: the shape of the layer's input.
            shape: the variable's shape, without the axis for the channels.
            per_channel: whether the variable has a last axis for the channels.
            **kwargs: other arguments of `add_weight`.

        Raises:
            ValueError: if the input has the wrong rank, or the number of its channels is needed and unknown.
        """
        self.window.check_rank(input_shape)
        if per_channel:
            shape = (*shape, self.known_channels(input_shape)[1])
        return self.add_weight(shape=shape, autocast=False, **kwargs)

    def known_channels(self, input_shape: Sequence) -> tuple[int, int]:
        """Returns the axis of the channels and their number. Later inputs must have the same number.

        Raises:
            ValueError: if the input has the wrong rank, or its channels are unknown.
        """
        self.window.check_rank(input_shape)
        axis = -1 if self.data_format == "channels_last" else 1
        if input_shape[axis] is None:
            raise ValueError(
                f"Layer {self.name!r} has weights for each channel, so the number of channels must be known. "
                f"Got shape {input_shape}."
            )
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2, axes={axis: input_shape[axis]})
        return axis, input_shape[axis]

    def call(self, inputs: Any) -> Any:
        """Pools a tensor."""
        return self.pool(inputs)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        """Returns the pooled tensor's shape. Unknown dimensions are None."""
        return self.window.output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }


class GlobalPooling(PoolingLayer):
    """Base class of layers that pool all spatial positions to one.

    The class of a pooling, a subclass of this one, defines `pool(inputs)`, and takes the arguments below as
    `*args`. Its subclasses, one for each rank, set `rank`.
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = PoolWindow.whole(self.rank, data_format)
        self.keepdims = keepdims

    def call(self, inputs: Any) -> Any:
        """Pools a tensor."""
        outputs = self.pool(inputs)
        return outputs if self.keepdims else keras.ops.squeeze(outputs, self.window.spatial_axes)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        """Returns `[batch, channels]`, or the input's shape with spatial dimensions of 1 if they are kept."""
        shape = self.window.output_shape(input_shape)
        if self.keepdims:
            return shape
        return tuple(d for i, d in enumerate(shape) if i not in self.window.spatial_axes)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "data_format": self.data_format,
            "keepdims": self.keepdims,
        }
