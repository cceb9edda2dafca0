"""Saves the models of `models.py` with the Keras that runs, and what they compute.

Usage: python save_models.py FOLDER

Writes to a folder in FOLDER that is named after the version of Keras. `load_models.py` reads it.
"""

import sys
from pathlib import Path

import keras
import numpy as np
from models import MODELS, is_trained, randomize, samples, train


def main(folder: Path) -> None:
    """Saves each model as a file, as weights alone, and with its outputs."""
    folder = folder / keras.__version__
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in MODELS.items():
        keras.backend.clear_session()
        keras.utils.set_random_seed(0)
        model = make()
        if not is_trained(name):
            randomize(model)
        x = samples(model)
        model.save(folder / f"{name}.keras")
        model.save_weights(folder / f"{name}.weights.h5")
        arrays = {"x": x, "y": np.asarray(model(x), "float32")}
        if is_trained(name):
            # Training shows whether the optimizer goes on from its state.
            train(model)
            arrays["trained"] = np.asarray(model(x))
        np.savez(folder / f"{name}.npz", **arrays)
    print(f"Keras {keras.__version__} has saved {len(MODELS)} models.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
