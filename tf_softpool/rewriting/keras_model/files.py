"""Keras models in files, with their pooling replaced: .keras archives, unpacked or not, and HDF5."""

import contextlib
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tf_softpool.packages import plain
from tf_softpool.rewriting.examine import NotReadableError, check_keras_file
from tf_softpool.rewriting.identify import KERAS_SUFFIXES
from tf_softpool.rewriting.keras_2.files import load as load_keras_2
from tf_softpool.rewriting.keras_2.files import version_of
from tf_softpool.rewriting.keras_model.check import bits
from tf_softpool.rewriting.keras_model.find import find_poolings
from tf_softpool.rewriting.keras_model.named_objects import known_to_keras, with_own_names
from tf_softpool.rewriting.keras_model.rewrite import NotCopiedError, rewrite_model
from tf_softpool.rewriting.keras_model.sample import output_shapes
from tf_softpool.rewriting.keras_model.structure import structure_of
from tf_softpool.rewriting.policy.report import Check, Report
from tf_softpool.rewriting.request import FileRequest
from tf_softpool.writing import complete_or_absent


def rewrite_keras_file(request: FileRequest) -> Report:
    """Writes a Keras file with other pooling, loads it again, and compares it.

    The caller's objects are known by name until the end, because copies of layers are made from configs too.

    Raises:
        ValueError: if the file cannot be loaded, the model cannot be copied, or the result cannot be written
            as asked.
    """
    _check_out(request)
    objects, notes = with_own_names(request.custom_objects or {})
    with known_to_keras(objects):
        return _rewrite(request, {"custom_objects": objects, "safe_mode": request.safe_mode}, notes)


def _rewrite(request: FileRequest, loading: dict[str, Any], notes: list[str]) -> Report:
    request.step("reading")
    model, found = load_keras_file(request.path, **loading)
    request.step("replacing")
    try:
        new, report = rewrite_model(model, request)
    except NotCopiedError as error:
        raise ValueError(f"{request.path}: {plain(error)}") from error
    report.notes += found + (notes if report.replaced else [])
    if request.dry_run:
        return report
    # Before anything is written: a user may turn warnings into errors.
    report.warn(stacklevel=6)
    if report.replaced:
        with complete_or_absent(request.target, request.overwrite, request.path) as place:
            request.step("writing")
            _save(new, place, request.path)
            if request.path.is_file():
                shutil.copymode(request.path, place)
            request.step("checking")
            report.check = _check(model, new, place, loading, report.check)
    return report


def load_keras_file(
    path: str | Path, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True
) -> tuple[keras.Model, list[str]]:
    """Loads a model of Keras 2 or 3 from a file of any name, and returns it with notes for the user.

    Raises:
        ValueError: if Keras cannot load it, or it is not given to Keras because it unpacks to far more than
            it has, or refers to other files.
    """
    loading: dict[str, Any] = {"custom_objects": custom_objects, "safe_mode": safe_mode}
    try:
        check_keras_file(Path(path))
    except NotReadableError as error:
        raise ValueError(f"{path} cannot be loaded as a Keras model: {error}") from error
    if version := version_of(path):
        return load_keras_2(Path(path), version, **loading)
    with _with_fit_name(Path(path)) as file:
        try:
            return keras.models.load_model(file, **loading), []
        except Exception as error:
            why = error
        # Keras cannot read some of the losses and metrics that it writes to HDF5.
        with contextlib.suppress(Exception):
            first = str(why).splitlines()[0]
            note = f"Compile the model before you train it: Keras cannot read how it was compiled ({first})."
            return keras.models.load_model(file, compile=False, **loading), [note]
    # A program may have changed the version in a file of Keras 2.
    with contextlib.suppress(Exception):
        return load_keras_2(Path(path), "2", **loading)
    raise ValueError(
        f"{path} cannot be loaded as a Keras model. If it needs classes of your own, import and register "
        f"them, or give them as custom_objects. Keras says: {plain(why)}"
    ) from why


@contextlib.contextmanager
def _with_fit_name(path: Path) -> Iterator[Path]:
    """Yields a path to a file whose name ends as its content demands, because Keras goes by the name."""
    suffix = ".keras" if zipfile.is_zipfile(path) else ".h5"
    if path.is_dir() or path.suffix == suffix:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"model{suffix}"
        link.symlink_to(path.resolve())
        yield link


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


def _save(model: keras.Model, path: Path, source: Path) -> None:
    """Saves a model.

    Keras warns whenever it writes HDF5. The user chose the format by the file's name, so that warning is
    suppressed.

    Raises:
        OSError: if nothing can be written.
        ValueError: if Keras cannot save the model that it loaded from `source`, and raises any other error.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*HDF5.*")
        try:
            model.save(path)
        except (OSError, Warning):
            raise
        except Exception as error:
            raise ValueError(
                f"{source} can be loaded by Keras, but not saved again: {plain(error)}"
            ) from error


def _check(
    old: keras.Model, model: keras.Model, path: Path, loading: dict[str, Any], check: Check | None
) -> Check:
    """Loads what was saved, compares it with the model, and runs it beside the old one.

    Raises:
        ValueError: if it cannot be loaded, has other weights or poolings, or fails where the old model runs.
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
    before, after = output_shapes(old, saved)
    if isinstance(after, str):
        raise ValueError(f"The written model fails on input that the given one accepts: {after}")
    assert check is not None  # the model has been rewritten
    return check if before is None else replace(check, ran=True, shapes_equal=before == after)
