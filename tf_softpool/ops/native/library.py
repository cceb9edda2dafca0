"""Finds, checks and loads the compiled library, or says why it cannot be used."""

import functools
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

LIBRARY = Path(__file__).resolve().parents[2] / "lib" / "libtf_softpool_ops.so"

# Groups of TensorFlow's minor versions. A library that was built for one version of a group loads in all
# versions of the group. A library for any other version loads in that version alone.
_INTERCHANGEABLE = [{(2, 17), (2, 18), (2, 19)}]


@dataclass(frozen=True)
class Native:
    """The compiled library.

    Attributes:
        ops: the module of compiled ops, or None if they cannot be used.
        error: why they cannot be used, or None.
        built: what the build wrote down about itself (`build.json`).
        running: the version of the TensorFlow that is running, or None on another backend.
    """

    ops: Any = None
    error: str | None = None
    built: dict = field(default_factory=dict)
    running: str | None = None


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def same_minor(first: str, second: str) -> bool:
    """Returns whether two versions of TensorFlow differ in their patch number at most."""
    return _minor(first) == _minor(second)


def loads_in(built_for: str, running: str) -> bool:
    """Returns whether a library built for one version of TensorFlow loads in another."""
    pair = {_minor(built_for), _minor(running)}
    return same_minor(built_for, running) or any(pair <= group for group in _INTERCHANGEABLE)


def _load(library: Path = LIBRARY) -> Native:
    if keras.backend.backend() != "tensorflow":
        return Native(error=f"Keras runs on {keras.backend.backend()}, not on TensorFlow")
    import tensorflow as tf

    running = tf.__version__
    reinstall = (
        "Reinstall tf_softpool in this environment, from its source: "
        '"pip install --force-reinstall --no-deps <path to tf_softpool>"'
    )
    try:
        built = json.loads(library.with_name("build.json").read_text())
    except (OSError, ValueError):
        return Native(error=f"there is no compiled library at {library}. {reinstall}", running=running)
    if not loads_in(built["tensorflow"], running):
        error = f"it was built for TensorFlow {built['tensorflow']}, running {running}. {reinstall}"
        return Native(error=error, built=built, running=running)
    try:
        return Native(ops=tf.load_op_library(str(library)), built=built, running=running)
    except (tf.errors.OpError, OSError) as error:
        message = f"TensorFlow could not load {library}: {error}. {reinstall}"
        return Native(error=message, built=built, running=running)


@functools.cache
def load() -> Native:
    """Loads the library once.

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
    """Registers the gradients of an op, if the library has been loaded: see `gradients.register`."""
    if keras.backend.backend() == "tensorflow" and load().ops is not None:
        from tf_softpool.ops.native import gradients

        gradients.register(name, portable, send_back)
