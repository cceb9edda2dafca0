"""Writes the models of `models.py` as Keras 2 does, and what they compute. Needs `tf_keras`.

Usage: python write.py ARCHIVE
"""

import json
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from models import MODELS, formats_of, samples


def main(archive: Path) -> None:
    """Writes an archive with each model as `.h5` or `.keras` or both, and its outputs as `.npz`."""
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            write(name, Path(folder))
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
            for each in sorted(Path(folder).iterdir()):
                file.write(each, each.name)


def write(name: str, folder: Path) -> None:
    """Writes one model and its outputs."""
    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = MODELS[name].make(tf_keras)
    randomize(model)
    outputs = tf.nest.flatten(model(arguments(model, samples(MODELS[name].inputs)), training=False))
    evaluation = {}
    if MODELS[name].labels is not None:
        evaluation = model.evaluate(
            samples(MODELS[name].inputs)[0], MODELS[name].labels, verbose=0, return_dict=True
        )
    np.savez_compressed(folder / f"{name}.npz", *map(np.asarray, outputs), evaluation=json.dumps(evaluation))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for suffix in formats_of(name):
            model.save(folder / f"{name}.{suffix}")


def arguments(model, arrays):
    """Returns what a model is called with, as tensors."""
    tensors = [tf.constant(array) for array in arrays]
    if isinstance(getattr(model, "input", None), dict):
        return dict(zip(model.input, tensors, strict=True))
    return tensors[0] if len(tensors) == 1 else tensors


def randomize(model):
    """Gives variables values that differ, because equal ones would hide an exchange."""
    random = np.random.default_rng(1)
    for layer in model.submodules:
        # An adapted layer computes with what it has worked out from its variables before.
        if isinstance(layer, tf_keras.layers.Layer) and not hasattr(layer, "finalize_state"):
            for variable in layer.weights:
                if variable.dtype.is_floating:
                    variable.assign(random.uniform(0.1, 0.9, variable.shape))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
