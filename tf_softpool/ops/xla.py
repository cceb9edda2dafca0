"""Loads the library that makes XLA able to compile our ops, and says why where it cannot be."""

import ctypes
import functools
from dataclasses import dataclass

from tf_softpool.ops import native

_NAME = "libtf_softpool_xla.so"


@dataclass(frozen=True)
class Xla:
    """The library for XLA: where programs call our kernels, or why there is no library."""

    kernels: bool = False  # on the CPU
    cuda_kernels: bool = False
    library: str | None = None
    error: str | None = None


def _load(ops):
    """The library that goes with a `native.Native`."""
    if ops.ops is None:
        return Xla(error=f"the compiled ops cannot be used: {ops.error}")
    if ops.built.get("xla_missing"):
        return Xla(error=ops.built["xla_missing"])
    if not native.same_minor(ops.built["tensorflow"], ops.running):
        # Where the ops load in both, XLA's classes may still differ.
        return Xla(error=f"it was built for TensorFlow {ops.built['tensorflow']}, running {ops.running}")
    path = native.LIBRARY.with_name(_NAME)
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
def load():
    """Loads the library once.

    Returns:
        An `Xla`.
    """
    return _load(native.load())


def runs_our_poolings():
    """Whether XLA can compile our poolings: the compiled ops with our library, the portable form always."""
    return native.load().ops is None or load().error is None
