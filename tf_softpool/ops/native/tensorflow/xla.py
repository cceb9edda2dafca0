"""Loads the library that lets XLA compile our ops, or says why it cannot be used."""

import ctypes
import functools
from dataclasses import dataclass

import keras

from tf_softpool.ops import native
from tf_softpool_cli.supported import minor

_NAME = "libtf_softpool_xla.so"


@dataclass(frozen=True)
class Xla:
    """The library for XLA.

    Attributes:
        kernels: whether programs for the CPU call our kernels.
        cuda_kernels: whether programs for CUDA devices call our kernels.
        library: the path of the library, or None if it cannot be used.
        error: why it cannot be used, or None.
    """

    kernels: bool = False
    cuda_kernels: bool = False
    library: str | None = None
    error: str | None = None


def _load(ops: native.Native) -> Xla:
    """Loads the library that was built with the given ops."""
    if ops.ops is None:
        return Xla(error=f"the compiled ops cannot be used: {ops.error}")
    if ops.built.get("xla_missing"):
        return Xla(error=ops.built["xla_missing"])
    assert ops.running is not None
    if minor(ops.built["tensorflow"]) != minor(ops.running):
        # XLA's classes may differ between versions whose ops are interchangeable.
        return Xla(error=f"it was built for TensorFlow {ops.built['tensorflow']}, running {ops.running}")
    assert ops.library is not None
    path = ops.library.with_name(_NAME)
    try:
        library = ctypes.CDLL(str(path))
        questions = library.tf_softpool_xla_kernels, library.tf_softpool_xla_cuda_kernels
    except (OSError, AttributeError) as error:
        return Xla(error=f"{path} could not be loaded: {error}")
    for question in questions:
        question.restype = ctypes.c_bool
    on_cpu, on_cuda = (question() for question in questions)
    return Xla(kernels=on_cpu, cuda_kernels=on_cuda, library=str(path))


@functools.cache
def load() -> Xla:
    """Loads the library once."""
    if keras.backend.backend() != "tensorflow":
        return Xla(error=f"Keras runs on {keras.backend.backend()}, and this library is TensorFlow's")
    return _load(native.load())


def runs_our_poolings() -> bool:
    """Returns whether XLA can compile our poolings.

    XLA can always compile the portable forms. It can compile the ops of TensorFlow if the library for XLA is
    loaded, and always those of JAX.
    """
    if keras.backend.backend() != "tensorflow":
        return True
    return native.load().ops is None or load().error is None
