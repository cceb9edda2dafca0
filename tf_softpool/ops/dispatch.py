"""What every pooling's function does around its mathematics: checks, and the choice of what runs."""

import keras
from keras import ops

from tf_softpool.ops import native, xla
from tf_softpool.ops.portable import is_forced
from tf_softpool.ops.window import PoolWindow

DTYPES = ("float16", "bfloat16", "float32", "float64")


def spatial_rank(x):
    """The number of spatial dimensions of a tensor.

    Raises:
        ValueError: it is not one to three.
    """
    rank = len(x.shape) - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"`x` must have one to three spatial dimensions, got shape {x.shape}.")
    return rank


def check(x, window):
    """The shape of a pooled tensor.

    Raises:
        ValueError: the tensor's shape or type cannot be pooled.
    """
    shape = window.output_shape(x.shape)
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype not in DTYPES:
        raise ValueError(f"Pooling needs a tensor of one of the types {DTYPES}, got {dtype}.")
    return shape


def check_real(tensor, name):
    """Raises a ValueError where a tensor, which an argument's name stands for, is not of real numbers."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if not (keras.backend.is_float_dtype(dtype) or keras.backend.is_int_dtype(dtype)):
        raise ValueError(f"`{name}` must be real numbers, got a tensor of type {dtype}.")


def shapes_agree(first, second):
    """Whether two shapes can be the same: unknown dimensions may be any."""
    pairs = zip(first, second, strict=False)
    return len(first) == len(second) and all(a == b for a, b in pairs if None not in (a, b))


def pool(x, window, compiled, portable):
    """Pools a tensor: with a compiled op where possible, else with standard operations.

    Args:
        x: tensor.
        window: a `PoolWindow`.
        compiled: a function of the module of compiled ops, which returns the pooled tensor.
        portable: a function without arguments that does the same in standard operations.

    Raises:
        ValueError: the tensor's shape or type cannot be pooled.
    """
    shape = check(x, window)
    module = None if is_forced() else native.load().ops
    if module is None:
        return portable()
    y = compiled(module)
    if window.is_whole:
        # The op's output is ceil(size / stride) long, which a graph does not know to be one.
        y.set_shape(shape)
    return y


class PoolNode(keras.Layer):
    """Base of a pooling function as a node of a Functional model.

    A layer and not an operation, for only layers can tell Keras where XLA cannot compile them.
    """

    def __init__(self, pool_size, strides, padding, data_format, rank, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.window = PoolWindow.of(rank, pool_size, strides, padding, data_format)
        self.supports_jit = xla.runs_our_poolings()

    def compute_output_spec(self, x, *args):
        """The pooled tensor's shape, and the type that it had before."""
        return keras.KerasTensor(self.window.output_shape(x.shape), dtype=x.dtype)

    def get_config(self):
        """The arguments that make this layer."""
        return {
            **super().get_config(),
            "pool_size": self.window.pool_size,
            "strides": self.window.strides,
            "padding": self.window.padding,
            "data_format": self.window.data_format,
            "rank": self.window.rank,
        }


def as_tensor(x, dtype=None):
    """A tensor, also of a number or an array, which are given a type; tensors keep theirs."""
    if isinstance(x, keras.KerasTensor) or ops.is_tensor(x):
        return x
    return ops.convert_to_tensor(x, None if hasattr(x, "dtype") else dtype)
