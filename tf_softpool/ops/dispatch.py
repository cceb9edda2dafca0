"""The choice between a compiled op and its portable form."""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import Any

from keras import ops

from tf_softpool.ops import native, numerics
from tf_softpool.ops.arguments import check_poolable
from tf_softpool.ops.portable.taps import kept_windows, mask_of, set_static_shape
from tf_softpool.ops.window import PoolWindow

_forced = contextvars.ContextVar("tf_softpool_portable", default=False)


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """Makes all functions and layers of tf_softpool use standard operations only, inside a `with` block.

    A graph that is traced inside, such as a `tf.function` or an export, keeps its standard operations after
    the block. Blocks may be nested. A block affects only the thread that entered it.

    Example:
        >>> import numpy as np
        >>> import tf_softpool as tsp
        >>> with tsp.portable():
        ...     y = tsp.soft_pool(np.ones((1, 4, 4, 1), "float32"), 2)
        >>> y.shape
        TensorShape([1, 2, 2, 1])
    """
    token = _forced.set(True)
    try:
        yield
    finally:
        _forced.reset(token)


def is_forced() -> bool:
    """Returns whether the caller is inside a `portable()` block."""
    return _forced.get()


def compiled_ops(x: Any) -> Any:
    """Returns the compiled ops, or None if standard operations must take their place for a tensor."""
    return native.load().ops if not is_forced() and native.takes(x) else None


def takes_infinities(x: Any) -> bool:
    """Returns whether compiled ops pool a tensor, and may be given an infinity that the tensor does not have.

    If TensorFlow checks numbers, it stops at every infinity.
    """
    return compiled_ops(x) is not None and not numerics.are_checked()


class _Placed:
    """The compiled ops whose windows lie at given positions, by the names of the ops without positions."""

    def __init__(self, module: Any, positions: Any) -> None:
        self._module = module
        self._positions = positions

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return functools.partial(getattr(self._module, f"{name}_at"), positions=self._positions)


class _Masked:
    """The compiled ops with `-inf`, which all of them take for padding, where a mask is False."""

    def __init__(self, module: Any, mask: Any) -> None:
        self._module = module
        self._mask = mask

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def masked(input: Any, **arguments: Any) -> Any:
            kept = ops.where(self._mask, input, float("-inf"))
            return getattr(self._module, name)(input=ops.cast(kept, input.dtype), **arguments)

        return masked


def pool(x: Any, window: PoolWindow, compiled: Callable[[Any], Any], standard: Callable[[], Any]) -> Any:
    """Pools a tensor with a compiled op if that can be used, and with standard operations if not.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        compiled: a function that takes the module of compiled ops and returns the pooled tensor.
        standard: a function without arguments that computes the same with standard operations.

    Raises:
        ValueError: if the tensor's shape or type cannot be pooled.
    """
    shape = check_poolable(x, window)
    module = compiled_ops(x)
    if module is None or (window.mask is not None and numerics.are_checked()):
        return standard()
    if window.positions is not None:
        module = _Placed(module, window.positions)
    if window.mask is not None:
        module = _Masked(module, mask_of(window))
    y = compiled(module)
    if window.is_whole:
        # The op's shape function computes ceil(size / stride) positions. If the size is unknown, it does not
        # see that this is always one.
        set_static_shape(y, shape)
    return y if window.mask is None else ops.where(kept_windows(window), y, ops.zeros_like(y))
