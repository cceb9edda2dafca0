"""The compiled ops for Keras's backend, or why they cannot be used."""

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

# The folder of the libraries. It has the library with all kernels, the library for JAX and, for each
# TensorFlow that the package was built for, a folder with the ops of that TensorFlow.
FOLDER = Path(__file__).resolve().parents[2] / "lib"
KERNELS = FOLDER / "libsoftpool_kernels.so"


@dataclass(frozen=True)
class Native:
    """The compiled ops.

    Attributes:
        ops: the compiled ops as functions, or None if they cannot be used.
        library: the path of their library, or None if they cannot be used.
        error: why they cannot be used, or None.
        built: what the build wrote down about the kernels and these ops (both `build.json`).
        running: the version of the TensorFlow or JAX that is running, or None on another backend.
    """

    ops: Any = None
    library: Path | None = None
    error: str | None = None
    built: dict = field(default_factory=dict)
    running: str | None = None


def how_to_build(framework: str) -> str:
    """Returns what to run to compile the package for the framework that is running, such as "JAX"."""
    return (
        f'Build it for this {framework}: "pip install --force-reinstall --no-deps --no-binary tf_softpool '
        'tf_softpool", or "pip install --force-reinstall --no-deps <path to a checkout>"'
    )


def _load() -> Native:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from tf_softpool.ops.native.tensorflow import library as for_tensorflow

        return for_tensorflow.load(FOLDER)
    if backend == "jax":
        from tf_softpool.ops.native.jax import library as for_jax

        return for_jax.load(FOLDER)
    return Native(error=f"Keras runs on {backend}, for which there are no compiled ops")


@functools.cache
def load() -> Native:
    """Loads the ops once.

    Warns:
        RuntimeWarning: once, if Keras runs on TensorFlow or JAX and the library cannot be used.
    """
    native = _load()
    if native.ops is None and keras.backend.backend() in ("tensorflow", "jax"):
        warnings.warn(
            "tf_softpool computes with standard operations, which is slower, because its compiled "
            f"library cannot be used: {native.error}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return native


def takes(x: Any) -> bool:
    """Returns whether compiled ops take a tensor. On JAX, its sizes must be known when a program is made."""
    return keras.backend.backend() != "jax" or all(isinstance(n, int) for n in x.shape)


def register_gradients(
    name: str, portable: Callable | None = None, send_back: Callable | None = None
) -> None:
    """Registers the gradients of an op, if there can be compiled ops: see `gradients.register`."""
    if keras.backend.backend() == "jax":
        from tf_softpool.ops.native.jax import gradients as jax_gradients

        jax_gradients.register(name, portable, send_back)
    elif keras.backend.backend() == "tensorflow" and load().ops is not None:
        from tf_softpool.ops.native.tensorflow import gradients

        gradients.register(name, portable, send_back)
