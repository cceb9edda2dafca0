"""What the pooling layers share, and the three forms that they have: over windows, global and adaptive.

The class of a pooling, derived from `PoolingLayer`, has its mathematics. The class of a form has its windows.
A layer is derived from both, the pooling first, and sets `rank`.
"""

import contextlib
import contextvars
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import keras

from tf_softpool.ops.native import xla
from tf_softpool.ops.window import PoolWindow

# By a layer's id, the windows that it pools instead of its own: see `PoolingLayer.over`.
_others: contextvars.ContextVar[Mapping[int, PoolWindow]] = contextvars.ContextVar(
    "tf_softpool_windows", default=MappingProxyType({})
)


class PoolingLayer(keras.Layer):
    """A layer that pools `rank` spatial dimensions, with a compiled op.

    The class of a pooling, a subclass of this one, defines `pool(inputs)`. Its constructor takes the
    arguments of a form as `*args`, and its own arguments by keyword.
    """

    rank: int
    # The name of the form. Docstrings differ in it.
    form: ClassVar[str]
    # By the name of a form: what layers must be given beside the form's arguments, as a call has it.
    needed: ClassVar[dict[str, str]] = {}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # On a GPU, Keras compiles a model for XLA by default if all of its layers support that.
        self.supports_jit = xla.runs_our_poolings()
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)

    @property
    def window(self) -> PoolWindow:
        """The windows that the layer pools."""
        return _others.get().get(id(self), self._window)

    @window.setter
    def window(self, window: PoolWindow) -> None:
        self._window = window

    @contextlib.contextmanager
    def over(self, window: PoolWindow) -> Iterator[None]:
        """Makes the layer pool other windows inside a `with` block, in the thread that entered it."""
        token = _others.set({**_others.get(), id(self): window})
        try:
            yield
        finally:
            _others.reset(token)

    @property
    def data_format(self) -> str:
        """`"channels_last"` or `"channels_first"`."""
        return self.window.data_format

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

    def pool(self, inputs: Any) -> Any:
        """Pools a tensor over the windows of `self.window`."""
        raise NotImplementedError

    def call(self, inputs: Any) -> Any:
        """Pools a tensor."""
        return self.pool(inputs)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        """Returns the pooled tensor's shape. Unknown dimensions are None."""
        return self.window.output_shape(input_shape)


class Pooling(PoolingLayer):
    """The form of layers that pool windows of a given size."""

    form = "windows"

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
    """The form of layers that pool all spatial positions to one.

    Layers for sequences leave out the steps that a Keras mask is False for.
    """

    form = "global"

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = PoolWindow.whole(self.rank, data_format)
        self.keepdims = keepdims
        self.supports_masking = self.rank == 1

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Pools a tensor. In 1D, steps with a mask of False take no part."""
        return self.squeezed(self.pool(self.unmasked(inputs, mask)))

    def unmasked(self, inputs: Any, mask: Any) -> Any:
        """Returns a tensor with padding in place of the steps that a mask is False for. Only 1D has masks."""
        if mask is None or not self.supports_masking:
            return inputs
        axis = -1 if self.data_format == "channels_last" else 1
        mask = keras.ops.expand_dims(keras.ops.cast(mask, "bool"), axis)
        # Every pooling takes -inf for padding.
        return keras.ops.where(mask, inputs, keras.ops.full_like(inputs, float("-inf")))

    def squeezed(self, outputs: Any) -> Any:
        """Returns a pooled tensor without its spatial dimensions, unless they are kept."""
        return outputs if self.keepdims else keras.ops.squeeze(outputs, self.window.spatial_axes)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Returns None, because the output has no steps."""
        return None

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


class AdaptivePooling(PoolingLayer):
    """The form of layers that divide any input into a given number of windows."""

    form = "adaptive"

    def __init__(
        self, output_size: int | Sequence[int], data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.window = PoolWindow.adaptive(self.rank, output_size, data_format)

    @property
    def output_size(self) -> tuple[int, ...]:
        """The number of windows: an int for each spatial dimension."""
        return self.window.pool_size

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "output_size": self.output_size,
            "data_format": self.data_format,
        }
