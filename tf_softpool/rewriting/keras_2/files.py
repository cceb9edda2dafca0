"""Files of Keras 2, HDF5 and archives, read with Keras 3."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras

from tf_softpool.packages import plain
from tf_softpool.rewriting.identify import is_hdf5
from tf_softpool.rewriting.keras_2.compilation import compile_model
from tf_softpool.rewriting.keras_2.configs import Converter, renaming_note
from tf_softpool.rewriting.keras_2.errors import Keras2Error, cannot_be_read
from tf_softpool.rewriting.keras_2.weights import (
    load_weights,
    names_in,
    rearrange,
    rename_layers,
    weights_of_layers,
)

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def version_of(path: str | Path) -> str:
    """Returns the version of Keras 2 that wrote a Keras file, or an empty string if Keras 3 wrote it.

    HDF5 files of before 1.2 say no version. They count as "1". A damaged file gives an empty string, because
    Keras 3 says what is wrong with it.
    """
    try:
        version = _version(Path(path))
    except Exception:
        return ""
    return version if version.startswith(("0", "1", "2")) else ""


def _version(path: Path) -> str:
    if is_hdf5(path):
        with h5py.File(path) as file:
            return _text(file.attrs.get("keras_version", "1"))
    if path.is_dir():
        metadata = (path / METADATA).read_text()
    else:
        with zipfile.ZipFile(path) as archive:
            metadata = archive.read(METADATA).decode()
    return str(json.loads(metadata).get("keras_version", ""))


def load(
    path: str | Path, version: str, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True
) -> tuple[keras.Model, list[str]]:
    """Loads a file of Keras 2.

    Returns:
        The model, compiled if the file says how, and notes for the user.

    Raises:
        ValueError: if Keras 3 cannot read it. The error says what is in the way, and the ways out.
    """
    path, converter = Path(path), Converter(custom_objects)
    notes: list[str] = []
    loading = {"custom_objects": custom_objects, "safe_mode": safe_mode}
    # A scope without objects would hide the caller's own scope.
    scope = keras.saving.custom_object_scope(custom_objects) if custom_objects else contextlib.nullcontext()
    try:
        with scope:
            if is_hdf5(path):
                model, compilation = _load_hdf5(path, converter, loading, notes)
            else:
                model, compilation = _load_archive(path, converter, loading)
            if compilation:
                notes += compile_model(model, compilation, path)
    except Keras2Error as error:
        raise cannot_be_read(path, version, error) from error
    except Exception as error:
        raise cannot_be_read(path, version, f"{type(error).__name__}: {plain(error)}.") from error
    renaming = renaming_note(converter.renamed)
    return model, [*notes, *converter.notes, *([renaming] if renaming else [])]


def _load_hdf5(
    path: Path, converter: Converter, loading: dict[str, Any], notes: list[str]
) -> tuple[keras.Model, Any]:
    """Returns the model of an HDF5 file, and how it was compiled, or None."""
    with h5py.File(path) as file:
        config = json.loads(_text(file.attrs["model_config"]))
        compilation = json.loads(_text(file.attrs.get("training_config", "null")))
        weights = file["model_weights"]
        if _text(weights.attrs.get("backend", "tensorflow")) == "theano":
            raise Keras2Error("it was trained with Theano, whose convolutions turn their kernels around.")
        model = keras.saving.deserialize_keras_object(converter.read(config), **loading)
        if any(names_in(group, "weight_names") for group in weights_of_layers(weights)):
            load_weights(weights, model, converter.name)
        elif model.weights:
            notes.append("The file has no weights, so the model has its initial ones.")
    return model, compilation


def _load_archive(path: Path, converter: Converter, loading: dict[str, Any]) -> tuple[keras.Model, Any]:
    """Returns the model of an archive, and how it was compiled, or None."""
    with tempfile.TemporaryDirectory() as temporary, _unpacked(path, temporary) as folder:
        config = json.loads((folder / CONFIG).read_text())
        compilation = config.pop("compile_config", None)
        (folder / CONFIG).write_text(json.dumps(converter.read(config)))
        with h5py.File(folder / WEIGHTS, "r+") as file:
            rearrange(file)
            # The names depend on the order of the layers, which only the model itself knows.
            model = keras.saving.deserialize_keras_object(
                json.loads((folder / CONFIG).read_text()), **loading
            )
            rename_layers(file, config["config"], model, converter.name)
        packed = Path(temporary) / "model.keras"
        with zipfile.ZipFile(packed, "w") as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(folder))
        return keras.models.load_model(packed, compile=False, **loading), compilation


@contextlib.contextmanager
def _unpacked(path: Path, temporary: str) -> Iterator[Path]:
    """Yields a folder with the files of an archive, which may be a folder itself."""
    folder = Path(temporary) / "unpacked"
    if path.is_dir():
        shutil.copytree(path, folder)
    else:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.file_size > 100 * max(member.compress_size, 2**20):
                    raise Keras2Error(
                        f"its member {member.filename!r} says that it unpacks to {member.file_size} bytes."
                    )
            archive.extractall(folder)
    yield folder


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
