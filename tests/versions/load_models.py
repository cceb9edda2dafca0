"""Loads the models that `save_models.py` has saved with several versions of Keras, with the Keras that runs.

Usage: python load_models.py FOLDER

Prints which models do not load, or do not compute what they computed when they were saved. If there are any,
it ends with an error.
"""

import sys
from pathlib import Path

import keras
import numpy as np
from models import MODELS, is_trained, train

NEAR = {"rtol": 1e-4, "atol": 1e-5}


def main(folder: Path) -> int:
    """Loads all models of all versions, and returns the number of those that failed."""
    failed = 0
    for version in sorted(each for each in folder.iterdir() if each.is_dir()):
        errors = {name: error for name in MODELS for error in check(version, name)}
        print(f"Keras {keras.__version__} loads {len(MODELS) - len(errors)} of {len(MODELS)} models that")
        print(f"Keras {version.name} has saved.")
        for name, error in errors.items():
            print(f"  {name}: {error}")
        failed += len(errors)
    return failed


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
        return [f"{type(error).__name__}: {' '.join(str(error).split())[:600]}"]
    return []


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) > 0)
