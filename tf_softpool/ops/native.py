"""Finds, checks and loads the compiled library, and says why where it cannot be."""

import functools
import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import keras

LIBRARY = Path(__file__).resolve().parent.parent / "lib" / "libtf_softpool_ops.so"

# Minor versions of TensorFlow whose libraries load in each other, oldest first. Any other version loads
# only what was built for it.
_INTERCHANGEABLE = [{(2, 17), (2, 18), (2, 19)}]


@dataclass(frozen=True)
class Native:
    """The compiled library: its ops, or the reason why there are none."""

    ops: object = None
    error: str | None = None
    built: dict = field(default_factory=dict)
    running: str | None = None


def _minor(version):
    return tuple(int(part) for part in version.split(".")[:2])


def same_minor(first, second):
    """Whether two versions of TensorFlow differ in no more than their patches."""
    return _minor(first) == _minor(second)


def loads_in(built_for, running):
    """Whether a library built for one TensorFlow version loads in another."""
    pair = {_minor(built_for), _minor(running)}
    return same_minor(built_for, running) or any(pair <= group for group in _INTERCHANGEABLE)


def _load(library=LIBRARY):
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
def load():
    """Loads the library once. Warns, once, where TensorFlow runs and the library cannot be used.

    Returns:
        A `Native`.
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


def register_gradients(name, portable=None, send_back=None):
    """Registers the gradients of a pooling's op where it is there: see `gradients.register`."""
    if keras.backend.backend() == "tensorflow" and load().ops is not None:
        from tf_softpool.ops import gradients

        gradients.register(name, portable, send_back)
