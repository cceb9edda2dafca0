"""What `runtimes.py` measures: each pooling and its windows, as a model of one layer, and the marks."""

from dataclasses import dataclass

import keras
import numpy as np

import tf_softpool as tsp

SIZE, CHANNELS = 112, 64
# What all poolings are compared with, in the same runtime and with the same windows.
PEER = "max"
# By a window's name, the arguments of layers with such windows. Global layers have none.
WINDOWS = {
    "2x2": {"pool_size": 2, "strides": 2, "padding": "valid"},
    "3x3 s2 same": {"pool_size": 3, "strides": 2, "padding": "same"},
    "5x5 s1 same": {"pool_size": 5, "strides": 1, "padding": "same"},
    "global": {},
}
# All poolings are measured with the first two windows, and these with all.
WITH_ALL_WINDOWS = PEER, "average", "soft"
# How many ranks sorted pooling has, by the size of the windows: all, and three.
RANKS = {2: 4, 3: 3}


def layer(name, **arguments):
    """Returns a function of a tensor and a window's arguments: a pooling layer of Keras or of ours.

    Args:
        name: str. The layer's name without the dimensions.
        **arguments: the layer's other arguments.
    """
    module = keras.layers if name in ("MaxPooling", "AveragePooling") else tsp.layers

    def pool(x, window):
        whole = "" if window else "Global"
        return getattr(module, f"{whole}{name}2D")(**window, **arguments)(x)

    return pool


def sorted_pool(x, window):
    """Pools with weights of ranks."""
    ranks = RANKS[window["pool_size"]]
    return tsp.sorted_pool(x, np.arange(ranks, dtype="float32")[::-1], **window)


def importance(x, window):
    """Pools with logits that are the model's second input."""
    x, logits = x
    return tsp.importance_pool(x, logits, **window)


def detail_preserving(x, window):
    """Pools around averages, with two parameters for each channel."""
    alpha, lam = (np.linspace(p - 0.1, p + 0.1, CHANNELS, dtype="float32") for p in (0.9, 1.2))
    return tsp.detail_preserving_pool(x, None, alpha, lam, **window)


def gated(x, window):
    """Pools with a mask that is not constant, as it is after training."""
    made = tsp.layers.GatedPooling2D(**window)
    y = made(x)
    made.omega.assign(np.linspace(-0.5, 0.5, made.omega.shape[0] ** 2).reshape(made.omega.shape))
    return y


POOLINGS = {
    PEER: layer("MaxPooling"),
    "average": layer("AveragePooling"),
    "soft": layer("SoftPooling"),
    "sorted": sorted_pool,
    "importance": importance,
    "detail-preserving": detail_preserving,
    "sum": layer("SumPooling"),
    "power average p=3": layer("PowerAveragePooling", p=3),
    "Lp p=2": layer("LpPooling", initial_p=2.0),
    "Lp p=2.7": layer("LpPooling", initial_p=2.7),
    "mixed": layer("MixedPooling"),
    "gated": gated,
    "stochastic": layer("StochasticPooling"),
    "S3": layer("S3Pooling"),
    "median": layer("MedianPooling"),
}
# How many times the time of max pooling a pooling may take, with the first two windows.
OTHERS = (3.0, 3.0)
MARKS = {"soft": (3.0, 3.5), "sorted": (3.0, 6.0), "importance": (3.0, 4.0), "detail-preserving": (5.0, 10.0)}
IN_LITERT = {"soft": (4.0, 4.0), "sorted": (5.0, 8.0), "importance": (5.0, 4.0)}


@dataclass(frozen=True)
class Row:
    """A pooling with a window, by their names."""

    pooling: str
    window: str

    def __str__(self):
        return f"{self.pooling} {self.window}"

    def peer(self):
        """Returns the row of the same windows that this one is compared with."""
        return Row(PEER, self.window)

    def mark(self, format):
        """Returns how many times its peer's time the pooling may take, or None."""
        place = list(WINDOWS).index(self.window)
        marks = {**MARKS, **IN_LITERT} if format == "litert" else MARKS
        if self.pooling in (PEER, "average") or place >= len(OTHERS):
            return None
        return marks.get(self.pooling, OTHERS)[place]

    def model(self, batch):
        """Returns a model of the pooling alone, for a number of images."""
        x = keras.Input((SIZE, SIZE, CHANNELS), batch, name="x")
        if self.pooling == "importance":
            x = [x, keras.Input((SIZE, SIZE, CHANNELS), batch, name="logits")]
        return keras.Model(x, POOLINGS[self.pooling](x, WINDOWS[self.window]))

    def inputs(self, batch, magnitude):
        """Returns random input of the model by its names."""
        random = np.random.default_rng(0)
        names = ["x", "logits"] if self.pooling == "importance" else ["x"]
        shape = batch, SIZE, SIZE, CHANNELS
        return {name: (magnitude * random.standard_normal(shape)).astype("float32") for name in names}


ROWS = [
    Row(pooling, window)
    for i, window in enumerate(WINDOWS)
    for pooling in POOLINGS
    if i < len(OTHERS) or pooling in WITH_ALL_WINDOWS
]
