"""Midrange pooling, the example of docs/adding_a_pooling.md: its function and its layer."""

from pathlib import Path

import keras
import tensorflow as tf

from tf_softpool.layers.base import Pooling
from tf_softpool.ops import arguments, dispatch, native
from tf_softpool.ops.portable.infinities import largest_present
from tf_softpool.ops.portable.standard import pool
from tf_softpool.ops.window import PoolWindow

LIBRARY = Path(__file__).parents[2] / "build" / "checkout" / "midrange" / "libtf_softpool_midrange.so"


def midrange_pool(x, pool_size, strides=None, padding="valid", data_format=None):
    """Pools each window to the mean of its largest and its smallest value."""
    x = arguments.as_tensor(x)
    rank = arguments.spatial_rank(x)
    return pool_windows(x, PoolWindow.of(rank, pool_size, strides, padding, data_format))


def pool_windows(x, window):
    """Computes midrange pooling over the windows of a `PoolWindow`, with the compiled op if possible."""
    return dispatch.pool(
        x,
        window,
        lambda module: module.softpool_midrange_pool(input=x, **window.attributes()),
        lambda: portable_midrange_pool(x, window),
    )


def portable_midrange_pool(x, window):
    """Computes midrange pooling in standard operations."""

    def reduce(a, present):
        return 0.5 * largest_present(a, present) - 0.5 * largest_present(-a, present)

    return pool(x, window, reduce)


native.register_gradients("MidrangePool", portable_midrange_pool)


@keras.saving.register_keras_serializable("midrange")
class MidrangePooling2D(Pooling):
    """A layer that pools images by midrange pooling."""

    rank = 2

    def pool(self, inputs):
        """Pools a tensor."""
        return pool_windows(inputs, self.window)


def load():
    """Loads the example's library, and adds its ops to those of the package."""
    if not LIBRARY.exists():
        raise FileNotFoundError("The library does not exist. Build it with `make test-kernels`.")
    library = tf.load_op_library(str(LIBRARY))
    for name in ("softpool_midrange_pool", "softpool_midrange_pool_grad"):
        setattr(native.load().ops, name, getattr(library, name))
