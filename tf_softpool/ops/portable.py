"""The portable form: standard operations, for wherever our ops are not."""

import contextlib
import contextvars

import keras

_forced = contextvars.ContextVar("tf_softpool_portable", default=False)


@contextlib.contextmanager
def portable():
    """Inside, every function and layer of tf_softpool uses standard operations only.

    What is traced inside (a `tf.function`, an export) keeps them for good. Contexts nest, and each
    thread has its own.

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


def is_forced():
    """Whether this is inside `portable()`."""
    return _forced.get()


def compute_dtype(dtype):
    """The type that values of a type are computed in: 16-bit ones in float32."""
    return "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"
