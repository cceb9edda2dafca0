"""Loads the models that `save_models.py` has saved with several versions of Keras, with the Keras that runs.

Usage: python load_models.py FOLDER

Prints which models do not load, or do not compute what they computed when they were saved. If there are any,
it ends with an error. A model is left out if this Keras does not know an argument of a layer of Keras.
"""

import re
import sys
from pathlib import Path

import keras
import numpy as np
from models import MODELS, is_trained, train

NEAR = {"rtol": 1e-4, "atol": 1e-5}


def main(folder: Path) -> int:
    """Loads all models of all versions, and returns the number of those that failed."""
    failed, lines = 0, []
    for version in sorted(each for each in folder.iterdir() if each.is_dir()):
        errors = {name: error for name in MODELS for error in check(version, name)}
        left_out = {name: layer for name, error in errors.items() for layer in unknown_to_keras(error)}
        wrong = len(errors) - len(left_out)
        for name, error in errors.items():
            print(f"Keras {version.name}, {name}: {left_out.get(name, error)}")
        lines.append(
            f"Keras {keras.__version__} loads what Keras {version.name} has saved: "
            f"{len(MODELS) - len(errors)} models are right, {wrong} wrong, {len(left_out)} left out."
        )
        failed += wrong
    print(*lines, sep="\n")
    return failed


def unknown_to_keras(error: str) -> list[str]:
    """Returns which of Keras's own layers this Keras cannot make from its description: none, or one text."""
    found = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument|class '(\w+)' using", error)
    name = found and (found[1] or found[2])
    return (
        [f"Keras's own {name} has arguments that this version lacks"]
        if hasattr(keras.layers, name or "")
        else []
    )


def check(folder: Path, name: str) -> list[str]:
    """Returns what is wrong with a model: nothing, or one text."""
    keras.backend.clear_session()
    saved = np.load(folder / f"{name}.npz")
    try:
        model = keras.models.load_model(folder / f"{name}.keras")
        np.testing.assert_allclose(np.asarray(model(saved["x"]), "float32"), saved["y"], **NEAR)
        again = keras.Model.from_config(model.get_config())
        again.load_weights(folder / f"{name}.weights.h5")
        np.testing.assert_allclose(np.asarray(again(saved["x"]), "float32"), saved["y"], **NEAR)
        if is_trained(name):
            train(model)
            np.testing.assert_allclose(model(saved["x"]), saved["trained"], **NEAR)
    except Exception as error:
        return [f"{type(error).__name__}: {' '.join(str(error).split())}"]
    return []


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) > 0)
