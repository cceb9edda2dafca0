"""The choice between a quick result and an exact one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import keras
from keras import ops

from tf_softpool.ops import numerics
from tf_softpool.ops.arguments import compute_dtype
from tf_softpool.ops.portable.infinities import limit_of
from tf_softpool.ops.portable.integers import door
from tf_softpool.ops.portable.runtimes import LITERT, OPENVINO, runtime
from tf_softpool.ops.portable.taps import set_static_shape, static_shape
from tf_softpool.ops.window import PoolWindow

# Longer windows are left to the exact forms: some runtimes count positions in few bits.
_LONGEST = 4096


class Quick(NamedTuple):
    """A result that may be wrong.

    Attributes:
        y: tensor of the pooled shape, with channels last.
        right: a bool tensor without axes, whether the result is right. Or None if it always is.
    """

    y: Any
    right: Any


# Forms of one pooling, from the quickest to the one that is right most often.
Forms = Sequence[Callable[[], Quick]]


def or_exact(
    quick: Callable[..., Forms],
    tensors: Sequence[Any],
    window: PoolWindow,
    exact: Callable[[], Any],
    integers: Callable[..., Any],
    has_derivatives: bool = False,
) -> Any:
    """Pools with the first of some quick forms that is right, and with an exact form if none is.

    Args:
        quick: function that takes a `PoolWindow` and then the tensors, with channels last, in the type that
            values are computed in. The windows are whole, "valid" or "same". It returns the `Forms` that it
            has for them, perhaps none.
        tensors: tensors of the input's form. The first is the input.
        window: a `PoolWindow`.
        exact: function without arguments that returns the exact result.
        integers: the form for 8-bit integers, as `integers.door.pooled` takes it. A graph for these has no
            branches and no numbers but finite ones, so it needs no other form.
        has_derivatives: whether the derivatives of the quick forms are right too. If not, they are for
            exports alone.
    """
    if door.are_wanted():
        return door.pooled(integers, tensors, window)
    if runtime() is None and not has_derivatives:
        return exact()
    x = tensors[0]
    same_windows = _plain(x, window)
    # If TensorFlow looks at results, a wrong one must not even appear.
    if same_windows is None or numerics.are_checked():
        return exact()

    def finished(y: Any) -> Any:
        return ops.cast(ops.moveaxis(y, -1, 1) if window.data_format == "channels_first" else y, x.dtype)

    forms = quick(same_windows, *(_channels_last(tensor, window) for tensor in tensors))
    return _first_right(forms, _can_choose(x), finished, exact)


def _first_right(
    forms: Forms, can_choose: bool, finished: Callable[[Any], Any], exact: Callable[[], Any]
) -> Any:
    """Returns the result of the first form that is right, or of the first that always is without a choice."""
    if not forms:
        return exact()
    form, *others = forms
    y, right = form()
    if right is None:
        return finished(y)
    if not can_choose:
        return _first_right(others, can_choose, finished, exact)
    return chosen(right, finished(y), lambda: _first_right(others, can_choose, finished, exact))


def _can_choose(x: Any) -> bool:
    """Returns whether a graph may choose between results.

    OpenVINO 2026.4 may compute other nodes wrongly if a graph with a choice has an open batch: in the first
    call of a model, they read memory that nothing was written to. JAX does not see that two results have the
    same shape, if the sizes are not known.
    """
    if keras.backend.backend() == "jax" and None in static_shape(x):
        return False
    return runtime() != OPENVINO or None not in list(x.shape)


def _channels_last(tensor: Any, window: PoolWindow) -> Any:
    tensor = ops.cast(tensor, compute_dtype(tensor.dtype))
    if window.data_format == "channels_last":
        return tensor
    # Unlike `moveaxis`, it takes a variable of TensorFlow.
    return ops.transpose(tensor, (0, *range(2, window.rank + 2), 1))


def chosen(right: Any, y: Any, exact: Callable[[], Any]) -> Any:
    """Returns `y` if a condition without axes holds, and calls a function if not."""
    result = one_of(right, lambda: y, exact)
    # The exact form may know less of its shape.
    set_static_shape(result, y.shape)
    return result


def one_of(condition: Any, first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Calls the first of two functions if a condition without axes holds, and the second one if not."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.cond(condition, first, second)
    known = _known(condition)
    if known is None:
        return ops.cond(condition, first, second)
    return first() if known else second()


def _known(condition: Any) -> bool | None:
    """Returns a condition whose value is known already, or None while JAX traces it.

    Outside of a trace, JAX would compile both branches of every choice again.
    """
    try:
        return bool(condition)
    except TypeError:
        return None


def _plain(x: Any, window: PoolWindow) -> PoolWindow | None:
    """Returns windows with channels last that are whole, "valid" or "same", if these are such windows of `x`.

    Raises:
        ValueError: if the tensor's shape cannot be pooled.
    """
    window.output_shape(static_shape(x))
    if window.mask is not None or window.positions is not None or 0 in list(x.shape):
        return None
    lengths = [x.shape[axis] for axis in window.spatial_axes]
    sizes, strides, padding = window.pool_size, window.strides, window.padding
    if window.is_adaptive:
        if not all(_divides(n, m) for n, m in zip(lengths, sizes, strict=True)):
            return None
        sizes = strides = tuple(n // m for n, m in zip(lengths, sizes, strict=True))
        padding = "valid"
    elif padding == "after":
        # "same" puts a padding of one position behind the input too.
        lacks = [m - 1 if n is None else -n % m for n, m in zip(lengths, sizes, strict=True)]
        if sizes != strides or max(lacks) > 1:
            return None
        padding = "same"
    if not window.is_whole and max(sizes) > _LONGEST:
        return None
    if padding == "same" and keras.backend.backend() == "torch":
        # On PyTorch, Keras's average pooling pads with copies of the border, and counts them.
        return None
    return replace(window, pool_size=sizes, strides=strides, padding=padding, data_format="channels_last")


def _divides(length: int | None, number: int) -> bool:
    return length is not None and length % number == 0


def is_finite(y: Any) -> Any:
    """Returns whether a tensor has neither infinities nor NaN. It may say no for numbers near the limit."""
    finite = ops.abs(ops.sum(y)) <= limit_of(y)
    if runtime() != LITERT:
        return finite
    # The poolings of LiteRT turn infinities into the largest finite numbers.
    most = 0.25 * limit_of(y)
    return ops.logical_and(finite, is_between(y, -most, most))


def is_between(y: Any, least: float, most: float) -> Any:
    """Returns whether all numbers of a tensor are between two others. NaN is not."""
    return ops.logical_and(_least(y) > least, -_least(-y) < most)


def _least(y: Any) -> Any:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Without a condition on the size of the tensor, which `keras.ops.min` adds.
        return tf.reduce_min(y)
    return ops.min(y)
