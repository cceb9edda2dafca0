"""Loads the library that makes XLA able to compile our ops, and says why where it cannot be."""

import ctypes
import functools
from dataclasses import dataclass

from tf_softpool.ops import native

_NAME = "libtf_softpool_xla.so"


@dataclass(frozen=True)
class Xla:
    """The library for XLA: whether programs on the CPU call our kernels, or why there is no library."""

    kernels: bool = False
    error: str | None = None


def _load(ops):
    """The library that goes with a `native.Native`."""
    if ops.ops is None:
        return Xla(error=f"the compiled ops cannot be used: {ops.error}")
    if ops.built.get("xla_missing"):
        return Xla(error=ops.built["xla_missing"])
    try:
        library = ctypes.CDLL(str(native.LIBRARY.with_name(_NAME)))
    except OSError as error:
        return Xla(error=f"{_NAME} could not be loaded: {error}")
    function = library.tf_softpool_xla_kernels
    function.restype = ctypes.c_bool
    return Xla(kernels=function())


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
