"""The function of `interface.cc`, which Python calls with addresses of values on a device."""

import ctypes
import itertools
from dataclasses import dataclass

# The types in the order of the function's type numbers.
DTYPES = ("float16", "bfloat16", "float32", "float64", "int32")
# A function that takes a number of bytes, and returns the address of that much memory on the device.
ALLOCATE = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("type", ctypes.c_int),
        ("rank", ctypes.c_int),
        ("dims", ctypes.POINTER(ctypes.c_int64)),
    )


class _Attribute(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("text", ctypes.c_char_p),
        ("count", ctypes.c_int),
        ("numbers", ctypes.POINTER(ctypes.c_int64)),
    )


@dataclass(frozen=True)
class Tensor:
    """The address of a tensor's values on the device, and the tensor's type and shape."""

    address: int
    dtype: str
    shape: tuple


def load(path):
    """Loads the library at a path, and returns its function."""
    function = ctypes.CDLL(str(path)).tf_softpool_run
    function.argtypes = [
        ctypes.c_char_p,
        ctypes.POINTER(_Attribute),
        ctypes.c_int,
        *[ctypes.POINTER(_Tensor)] * 2,
        ctypes.c_void_p,
        ALLOCATE,
    ]
    function.restype = ctypes.c_char_p
    return function


def _integers(values):
    values = [int(v) for v in values]
    return (ctypes.c_int64 * max(len(values), 1))(*values)


def _attributes(attributes):
    structures = []
    for name, value in attributes.items():
        text, count, numbers = None, 0, []
        if isinstance(value, str):
            text = value.encode()
        elif isinstance(value, bool):
            count, numbers = -2, [value]
        elif isinstance(value, int):
            count, numbers = -1, [value]
        else:
            count, numbers = len(value), value
        structures.append(_Attribute(name.encode(), text, count, _integers(numbers)))
    return (_Attribute * len(structures))(*structures)


def _tensors(tensors):
    structures = [
        _Tensor(None, 0, 0, _integers([]))
        if tensor is None
        else _Tensor(tensor.address, DTYPES.index(tensor.dtype), len(tensor.shape), _integers(tensor.shape))
        for tensor in tensors
    ]
    return (_Tensor * len(structures))(*structures)


def prepare(function, op, attributes, inputs, outputs, stream, allocate):
    """Prepares a call that may be repeated, so that repeating it takes little time in Python.

    Args:
        function: the function that `load` returns.
        op: string, the op's name.
        attributes: dict of names to strings, bools, ints or lists of ints.
        inputs: list of a `Tensor` for each input in the order of the op's description, or None for an absent
            input.
        outputs: list of a `Tensor` for each output, in the same way.
        stream: int, the address of a stream, or None.
        allocate: function of type `ALLOCATE`.

    Returns:
        A function that makes the call. It raises a RuntimeError with the kernels' message if they report an
        error.
    """
    tensors = (_tensors(inputs), _tensors(outputs))
    arguments = (op.encode(), _attributes(attributes), len(attributes), *tensors, stream, allocate)

    def call():
        error = function(*arguments)
        if error:
            raise RuntimeError(error.decode())

    return call


def window_attributes(windows):
    """Returns the attributes that every op has. `windows` is pool_size, strides, padding and data_format."""
    pool_size, strides, padding, data_format = windows
    return {
        "ksize": list(pool_size),
        "strides": list(strides),
        "padding": padding.upper(),
        "data_format": "NCHW" if data_format == "channels_first" else "NHWC",
    }


def op_name(pooling, gradient=False):
    """Returns the name of the op, or the gradient op, of a pooling with a name like `"detail_preserving"`."""
    words = itertools.chain(pooling.split("_"), ["pool"], ["grad"] * gradient)
    return "".join(word.capitalize() for word in words)
