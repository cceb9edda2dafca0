"""A Keras model on disk, and helpers that tests of files share."""

import hashlib

import keras
import numpy as np
import saved_model_examples as examples

L = keras.layers
X = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
SOFT = {"max": "soft"}


def network(epochs=0):
    inner = keras.Sequential([keras.Input((6, 6, 2)), L.MaxPooling2D(2, name="deep")], name="inner")
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            L.Conv2D(2, 3, name="conv"),
            L.BatchNormalization(name="norm"),
            inner,
            L.Flatten(name="flat"),
            L.Dropout(0.5, name="drop"),
            L.Dense(1, name="head"),
        ]
    )
    if epochs:
        model.compile(keras.optimizers.Adam(0.01), keras.losses.MeanSquaredError())
        model.fit(X, np.ones((2, 1)), epochs=epochs, verbose=0)
    return model


def digest(path):
    """Returns a digest of a file, or of all files in a folder."""
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
    return hashlib.sha256(b"".join(str(f).encode() + f.read_bytes() for f in files)).hexdigest()


def saved(tmp_path, kind):
    """Saves a model of a kind. Returns its path, and a name for the output."""
    if kind == "keras":
        network().save(tmp_path / "in.keras")
        return tmp_path / "in.keras", "out.keras"
    examples.write_module(tmp_path / "in")
    return tmp_path / "in", "out"
