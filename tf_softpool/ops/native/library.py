"""Finds, checks and loads the compiled libraries, or says why they cannot be used."""

import functools
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from tf_softpool_cli.supported import minor

# The folder of the libraries. It has the library with all kernels and, for each TensorFlow that the package
# was built for, a folder with the ops of that TensorFlow.
FOLDER = Path(__file__).resolve().parents[2] / "lib"
KERNELS = FOLDER / "libsoftpool_kernels.so"
OPS = "libtf_softpool_ops.so"

# Groups of TensorFlow's minor versions. Ops that were built for one version of a group load in all versions
# of the group. Ops for any other version load in that version alone.
_INTERCHANGEABLE = [{(2, 17), (2, 18), (2, 19)}]


@dataclass(frozen=True)
class Native:
    """The compiled ops.

    Attributes:
        ops: the module of compiled ops, or None if they cannot be used.
        library: the path of their library, or None if they cannot be used.
        error: why they cannot be used, or None.
        built: what the build wrote down about the kernels and these ops (both `build.json`).
        running: the version of the TensorFlow that is running, or None on another backend.
    """

    ops: Any = None
    library: Path | None = None
    error: str | None = None
    built: dict = field(default_factory=dict)
    running: str | None = None


def same_minor(first: str, second: str) -> bool:
    """Returns whether two versions of TensorFlow differ in their patch number at most."""
    return minor(first) == minor(second)


def loads_in(built_for: str, running: str) -> bool:
    """Returns whether ops built for one version of TensorFlow load in another."""
    pair = {minor(built_for), minor(running)}
    return same_minor(built_for, running) or any(pair <= group for group in _INTERCHANGEABLE)


def _load(folder: Path = FOLDER) -> Native:
    if keras.backend.backend() != "tensorflow":
        return Native(error=f"Keras runs on {keras.backend.backend()}, not on TensorFlow")
    import tensorflow as tf

    running = tf.__version__
    build = (
        'Build it for this TensorFlow: "pip install --force-reinstall --no-deps --no-binary tf_softpool '
        'tf_softpool", or "pip install --force-reinstall --no-deps <path to a checkout>"'
    )
    try:
        kernels = json.loads((folder / "build.json").read_text())
        skins = {path.parent: json.loads(path.read_text()) for path in folder.glob("tf*/build.json")}
        built_for = {path: skin["tensorflow"] for path, skin in skins.items()}
    except (OSError, ValueError, KeyError):
        built_for = {}
    if not built_for:
        return Native(error=f"there is no compiled library in {folder}. {build}", running=running)
    # Of several ops that load, those for this very version have XLA too.
    fit = [path for path, version in built_for.items() if loads_in(version, running)]
    fit.sort(key=lambda path: not same_minor(built_for[path], running))
    if not fit:
        versions = ", ".join(sorted(built_for.values(), key=minor))
        error = f"it was built for TensorFlow {versions}, running {running}. {build}"
        return Native(error=error, built=kernels, running=running)
    built, library = {**kernels, **skins[fit[0]]}, fit[0] / OPS
    try:
        return Native(tf.load_op_library(str(library)), library, built=built, running=running)
    except (tf.errors.OpError, OSError) as error:
        message = f"TensorFlow could not load {library}: {error}. {build}"
        return Native(error=message, built=built, running=running)


@functools.cache
def load() -> Native:
    """Loads the ops once.

    Warns:
        RuntimeWarning: once, if Keras runs on TensorFlow and the library cannot be used.
    """
    native = _load()
    if native.ops is None and keras.backend.backend() == "tensorflow":
        warnings.warn(
            "tf_softpool computes with standard operations, which is slower, because its compiled "
            f"library cannot be used: {native.error}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return native


def register_gradients(
    name: str, portable: Callable | None = None, send_back: Callable | None = None
) -> None:
    """Registers the gradients of an op, if the ops have been loaded: see `gradients.register`."""
    if keras.backend.backend() == "tensorflow" and load().ops is not None:
        from tf_softpool.ops.native import gradients

        gradients.register(name, portable, send_back)
