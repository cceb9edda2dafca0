"""Keras models in files: .keras archives, unpacked or not, and HDF5."""

import contextlib
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

from tf_softpool.rewriting.keras_model.find import find_poolings
from tf_softpool.rewriting.keras_model.parts import bits

SUFFIXES = (".keras", ".h5", ".hdf5")


def is_keras_file(path):
    """Whether there is a Keras model at a path.

    Raises:
        ValueError: it ends as one, and is none.
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
                raise ValueError(f"{path} has weights alone, without the model that they are of.")
        return True
    if path.suffix.lower() in SUFFIXES:
        raise ValueError(f"{path} is not a whole Keras file: it is truncated, or something else.")
    return False


def load_keras_file(path, custom_objects=None, safe_mode=True):
    """The model in a file, and what to tell the user of it, or nothing.

    Raises:
        ValueError: Keras cannot make one of it.
    """
    options = {"custom_objects": custom_objects, "safe_mode": safe_mode}
    try:
        return keras.models.load_model(path, **options), ""
    except Exception as error:
        # Keras does not read all losses and metrics that it writes to HDF5.
        with contextlib.suppress(Exception):
            why = str(error).splitlines()[0]
            note = f"Compile the model before you train it: {path} does not say how, to Keras ({why})."
            return keras.models.load_model(path, compile=False, **options), note
        raise ValueError(
            f"{path} cannot be loaded as a Keras model. Classes of your own are found where they are "
            f"imported and registered, or given as custom_objects. Keras says: {error}"
        ) from error


def save_keras_file(model, path):
    """Saves a model. Of the formats, HDF5 is given a warning by Keras, which the file's name asks for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*HDF5.*")
        model.save(path)


def check_keras_file(model, path, custom_objects=None, safe_mode=True):
    """Loads what was saved, and compares it with the model.

    Raises:
        ValueError: it cannot be loaded, or has other weights or poolings.
    """
    saved, _ = load_keras_file(path, custom_objects, safe_mode)
    # Not `variables`: the states of random generators, which those have too, are in no Keras file.
    same = len(saved.weights) == len(model.weights) and all(
        np.array_equal(bits(a), bits(b)) for a, b in zip(saved.weights, model.weights, strict=True)
    )
    poolings = [[(s.path, s.what) for s in find_poolings(each, [])] for each in (saved, model)]
    if not same or poolings[0] != poolings[1]:
        what = "poolings" if same else "weights"
        raise ValueError(f"The file that was written has other {what} than the model: Keras loses them.")
