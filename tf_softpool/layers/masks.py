"""Masks of sequences: those that layers get, those that they pass on, and those of ragged tensors."""

from typing import Any

import keras
from keras import ops

from tf_softpool.ops.arguments import shapes_agree
from tf_softpool.ops.portable.taps import kept_windows, static_shape
from tf_softpool.ops.window import PoolWindow


def is_ragged(x: Any) -> bool:
    """Returns whether a tensor is ragged. Only TensorFlow has such tensors."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return isinstance(x, tf.RaggedTensor)


def dense(x: Any) -> tuple[Any, Any]:
    """Returns a ragged tensor of sequences as a tensor with a mask of its steps.

    Raises:
        ValueError: if another axis than that of the steps is ragged.
    """
    import tensorflow as tf

    if x.ragged_rank != 1 or x.shape.rank != 3:
        raise ValueError(
            f"A ragged tensor must have the shape [batch, (steps), channels], got {x.shape} with ragged rank "
            f"{x.ragged_rank}."
        )
    lengths = x.row_lengths()
    # If all sequences are empty, one masked step stands for them, because nothing cannot be pooled.
    steps = tf.reduce_max(tf.concat([lengths, tf.ones((1,), lengths.dtype)], axis=0))
    padded = x.to_tensor(shape=tf.stack([-1, steps, -1]))
    padded.set_shape([None, None, x.shape[2]])
    return padded, tf.sequence_mask(lengths, steps)


def of_steps(mask: Any, x: Any, axis: int) -> Any:
    """Returns a mask of steps as a bool tensor `[batch, steps]`.

    Args:
        mask: a tensor `[batch, steps]`, or `[batch]` for whole sequences, as `keras.layers.TimeDistributed`
            gives it.
        x: the tensor of sequences.
        axis: the axis of the steps.

    Raises:
        ValueError: if the mask has another shape.
    """
    mask = ops.cast(ops.convert_to_tensor(mask), "bool")
    if len(mask.shape) == 1:
        shape = ops.shape(x)
        return ops.broadcast_to(ops.expand_dims(mask, 1), (shape[0], shape[axis]))
    if not shapes_agree(static_shape(mask)[1:], static_shape(x)[axis : axis + 1]):
        raise ValueError(
            f"A mask must have the shape [batch, steps], got {tuple(mask.shape)} for a tensor of shape "
            f"{tuple(x.shape)}."
        )
    return mask


def pooled(mask: Any, window: PoolWindow) -> Any:
    """Returns which windows have a step that a mask is True for: a bool tensor `[batch, windows]`.

    Args:
        mask: a tensor `[batch, steps]`. A `KerasTensor` gives a `KerasTensor`.
        window: a `PoolWindow` of one dimension.
    """
    if isinstance(mask, keras.KerasTensor):
        return PooledMask(window.pool_size[0], window.strides[0], window.padding)(mask)
    mask = ops.cast(ops.convert_to_tensor(mask), "bool")
    return ops.squeeze(kept_windows(window.masked(mask)), window.channel_axis)


@keras.saving.register_keras_serializable("tf_softpool")
class PooledMask(keras.Operation):
    """The mask that a layer passes on, as a node of a Functional model.

    Args:
        pool_size: int: the size of a window, or the number of adaptive windows.
        strides: int: the distance between windows.
        padding: `"valid"`, `"same"` or `"adaptive"`.
        name: the node's name.
    """

    def __init__(self, pool_size: int, strides: int, padding: str, name: str | None = None) -> None:
        super().__init__(name=name)
        self.window = PoolWindow((pool_size,), (strides,), padding, "channels_last")

    def call(self, mask: Any) -> Any:
        """Returns the pooled mask."""
        return pooled(mask, self.window)

    def compute_output_spec(self, mask: Any) -> keras.KerasTensor:
        """Returns a `KerasTensor` of the pooled mask's shape."""
        return keras.KerasTensor(self.window.output_shape((*mask.shape, 1))[:-1], dtype="bool")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "pool_size": self.window.pool_size[0],
            "strides": self.window.strides[0],
            "padding": self.window.padding,
            "name": self.name,
        }
