"""Handwritten digits, and a small network that reads them."""

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def data(size=24, seed=0):
    """Returns scikit-learn's 1797 handwritten digits, enlarged and split into training and test data.

    Args:
        size: int, the height and width of the enlarged images.
        seed: int, which decides how the digits are split.

    Returns:
        Training images `[n, size, size, 1]` with values from 0 to 1, their labels, test images and their
        labels.
    """
    digits = load_digits()
    images = (digits.images / 16.0).astype("float32")[..., None]
    images = np.asarray(keras.ops.image.resize(images, (size, size), interpolation="bilinear"))
    train_x, test_x, train_y, test_y = train_test_split(
        images, digits.target, test_size=0.3, random_state=seed, stratify=digits.target
    )
    return train_x, train_y, test_x, test_y


def network(size=24, pooling=keras.layers.MaxPooling2D):
    """Returns a compiled network of two convolutions, each with pooling after it, and a classifier.

    Args:
        size: int, the images' height and width.
        pooling: a layer class, or a function that makes a layer from `pool_size`, `strides` and `name`.
    """
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((size, size, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            pooling(2, 2, name="pool_1"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            pooling(3, 2, name="pool_2"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )
    compile_for_digits(model)
    return model


def compile_for_digits(model, learning_rate=2e-3):
    """Compiles a model for training on digits."""
    model.compile(
        keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
