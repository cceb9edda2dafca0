"""Finds XLA's headers to compile the library for JAX with: a JAX's own, or those that a TensorFlow brings."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import find_tensorflow
from variables import JAX

_HEADER = Path("xla", "ffi", "api", "ffi.h")
_PROBE = """
import importlib.metadata, importlib.util, os
found = importlib.util.find_spec("jaxlib")
if found:
    folder = os.path.join(os.path.dirname(found.origin), "include")
    print(importlib.metadata.version("jaxlib"), folder)
"""


@dataclass(frozen=True)
class Headers:
    """XLA's headers.

    Attributes:
        include: the folder to include them from, or an empty string.
        of: whose they are, such as "JAX 0.10.2".
        missing: why there are none.
    """

    include: str = ""
    of: str = ""
    missing: str = ""


def headers(tensorflows):
    """Returns the headers to compile with, given the TensorFlows that are built for.

    JAX takes a library that was compiled with its own headers or with older ones, and refuses newer ones.

    Raises:
        RuntimeError: if the environment names an interpreter that has no JAX.
    """
    named = os.environ.get(JAX)
    if named == "0":
        return Headers(missing=f"it was built with {JAX}=0")
    found = _of_jax(named or sys.executable)
    if found is None and named:
        raise RuntimeError(f"{JAX} names {named}, which has no JAX with XLA's headers.")
    return found or _of_tensorflow(tensorflows)


def _of_jax(python):
    # pip hides the user's environment from an isolated build by setting PYTHONPATH.
    environment = find_tensorflow.outside()
    run = subprocess.run([python, "-c", _PROBE], env=environment, capture_output=True, text=True, check=False)
    version, _, folder = run.stdout.strip().partition(" ")
    return Headers(folder, f"JAX {version}") if folder and (Path(folder) / _HEADER).exists() else None


def _of_tensorflow(tensorflows):
    for tensorflow in tensorflows:
        for flag in tensorflow.compile_flags:
            if flag.startswith("-I") and (Path(flag[2:]) / _HEADER).exists():
                return Headers(flag[2:], f"TensorFlow {tensorflow.version}")
    return Headers(missing="neither JAX nor TensorFlow came with the headers of XLA when it was built")
