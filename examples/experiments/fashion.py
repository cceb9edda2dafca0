"""A small network for Fashion-MNIST, and how networks are trained and scored on these pictures."""

import functools
from collections.abc import Callable, Sequence

import keras
import numpy as np

from experiments import data
from experiments.experiment import Effort

# Learning rates of Adam: for training from scratch, and for a network that is trained already.
SCRATCH, CONTINUED = 2e-3, 5e-4
SHAPE, CLASSES, BATCH = (28, 28, 1), 10, 32

Pictures = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def network(pooling: Callable[[], keras.layers.Layer]) -> keras.Model:
    """Returns a network of two convolutions, each with a pooling after it, and a classifier.

    Args:
        pooling: function without arguments that returns a new layer, which halves height and width.
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            pooling(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            pooling(),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def pictures(seed: int, effort: Effort) -> Pictures:
    """Returns pictures and labels to train with, and to test with.

    Args:
        seed: int, which decides what is drawn for training.
        effort: dict of ints: `pictures` to train with, `tests` to test with. TensorFlow traces a network a
            second time if the last batch is smaller, so `pictures` had better be a multiple of `BATCH`.
    """
    return data.some_fashion(effort["pictures"], effort["tests"], seed)


def compile_for_fashion(model: keras.Model, rate: float) -> None:
    """Compiles a model for training. XLA would take longer to compile than such a network takes to train."""
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)


def score(model: keras.Model, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Returns the accuracy of a compiled model, from 0 to 1, and its mean cross entropy in nats."""
    loss, accuracy = model.evaluate(x, y, batch_size=500, verbose=0)
    return round(float(accuracy), 6), round(float(loss), 6)


def trained(make: Callable[[], keras.Model], seed: int, effort: Effort) -> keras.Model:
    """Returns a trained network, and starts all generators from the seed.

    The weights of the last call are kept, so all settings with one seed begin with the same network, and only
    the first of them waits for it.

    Args:
        make: function without arguments that returns a new network.
        seed: int, which decides the pictures, the weights to begin with and the order of training.
        effort: dict of ints: `pictures`, `tests`, `epochs`.
    """
    weights = _weights(make, seed, tuple(sorted(effort.items())))
    keras.utils.set_random_seed(seed)
    model = make()
    model.set_weights(weights)
    return model


@functools.lru_cache(maxsize=1)
def _weights(
    make: Callable[[], keras.Model], seed: int, effort: tuple[tuple[str, int], ...]
) -> list[np.ndarray]:
    keras.utils.set_random_seed(seed)
    x, y, _, _ = pictures(seed, dict(effort))
    model = make()
    compile_for_fashion(model, SCRATCH)
    model.fit(x, y, batch_size=BATCH, epochs=dict(effort)["epochs"], verbose=0)
    weights: list[np.ndarray] = model.get_weights()
    return weights


def before_and_after(
    model: keras.Model, seed: int, effort: Effort, noises: Sequence[float] = (0.0,)
) -> dict[str, float]:
    """Scores a model as it is, trains it for one more epoch, and scores it again.

    Args:
        model: `keras.Model`. It is compiled here, so all models begin with a new optimizer.
        seed: int, which decides the pictures.
        effort: dict of ints: `pictures`, `tests`.
        noises: list of floats. For each, the model is also scored on pictures with normal noise of this
            standard deviation. The noise is the same for all models and seeds.

    Returns:
        dict with `before`, `after`, `cross entropy before` and `cross entropy after`, and accuracies such as
        `before, noise 0.2`.
    """
    x, y, test_x, test_y = pictures(seed, effort)
    noise = np.random.default_rng(0).normal(size=test_x.shape)
    compile_for_fashion(model, CONTINUED)
    found = {}
    for when in ("before", "after"):
        if when == "after":
            model.fit(x, y, batch_size=BATCH, verbose=0)
        for deviation in noises:
            shown = np.clip(test_x + deviation * noise, 0, 1).astype("float32") if deviation else test_x
            accuracy, entropy = score(model, shown, test_y)
            found[f"{when}, noise {deviation}" if deviation else when] = accuracy
            if not deviation:
                found[f"cross entropy {when}"] = entropy
    return found
