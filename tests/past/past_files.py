"""What earlier versions wrote: a folder for each version, with its models and what they computed."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import written_models as models

import tf_softpool as tsp

HERE = Path(__file__).parent
VERSIONS = sorted(path.parent.name for path in HERE.glob("*/models.zip"))


def interface_of(version):
    """Returns the interface that a version had."""
    return json.loads((HERE / version / "interface.json").read_text())


def unpacked(version, folder):
    """Unpacks a version's models into a folder, and returns their arrays: `calls[file][signature][side]`."""
    with zipfile.ZipFile(HERE / version / "models.zip") as archive:
        archive.extractall(folder)
    calls = {}
    with np.load(folder / "arrays.npz") as arrays:
        for key, value in arrays.items():
            file, signature, side, name = key.split("|")
            calls.setdefault(file, {}).setdefault(signature, {"in": {}, "out": {}})[side][name] = value
    return calls


def names_in(version):
    """Returns the names of a version's files and folders of models."""
    with zipfile.ZipFile(HERE / version / "models.zip") as archive:
        return sorted({name.partition("/")[0] for name in archive.namelist()} - {"arrays.npz"})


def loaded(path):
    """Loads a model of any format. Returns a function of a signature and of a dict of arrays."""
    if path.name.endswith(".weights.h5"):
        model = keras.models.load_model(path.with_name(path.name.removesuffix(".weights.h5") + ".keras"))
        model = keras.Model.from_config(model.get_config())
        model.load_weights(path)
    elif path.suffix in (".keras", ".h5"):
        model = keras.models.load_model(path)
    elif path.is_dir():
        return _saved_model(path)
    else:
        return lambda signature, inputs: tsp.serving.load(path)(inputs)
    return lambda signature, inputs: models.outputs_of(model(*inputs.values()))


def _saved_model(path):
    module = tf.saved_model.load(str(path))

    def call(signature, inputs):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return models.outputs_of(module.signatures[signature](**tensors))

    return call
