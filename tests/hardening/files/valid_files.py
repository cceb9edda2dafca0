"""Valid files of every kind that is read, which the damage is done to. They are as small as can be."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import saved_model_examples

import tf_softpool as tsp

L = keras.layers
_KERAS_2 = Path(__file__).parents[2] / "keras_2" / "files.zip"


def model() -> keras.Model:
    """Returns a network of every part that a description has: a layer in a layer, an optimizer, a loss."""
    inner = keras.Sequential([keras.Input((3, 3, 2)), L.MaxPooling2D(2, name="deep")], name="inner")
    image = keras.Input((4, 4, 1), name="image")
    y = inner(L.Conv2D(2, 2, name="conv", activation="relu")(image))
    y = L.Dense(1, name="head")(L.Flatten(name="flat")(y))
    found = keras.Model(image, y)
    found.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return found


def _keras(path: Path) -> None:
    model().save(path)


def _assets(path: Path) -> None:
    """Writes an archive with assets, which Keras unpacks to disk."""
    words = keras.Input((1,), dtype="int64", name="words")
    image = keras.Input((4, 4, 1), name="image")
    lookup = L.IntegerLookup(vocabulary=[3, 5, 7], name="lookup")
    pooled = L.MaxPooling2D(2, name="pool")(image)
    head = L.Dense(1, name="head")(L.Flatten(name="flat")(pooled))
    keras.Model([image, words], [head, lookup(words)]).save(path)


def _folder(path: Path) -> None:
    model().save(path.with_suffix(".keras"))
    with zipfile.ZipFile(path.with_suffix(".keras")) as archive:
        archive.extractall(path)
    path.with_suffix(".keras").unlink()


def _hdf5(path: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model().save(path)


def _keras_2(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(_KERAS_2) as archive:
            path.write_bytes(archive.read(name))

    return write


def _exported(format: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        small = keras.Sequential([keras.Input((4, 1), name="x"), tsp.layers.SoftPooling1D(2)])
        tsp.export(small, path, format, check=False)

    return write


def _array(path: Path) -> None:
    np.save(path, np.ones((2, 4, 4, 1), "float32"))


def _arrays(path: Path) -> None:
    np.savez(path, image=np.ones((2, 4, 4, 1), "float32"))


# Each kind of file: its name, and a function that writes it.
KINDS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "keras": ("in.keras", _keras),
    "assets": ("in.keras", _assets),
    "folder": ("in", _folder),
    "hdf5": ("in.h5", _hdf5),
    "keras_2": ("in.keras", _keras_2("trained.keras")),
    "keras_2_hdf5": ("in.h5", _keras_2("trained.h5")),
    "saved_model": ("in", saved_model_examples.write_module),
    "tensorflow_1": ("in", lambda path: saved_model_examples.write_tensorflow_1(str(path))),
    "onnx": ("in.onnx", _exported("onnx")),
    "litert": ("in.tflite", _exported("litert")),
    "openvino": ("in.xml", _exported("openvino")),
    "array": ("sample.npy", _array),
    "arrays": ("sample.npz", _arrays),
}


def write(kind: str, folder: Path) -> Path:
    """Writes a valid file of a kind into a folder, unless it is there, and returns its path."""
    name, make = KINDS[kind]
    path = folder / kind / name
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
        keras.utils.set_random_seed(0)
        make(path)
    return path
