"""Pooling functions as nodes of Functional models."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_softpool.ops.native.tensorflow import xla
from tf_softpool.ops.window import PoolWindow


class PoolNode(keras.Layer):
    """Base class of a pooling function's node in a Functional model.

    It is a layer, and not a `keras.Operation`, because only a layer can tell Keras that XLA cannot compile
    it.
    """

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None,
        padding: str,
        data_format: str | None,
        rank: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.window = PoolWindow.of(rank, pool_size, strides, padding, data_format)
        self.supports_jit = xla.runs_our_poolings()

    def compute_output_spec(self, x: Any, *args: Any) -> keras.KerasTensor:
        """Returns a `KerasTensor` of the pooled shape and the type of `x`."""
        return keras.KerasTensor(self.window.output_shape(x.shape), dtype=x.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "pool_size": self.window.pool_size,
            "strides": self.window.strides,
            "padding": self.window.padding,
            "data_format": self.window.data_format,
            "rank": self.window.rank,
        }
