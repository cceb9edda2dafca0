"""What is at a path: a Keras file, a SavedModel, or something else that people take for a model."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5py

from tf_softpool.folders import NotReadableError

KERAS, SAVED_MODEL = "keras", "saved_model"
# The ends of the names of Keras files.
KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
_GRAPHS = ("saved_model.pb", "saved_model.pbtxt")


@dataclass(frozen=True)
class Found:
    """A model on disk.

    Attributes:
        kind: `KERAS` or `SAVED_MODEL`.
        path: the Keras file, or the folder of the SavedModel. It may differ from the path that was given.
    """

    kind: str
    path: Path


def identify(path: str | Path) -> Found:
    """Returns the model that is meant by a path.

    `saved_model.pb` stands for its folder, and a folder of numbered versions for the newest of them, as in
    TensorFlow Serving. The content decides, and not the name.

    Raises:
        FileNotFoundError: if there is nothing at the path.
        ValueError: if something else is there. The error says what, and what to do.
    """
    if not str(path):
        raise ValueError("The path of the model is empty.")
    path = Path(path)
    if not path.exists():
        if path.with_name(f"{path.name}.index").exists():
            raise ValueError(f"{path} {_CHECKPOINT}")
        raise FileNotFoundError(f"There is no model at {path}.")
    if not (path.is_file() or path.is_dir()):
        raise ValueError(f"{path} is neither a file nor a folder: it is a pipe or a device.")
    try:
        if found := _in_folder(path) if path.is_dir() else _in_file(path):
            return found
        others = _OTHER_FOLDERS if path.is_dir() else _OTHER_FILES
        what = next((other.what for other in others if other.matches(path)), None)
    except OSError:
        raise
    except NotReadableError as error:
        raise ValueError(f"{path} {error}") from error
    except Exception as error:
        # zipfile and h5py raise errors of many kinds if a file is damaged.
        raise ValueError(f"{path} {_NOT_WHOLE} {type(error).__name__}: {error}") from error
    raise ValueError(f"{path} {what or 'is neither a Keras file nor a SavedModel folder.'}")


def is_saved_model(path: str | Path) -> bool:
    """Returns whether a folder is a SavedModel."""
    return any((Path(path) / name).is_file() for name in _GRAPHS)


def is_hdf5(path: str | Path) -> bool:
    """Returns whether a file is HDF5. A zip archive that holds such a file is none, but h5py may say so."""
    return Path(path).is_file() and not zipfile.is_zipfile(path) and bool(h5py.is_hdf5(path))


def _in_folder(path: Path) -> Found | None:
    if is_saved_model(path):
        return Found(SAVED_MODEL, path)
    if (path / "config.json").is_file() and "class_name" in _json(path / "config.json"):
        return Found(KERAS, path)
    versions = [each for each in path.iterdir() if each.name.isdecimal() and is_saved_model(each)]
    return Found(SAVED_MODEL, max(versions, key=lambda each: int(each.name))) if versions else None


def _in_file(path: Path) -> Found | None:
    if path.name in _GRAPHS:
        return Found(SAVED_MODEL, path.parent)
    if zipfile.is_zipfile(path):
        return Found(KERAS, path) if "config.json" in _members(path) else None
    if is_hdf5(path):
        try:
            with h5py.File(path) as file:
                return Found(KERAS, path) if "model_config" in file.attrs else None
        except OSError as error:
            raise NotReadableError(_NOT_WHOLE) from error
    return None


class _Other(NamedTuple):
    """Something that is no model that can be read.

    Attributes:
        matches: a function that takes a path and returns whether this is there.
        what: what it is, and what to do.
    """

    matches: Callable[[Path], bool]
    what: str


_NOT_WHOLE = "is not a whole Keras file: it is truncated, or is something else."
_UNPACK = "Unpack it, and give the Keras file or the SavedModel folder in it."
_CONVERTED = "It was made from a model for another runtime. Give the model that it was made from."
_WEIGHTS = (
    "Load them into the model with `model.load_weights`, and call `tsp.replace_pooling(model, ...)` or save "
    "the model whole."
)
_CHECKPOINT = (
    f"is a checkpoint of TensorFlow: only weights, without the model that they belong to. {_WEIGHTS}"
)
_OTHER_FOLDERS = (
    _Other(
        lambda p: p.name == "variables" and is_saved_model(p.absolute().parent),
        "holds the variables of a SavedModel. Give the folder above it, which is the SavedModel.",
    ),
    _Other(lambda p: any(p.glob("*.index")) or (p / "checkpoint").is_file(), _CHECKPOINT),
    _Other(
        lambda p: (
            "modelTopology" in (found := _json(p / "model.json"))
            and ("weightsManifest" in found or any(p.glob("*.bin")))
        ),
        f"is a model of TensorFlow.js. {_CONVERTED}",
    ),
    _Other(
        lambda p: bool({"model_type", "architectures"} & _json(p / "config.json").keys()),
        "is a model of Hugging Face transformers. Load it there, and export it as a SavedModel.",
    ),
    _Other(
        lambda p: any(_is_named_model(each) for each in p.iterdir()),
        "is a folder with Keras files in it. Give one of them.",
    ),
    _Other(
        lambda p: any(p.glob("*.weights.h5")),
        f"holds only weights, without the model that they belong to. {_WEIGHTS}",
    ),
    _Other(
        lambda p: any(is_saved_model(each) for each in p.iterdir() if each.is_dir()),
        "is a folder with SavedModels in it. Give one of them.",
    ),
)
_OTHER_FILES = (
    _Other(lambda p: p.name == "checkpoint" or p.suffix == ".index" or ".data-" in p.name, _CHECKPOINT),
    _Other(lambda p: _head(p)[4:8] == b"TFL3", f"is a LiteRT (TensorFlow Lite) model. {_CONVERTED}"),
    _Other(lambda p: p.suffix == ".onnx", f"is an ONNX model. {_CONVERTED}"),
    _Other(lambda p: b"<net" in _head(p), f"is an OpenVINO model. {_CONVERTED}"),
    _Other(lambda p: "modelTopology" in _json(p), f"is a model of TensorFlow.js. {_CONVERTED}"),
    _Other(
        lambda p: "class_name" in _json(p),
        "is the description of a Keras model, without its weights. Make the model with "
        "`keras.models.model_from_json`, load its weights, and save it whole.",
    ),
    _Other(is_hdf5, f"holds only weights, without the model that they belong to. {_WEIGHTS}"),
    _Other(lambda p: _head(p).startswith(b"\x93NUMPY"), "is an array of NumPy, and no model."),
    _Other(
        lambda p: _head(p)[:1] == b"\x80" and b"\2" <= _head(p)[1:2] <= b"\5",
        "is a pickle of Python objects, which is not read because it can run any code. Load it where it was "
        "made, and save the model whole.",
    ),
    _Other(lambda p: p.suffix == ".npz" and zipfile.is_zipfile(p), f"is an archive of arrays. {_WEIGHTS}"),
    _Other(
        lambda p: any(name.endswith("data.pkl") for name in _members(p)),
        "is a model of PyTorch. It has no Keras layers.",
    ),
    _Other(
        lambda p: any(name.endswith((*_GRAPHS, *KERAS_SUFFIXES)) for name in _members(p)),
        f"is an archive with a model in it. {_UNPACK}",
    ),
    _Other(zipfile.is_zipfile, "is a zip archive without a Keras model: it has no config.json."),
    _Other(lambda p: p.stat().st_size > 0 and tarfile.is_tarfile(p), f"is an archive. {_UNPACK}"),
    _Other(
        lambda p: p.suffix in (".pb", ".pbtxt"),
        "is a graph of TensorFlow 1 without signatures and variables, such as a frozen graph. Make a "
        "SavedModel of it with `tf.compat.v1.saved_model.simple_save`.",
    ),
    _Other(
        lambda p: p.suffix.lower() in KERAS_SUFFIXES,
        _NOT_WHOLE,
    ),
)


def _is_named_model(path: Path) -> bool:
    """Returns whether a file is called like a Keras file with a whole model."""
    return path.suffix in KERAS_SUFFIXES and not path.name.endswith(".weights.h5")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1000)


def _json(path: Path) -> dict:
    """Returns the object in a JSON file, or an empty dict if there is none."""
    try:
        # Reading a pipe never ends.
        if not (path.is_file() and _head(path).lstrip().startswith(b"{")):
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _members(path: Path) -> list[str]:
    """Returns the names in a zip archive, or an empty list if the file is none."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()
