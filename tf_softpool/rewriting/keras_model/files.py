"""Keras models in files, with their pooling replaced: .keras archives, unpacked or not, and HDF5."""

import contextlib
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from tf_softpool.rewriting.keras_model.check import bits
from tf_softpool.rewriting.keras_model.find import find_poolings
from tf_softpool.rewriting.keras_model.rewrite import rewrite_model
from tf_softpool.rewriting.keras_model.structure import structure_of
from tf_softpool.rewriting.policy.report import Report
from tf_softpool.rewriting.request import KERAS_SUFFIXES, FileRequest
from tf_softpool.writing import complete_or_absent


def rewrite_keras_file(request: FileRequest) -> Report:
    """Writes a Keras file with other pooling, loads it again, and compares it.

    Raises:
        ValueError: if the file cannot be loaded, or the result cannot be written as asked.
    """
    _check_out(request)
    loading: dict[str, Any] = {"custom_objects": request.custom_objects, "safe_mode": request.safe_mode}
    request.step("reading")
    model, note = load_keras_file(request.path, **loading)
    request.step("replacing")
    new, report = rewrite_model(model, request)
    if request.dry_run:
        return report
    report.notes += [note] if note else []
    # Before anything is written: a user may turn warnings into errors.
    report.warn(stacklevel=5)
    if report.replaced:
        with complete_or_absent(request.target, request.overwrite, request.path) as place:
            request.step("writing")
            _save(new, place)
            if request.path.is_file():
                shutil.copymode(request.path, place)
            request.step("checking")
            _check(new, place, loading)
    return report


def is_keras_file(path: str | Path) -> bool:
    """Returns whether a Keras model is at a path.

    Raises:
        ValueError: if the path ends like a Keras file, and something else or only weights are there.
    """
    path = Path(path)
    if path.is_dir():
        return (path / "config.json").is_file()
    if zipfile.is_zipfile(path):
        names = zipfile.ZipFile(path).namelist()
        if "config.json" not in names:
            raise ValueError(f"{path} is a zip archive without a Keras model: it has no config.json.")
        return True
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            if "model_config" not in file.attrs:
                raise ValueError(f"{path} holds only weights. The model that they belong to is not in it.")
        return True
    if path.suffix.lower() in KERAS_SUFFIXES:
        raise ValueError(f"{path} is not a whole Keras file: it is truncated, or is something else.")
    return False


def load_keras_file(
    path: str | Path, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True
) -> tuple[keras.Model, str]:
    """Loads a model, and returns it with a note for the user, or an empty string.

    Raises:
        ValueError: if Keras cannot load it.
    """
    options = {"custom_objects": custom_objects, "safe_mode": safe_mode}
    try:
        return keras.models.load_model(path, **options), ""
    except Exception as error:
        # Keras cannot read some of the losses and metrics that it writes to HDF5.
        with contextlib.suppress(Exception):
            why = str(error).splitlines()[0]
            note = f"Compile the model before you train it: Keras cannot read how it was compiled ({why})."
            return keras.models.load_model(path, compile=False, **options), note
        raise ValueError(
            f"{path} cannot be loaded as a Keras model. If it needs classes of your own, import and register "
            f"them, or give them as custom_objects. Keras says: {error}"
        ) from error


def _check_out(request: FileRequest) -> None:
    """Raises a ValueError if a Keras file cannot be written as asked."""
    if request.portable:
        raise ValueError("`portable` is for SavedModels. A Keras file holds layers, which run anywhere.")
    if request.out is None:
        return
    if request.out.suffix.lower() not in KERAS_SUFFIXES:
        raise ValueError(
            f"A Keras model must be written to a file that ends in one of {KERAS_SUFFIXES}, got "
            f"{request.out}. To get a SavedModel, export the model with "
            "`tsp.export(keras.models.load_model(path), out)`, before or after its pooling is replaced."
        )
    if request.out.is_dir():
        raise ValueError(f"{request.out} is a folder, and no file can replace it. Remove it yourself.")


def _save(model: keras.Model, path: Path) -> None:
    """Saves a model.

    Keras warns whenever it writes HDF5. The user chose the format by the file's name, so that warning is
    suppressed.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*HDF5.*")
        model.save(path)


def _check(model: keras.Model, path: Path, loading: dict[str, Any]) -> None:
    """Loads what was saved, and compares it with the model.

    Raises:
        ValueError: if it cannot be loaded, or has other weights or poolings.
    """
    saved, _ = load_keras_file(path, **loading)
    # `variables` also has the states of random generators. No Keras file contains these.
    same = len(saved.weights) == len(model.weights) and all(
        np.array_equal(bits(a), bits(b)) for a, b in zip(saved.weights, model.weights, strict=True)
    )
    poolings = [[(s.path, s.what) for s in find_poolings(structure_of(each))] for each in (saved, model)]
    if not same or poolings[0] != poolings[1]:
        what = "poolings" if same else "weights"
        raise ValueError(
            f"The written file does not have the new model's {what}: Keras loses them when it saves."
        )
