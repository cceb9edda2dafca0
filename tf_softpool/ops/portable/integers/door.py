"""The way into the forms for 8-bit integers: what they need is checked here."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import ops

from tf_softpool.ops.portable.integers.windows import Windows
from tf_softpool.ops.portable.runtimes import LITERT_INT8, runtime
from tf_softpool.ops.window import PoolWindow


def are_wanted() -> bool:
    """Returns whether a graph is traced for 8-bit integers."""
    return runtime() == LITERT_INT8


def pooled(
    form: Callable[..., Any], tensors: Sequence[Any], window: PoolWindow, around: int | None = None
) -> Any:
    """Pools with a form for 8-bit integers.

    Args:
        form: function that takes `Windows` and then the tensors, with channels last. It returns a value
            for each window and channel, in the order of `[batch, windows, channels]`.
        tensors: tensors. The first is the input.
        window: a `PoolWindow`.
        around: int or None. A number of positions along each axis around the windows' centres, which take
            the place of the windows.

    Raises:
        ValueError: if the tensor's shape cannot be pooled, or what is asked for has no such form.
    """
    x = tensors[0]
    _check(x, window)
    shape = list(window.output_shape(x.shape))
    if window.data_format == "channels_first":
        tensors = [ops.moveaxis(tensor, 1, -1) for tensor in tensors]
        shape.append(shape.pop(1))
    here = replace(window, data_format="channels_last")
    first = tensors[0]
    windows = Windows.of(first, here) if around is None else Windows.around(first, here, around)
    y = ops.reshape(form(windows, *tensors), (-1, *shape[1:]))
    return ops.moveaxis(y, -1, 1) if window.data_format == "channels_first" else y


def _check(x: Any, window: PoolWindow) -> None:
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype != "float32":
        raise ValueError(
            f"Only pooling of float32 can be quantized, got {dtype}. Set the `dtype_policy` of the model's "
            "layers to float32 before the export."
        )
    if window.mask is not None:
        raise ValueError(
            "Pooling with a mask cannot be quantized: a graph of integers has no windows whose sizes depend "
            "on the input. Export a model without masks, for sequences of one length."
        )
    if window.positions is not None:
        raise ValueError("Pooling at positions that are drawn at random cannot be quantized.")
    if None in x.shape[1:]:
        raise ValueError(
            f"Pooling of a tensor of shape {tuple(x.shape)} cannot be quantized, because its size is open. "
            "Give an `input_signature` whose sizes are fixed. Only the batch may be open."
        )
