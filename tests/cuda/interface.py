"""The function of `interface.cc`, for Python to call with addresses of values on a device."""

import ctypes
import itertools
from dataclasses import dataclass

# As the function counts them.
DTYPES = ("float16", "bfloat16", "float32", "float64")
# Called with a number of bytes; returns the address of as much memory of the device.
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
    """Where a tensor's values are on the device, and what they are."""

    address: int
    dtype: str
    shape: tuple


def load(path):
    """The function in the library at a path."""
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
    """A call that may be repeated: all that Python has to do for it is done here.

    Args:
        function: what `load` returns.
        op: the op's name.
        attributes: by name: a string, a truth value, an int or a list of them.
        inputs: a `Tensor` for each, in the order of the op's description, None for one that is absent.
        outputs: the same.
        stream: the address of a stream, or None.
        allocate: a function of `ALLOCATE`'s kind.

    Returns:
        A function that raises RuntimeError with what the kernels say is wrong.
    """
    tensors = (_tensors(inputs), _tensors(outputs))
    arguments = (op.encode(), _attributes(attributes), len(attributes), *tensors, stream, allocate)

    def call():
        error = function(*arguments)
        if error:
            raise RuntimeError(error.decode())

    return call


def window_attributes(windows):
    """The attributes that every op has, of pool_size, strides, padding, data_format."""
    pool_size, strides, padding, data_format = windows
    return {
        "ksize": list(pool_size),
        "strides": list(strides),
        "padding": padding.upper(),
        "data_format": "NCHW" if data_format == "channels_first" else "NHWC",
    }


def op_name(pooling, gradient=False):
    """An op's name, of a pooling's, as `"detail_preserving"`, and whether it is its gradient."""
    words = itertools.chain(pooling.split("_"), ["pool"], ["grad"] * gradient)
    return "".join(word.capitalize() for word in words)
