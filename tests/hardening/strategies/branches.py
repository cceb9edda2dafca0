"""A network with a branch for each layer, and how it is trained, for processes that compare its weights."""

import keras
import numpy as np
from layer_inputs import needed

import tf_softpool as tsp

# In training, these layers draw random numbers, and each device draws its own.
DRAW = ("StochasticPooling2D", "GlobalStochasticPooling2D", "AdaptiveStochasticPooling2D", "S3Pooling2D")
FIRST = ("SoftPooling2D", "DetailPreservingPooling2D")
STEPS, BATCH, RATE = 3, 8, 0.05


NAMES = sorted({name for name in tsp.layers.__all__ if name.endswith("Pooling2D")} - set(DRAW))


def network(names):
    """Returns a network with branches for layer classes. What a branch learns depends on no other branch."""
    image = keras.Input((10, 9, 3))
    outputs = {}
    for name in names:
        cls = getattr(tsp.layers, name)
        x = keras.layers.Conv2D(4, 3, padding="same", name=f"{name}_before")(image)
        x = keras.layers.Flatten()(cls(**needed(cls), name=f"{name}_pooling")(x))
        outputs[name] = keras.layers.Dense(2, name=name)(x)
    return keras.Model(image, outputs)


def start(model):
    """Sets all weights to numbers that are the same in every process, and returns them."""
    random = np.random.default_rng(1)
    weights = [(0.3 * random.normal(size=w.shape)).astype("float32") for w in model.weights]
    model.set_weights(weights)
    return weights


def examples(names):
    """Returns images, and what each branch must say of them."""
    random = np.random.default_rng(2)
    x = random.normal(size=(STEPS * BATCH, 10, 9, 3)).astype("float32")
    return x, {name: random.normal(size=(len(x), 2)).astype("float32") for name in names}


def compiled(model):
    """Compiles a model for plain gradient descent, whose steps are proportional to gradients."""
    model.compile(keras.optimizers.SGD(RATE), dict.fromkeys(model.output_names, "mse"))
    return model
