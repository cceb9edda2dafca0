"""All networks of `tf_keras.applications`, saved by Keras 2 and read with Keras 3. Needs `tf_keras`.

Usage: python applications.py [NAME ...]
"""

import inspect
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
import tf_keras

from tf_softpool.rewriting.keras_2.files import load, version_of

SIZE, CLASSES = 96, 10


def names() -> list[str]:
    """Returns the names of the functions that make networks."""
    found = vars(tf_keras.applications)
    return sorted(name for name, value in found.items() if inspect.isfunction(value))


def difference(name: str, suffix: str, folder: Path) -> float:
    """Returns how far the outputs of a network are apart, as a share of the largest."""
    tf_keras.backend.clear_session()
    keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = getattr(tf_keras.applications, name)(weights=None, input_shape=(SIZE, SIZE, 3), classes=CLASSES)
    random = np.random.default_rng(0)
    for variable in model.variables:
        if "gamma" in variable.name:
            # Without this, the deepest networks make one out of rounding.
            variable.assign(random.uniform(0.1, 0.3, variable.shape))
        elif len(variable.shape) == 1:
            # Equal vectors, such as all biases at first, would hide an exchange.
            variable.assign(variable + random.uniform(0.0, 0.1, variable.shape))
    image = random.uniform(0, 255, (1, SIZE, SIZE, 3)).astype("float32")
    expected = np.asarray(model(image, training=False))
    path = folder / f"model.{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    del model
    new, _ = load(path, version_of(path))
    return float(np.abs(np.asarray(new(image, training=False)) - expected).max() / np.abs(expected).max())


def main(chosen: list[str]) -> int:
    """Prints a line for each network and format, and returns how many cannot be read or differ."""
    failed = 0
    for name in chosen or names():
        for suffix in ("h5", "keras"):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    apart = difference(name, suffix, Path(folder))
                    wrong = f"{apart:.1e}" + (" DIFFERS" if not apart < 1e-4 else "")
                    failed += not apart < 1e-4
                except Exception as error:
                    wrong, failed = f"{type(error).__name__}: {error}", failed + 1
            print(name, suffix, wrong, flush=True)
    print(f"{failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
