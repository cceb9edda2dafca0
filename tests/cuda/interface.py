"""The function of `interface.cc`, for Python to call with addresses of values on a device."""

import ctypes
import itertools

# As the function counts them.
DTYPES = ("float16", "bfloat16", "float32", "float64")
# Called with a number of bytes; returns the address of as much memory of the device.
ALLOCATE = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)

_INTEGERS = ctypes.POINTER(ctypes.c_int64)
_ADDRESSES = ctypes.POINTER(ctypes.c_void_p)
_ARGUMENTS = [
    ctypes.c_char_p,
    *[ctypes.c_int] * 2,
    *[_INTEGERS] * 3,
    *[ctypes.c_int] * 2,
    _INTEGERS,
    *[_ADDRESSES] * 2,
    ctypes.c_void_p,
    ALLOCATE,
]


def load(path):
    """The function in the library at a path."""
    function = ctypes.CDLL(str(path)).tf_softpool_run
    function.argtypes, function.restype = _ARGUMENTS, ctypes.c_char_p
    return function


def _array(kind, values):
    values = list(values)
    return (kind * max(len(values), 1))(*values)


def prepare(function, op, dtype, shape, windows, options, inputs, outputs, stream, allocate):
    """A call that may be repeated: all that Python has to do for it is done here.

    Args:
        function: what `load` returns.
        op: the op's name.
        dtype: its type's name.
        shape: the shape of the tensor that is pooled.
        windows: pool_size, strides, padding, data_format.
        options: numbers, by pooling: see `interface.cc`.
        inputs: addresses.
        outputs: addresses.
        stream: the address of a stream, or None.
        allocate: a function of `ALLOCATE`'s kind.

    Returns:
        A function that raises RuntimeError with what the kernels say is wrong.
    """
    pool_size, strides, padding, data_format = windows
    integers = (_array(ctypes.c_int64, map(int, v)) for v in (shape, pool_size, strides, options))
    dims, ksize, steps, numbers = integers
    flags = (int(padding == "same"), int(data_format == "channels_first"))
    addresses = [_array(ctypes.c_void_p, v) for v in (inputs, outputs)]
    arguments = (op.encode(), DTYPES.index(dtype), len(shape), dims, ksize, steps, *flags, numbers)
    arguments = (*arguments, *addresses, stream, allocate)

    def call():
        error = function(*arguments)
        if error:
            raise RuntimeError(error.decode())

    return call


def operation(pooling, *, gradient, **variant):
    """An op's name, and its options as the function takes them.

    Args:
        pooling: `"soft"`, `"sorted"`, `"importance"` or `"detail_preserving"`.
        gradient: whether it is the pooling's gradient.
        variant: by pooling: `weights`; `pool_range`, `per_channel`, `softmax`; `guided`, `symmetric`.
    """
    names = {
        "soft": ("weights",),
        "sorted": ("pool_range", "per_channel", "softmax"),
        "importance": (),
        "detail_preserving": ("guided", "symmetric"),
    }[pooling]
    if pooling == "soft":
        variant = {"weights": False, **variant}
    words = itertools.chain(pooling.split("_"), ["pool"], ["grad"] * gradient)
    return "".join(word.capitalize() for word in words), [int(variant[name]) for name in names]
