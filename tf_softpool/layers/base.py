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

from tf_softpool.layers import masks
from tf_softpool.ops.native.tensorflow import xla
from tf_softpool.ops.window import PoolWindow

# By a layer's id, the windows that it pools instead of its own: see `PoolingLayer.over`.
_others: contextvars.ContextVar[Mapping[int, PoolWindow]] = contextvars.ContextVar(
    "tf_softpool_windows", default=MappingProxyType({})
)


class PoolingLayer(keras.Layer):
    """A layer that pools `rank` spatial dimensions, with a compiled op.

    The class of a pooling, a subclass of this one, defines `pool(inputs)`. Its constructor takes the
    arguments of a form as `*args`, and its own arguments by keyword.

    Layers for sequences leave out the steps that a Keras mask is False for, and pass a pooled mask on.
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
        self.supports_masking = self.rank == 1

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
        axis = self.window.channel_axis
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

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Pools a tensor. In 1D, steps with a mask of False take no part."""
        return self.pool_kept(inputs, mask)

    def pool_kept(self, inputs: Any, mask: Any, **arguments: Any) -> Any:
        """Pools the steps of a tensor that a mask is True for, or all of them without a mask.

        Args:
            inputs: the tensor.
            mask: a mask as Keras gives it, or None. Only layers for sequences heed it.
            **arguments: other arguments of `pool`.

        Raises:
            ValueError: if the tensor is ragged, or the mask does not have the shape of its steps.
        """
        self.check_dense(inputs)
        if mask is None or not self.supports_masking:
            return self.pool(inputs, **arguments)
        kept = masks.of_steps(mask, inputs, self.window.spatial_axes[0])
        with self.over(self.window.masked(kept)):
            return self.pool(inputs, **arguments)

    def check_dense(self, inputs: Any) -> None:
        """Raises a ValueError if a tensor is ragged."""
        if masks.is_ragged(inputs):
            how = "Make it dense with `x.to_tensor()`."
            if self.supports_masking:
                how = "Give it `x.to_tensor()`, and the argument `mask=tf.sequence_mask(x.row_lengths())`."
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) does not pool ragged tensors. {how}"
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns which windows have a step that a mask is True for, or None without a mask."""
        if mask is None or not self.supports_masking:
            return None
        # A mask of whole sequences stays as it is.
        return masks.pooled(mask, self.window) if len(mask.shape) > 1 else mask

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

    Layers for sequences take ragged tensors too.
    """

    form = "global"

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = PoolWindow.whole(self.rank, data_format)
        self.keepdims = keepdims

    def pool_kept(self, inputs: Any, mask: Any, **arguments: Any) -> Any:
        """Pools as other forms do. The result has no spatial dimensions, unless they are kept."""
        if (
            masks.is_ragged(inputs)
            and self.rank == 1
            and self.data_format == "channels_last"
            and mask is None
        ):
            inputs, mask = masks.dense(inputs)
        outputs = super().pool_kept(inputs, mask, **arguments)
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
