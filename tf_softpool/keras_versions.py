"""The differences between the versions of Keras that this package works with, from 3.5 to 3.15.

Each function does the same with every version. Its docstring says which versions differ. Where private
attributes differ, `rewriting/keras_model/internals.py` says so.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
from typing import Any

import keras


def layer_class(name: str) -> type[keras.Layer] | None:
    """Returns a layer class of Keras by its name, or None if this version lacks the class.

    Before 3.13, Keras has no adaptive pooling.
    """
    return getattr(keras.layers, name, None)


def why_missing(kind: str) -> str:
    """Returns why this version lacks a kind of pooling that others have, or an empty string."""
    if kind not in ("adaptive_max", "adaptive_average") or layer_class("AdaptiveMaxPooling2D"):
        return ""
    return f"Keras has this kind since version 3.13, and this is Keras {keras.__version__}. "


def is_variable(value: Any) -> bool:
    """Returns whether a value is a variable. Before 3.7, those of layers are of a base of its class."""
    return isinstance(value, keras.Variable.__bases__[0])


def is_ragged(tensor: keras.KerasTensor) -> bool:
    """Returns whether a symbolic tensor is ragged. Before 3.9, there are no ragged ones."""
    return bool(getattr(tensor, "ragged", False))


def write_out(archive: keras.export.ExportArchive, path: str | os.PathLike[str]) -> None:
    """Writes a SavedModel in silence. Before 3.6, Keras has no argument for that, and prints signatures."""
    if "verbose" in inspect.signature(archive.write_out).parameters:
        archive.write_out(path, verbose=False)
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            archive.write_out(path)
