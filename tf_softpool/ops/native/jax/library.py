"""Finds, checks and loads the library for JAX, or says why it cannot be used."""

import ctypes
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from tf_softpool.ops.native import signatures
from tf_softpool.ops.native.jax.calls import TARGET, Call
from tf_softpool.ops.native.jax.gradients import SIGNATURES, pool
from tf_softpool.ops.native.library import KERNELS, Native, how_to_build

_NAME = "libtf_softpool_jax.so"
_BUILD = how_to_build("JAX")
# JAX's names of the platforms that there are handlers for, and what it calls them as a default.
_PLATFORMS = {"cpu": "cpu", "cuda": "gpu"}
_VERSION = re.compile(r"#define XLA_FFI_API_(?:MAJOR|MINOR) (\d+)")


class Ops:
    """The compiled ops as functions, named and called as TensorFlow names and calls them."""

    def __init__(self, known: dict[str, signatures.Signature]) -> None:
        for name, signature in known.items():
            setattr(self, signatures.function_name(name), _function(signature))


def _function(signature: signatures.Signature) -> Callable:
    def call(**arguments: Any) -> Any:
        called, tensors = Call.of(signature, arguments)
        outputs = pool(called, *tensors)
        return outputs[0] if len(outputs) == 1 else outputs

    return call


def load(folder: Path) -> Native:
    """Loads the library, and makes its handlers known to JAX."""
    running = jax.__version__
    try:
        built = json.loads((folder / "build.json").read_text())
    except (OSError, ValueError):
        return Native(error=f"there is no compiled library in {folder}. {_BUILD}", running=running)
    if missing := built.get("jax_missing", "it was built without the library for JAX"):
        return Native(error=missing, built=built, running=running)
    path = folder / _NAME
    try:
        library, kernels = ctypes.CDLL(str(path)), ctypes.CDLL(str(folder / KERNELS.name))
    except OSError as error:
        return Native(error=f"{path} could not be loaded: {error}. {_BUILD}", built=built, running=running)
    if refusal := _too_new(library, built["jax_headers"]) or _register(library):
        return Native(error=refusal, built=built, running=running)
    SIGNATURES.update(signatures.read(kernels))
    return Native(Ops(SIGNATURES), path, built=built, running=running)


def _too_new(library: ctypes.CDLL, headers: str) -> str | None:
    """Returns an error if the library is for newer versions of XLA's interface than JAX has.

    JAX cannot start its backends after such a library has been registered.
    """
    needed = divmod(library.tf_softpool_jax_api_version(), 1000)
    header = Path(jax.ffi.include_dir()) / "xla" / "ffi" / "api" / "c_api.h"
    known = tuple(map(int, _VERSION.findall(header.read_text())))
    if needed <= known:
        return None
    return (
        f"it was built with the headers of {headers}, for version {_dotted(needed)} of XLA's foreign "
        f"function interface, and JAX {jax.__version__} has version {_dotted(known)}. {_BUILD}"
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _register(library: ctypes.CDLL) -> str | None:
    """Registers the handlers for the platforms that JAX runs on. Returns why they cannot be used, or None."""
    default = jax.default_backend()
    found = []
    for platform, name in _PLATFORMS.items():
        handler = getattr(library, f"tf_softpool_jax_{platform}", None)
        if handler is None or not _runs_on(platform):
            continue
        try:
            jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(handler), platform=platform)
        except Exception as error:
            return f"JAX {jax.__version__} refused it: {error}"
        found.append(name)
    return None if default in found else f"it has no kernels for {default}, on which JAX computes"


def _runs_on(platform: str) -> bool:
    """Returns whether JAX has a platform. JAX starts its backends for that.

    A handler that is registered before would not be checked now, and could stop a backend from starting.
    """
    try:
        return bool(jax.devices(platform))
    except RuntimeError:
        return False
