"""Nodes run through TensorFlow's C API, as programs without Python run them."""

import ctypes
import functools
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import tensorflow as tf
from node import data_type
from node_ways import graph_def, output_types
from tensorflow.python.framework.errors_impl import exception_type_from_error_code

from tf_softpool.ops import native


class _Buffer(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p))


class _Output(ctypes.Structure):
    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


@functools.cache
def _api():
    """Returns TensorFlow's C library, with our ops loaded into it."""
    library = ctypes.CDLL(str(Path(tf.__file__).parent / "libtensorflow_cc.so.2"))
    for name in ("NewStatus", "NewGraph", "NewSession", "NewSessionOptions", "NewImportGraphDefOptions",
                 "GraphOperationByName", "AllocateTensor", "TensorData", "LoadLibrary"):  # fmt: skip
        getattr(library, f"TF_{name}").restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    for name in ("TensorByteSize", "Dim"):
        getattr(library, f"TF_{name}").restype = ctypes.c_int64
    with ExitStack() as made:
        status = _made(made, library, "Status")
        library.TF_LoadLibrary(str(native.load().library).encode(), status)
        _check(library, status)
    return library


def _made(stack, library, name, *arguments):
    """Returns a new object of the C API, which is deleted at the end: a session with its status."""
    made = ctypes.c_void_p(getattr(library, f"TF_New{name}")(*arguments))
    status = arguments[-1:] if name == "Session" else ()
    stack.callback(getattr(library, f"TF_Delete{name}"), made, *status)
    return made


def _check(library, status):
    if code := library.TF_GetCode(status):
        message = library.TF_Message(status).decode(errors="replace")
        raise exception_type_from_error_code(code)(None, None, message)


def _tensor(stack, library, array):
    """Returns a copy of an array. A tensor of strings gets empty strings, whose bytes are zeros."""
    bytes_each = 24 if array.dtype == object else array.dtype.itemsize
    dims = (ctypes.c_int64 * array.ndim)(*array.shape)
    size = ctypes.c_size_t(array.size * bytes_each)
    tensor = ctypes.c_void_p(library.TF_AllocateTensor(data_type(array), dims, array.ndim, size))
    if not tensor.value:
        raise tf.errors.ResourceExhaustedError(None, None, "there is no memory for an input")
    stack.callback(library.TF_DeleteTensor, tensor)
    content = b"\0" * size.value if array.dtype == object else np.ascontiguousarray(array).tobytes()
    if content:
        ctypes.memmove(library.TF_TensorData(tensor), content, size.value)
    return tensor


def _array(library, tensor):
    shape = [library.TF_Dim(tensor, i) for i in range(library.TF_NumDims(tensor))]
    content = ctypes.string_at(library.TF_TensorData(tensor), library.TF_TensorByteSize(tensor))
    dtype = tf.dtypes.as_dtype(library.TF_TensorType(tensor)).as_numpy_dtype
    return np.frombuffer(content, dtype).reshape(shape)


def c_api(node):
    """Runs a node in a session of the C API, from a serialized GraphDef."""
    library = _api()
    with ExitStack() as made:
        status, graph = _made(made, library, "Status"), _made(made, library, "Graph")
        text = graph_def(node).SerializeToString()
        buffer = _Buffer(ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p), len(text), None)
        options = _made(made, library, "ImportGraphDefOptions")
        library.TF_GraphImportGraphDef(graph, ctypes.byref(buffer), options, status)
        _check(library, status)
        session = _made(made, library, "Session", graph, _made(made, library, "SessionOptions"), status)
        _check(library, status)

        def ends(name, count):
            find = library.TF_GraphOperationByName
            return (_Output * count)(*((find(graph, f"{name}_{i}".encode()), 0) for i in range(count)))

        inputs = [_tensor(made, library, v) for v in node.inputs]
        values = (ctypes.c_void_p * len(inputs))(*(v.value for v in inputs))
        count = len(output_types(node))
        results = (ctypes.c_void_p * count)()
        library.TF_SessionRun(session, None, ends("input", len(inputs)), values, len(inputs),
                              ends("output", count), results, count, None, 0, None, status)  # fmt: skip
        _check(library, status)
        results = [ctypes.c_void_p(v) for v in results]
        for tensor in results:
            made.callback(library.TF_DeleteTensor, tensor)
        return [_array(library, tensor) for tensor in results]
