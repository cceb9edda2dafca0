"""Layer classes of every rank, and tensors for them to pool."""

import keras
import numpy as np

import tf_softpool as tsp

RANKS = (1, 2, 3)
# The poolings whose layers also have a global and an adaptive form.
WITH_FORMS = (
    "DetailPreservingPooling",
    "LocalImportancePooling",
    "LpPooling",
    "MedianPooling",
    "MixedPooling",
    "PowerAveragePooling",
    "SoftPooling",
    "SortedPooling",
    "StochasticPooling",
    "SumPooling",
)


def layer_class(name, rank, module=tsp.layers):
    """Returns the class of a layer for `rank` spatial dimensions."""
    return getattr(module, f"{name}{rank}D")


def needed(cls):
    """Returns the arguments that a layer of a class must be given, by name."""
    arguments = {}
    if cls.__name__.startswith("Adaptive"):
        arguments["output_size"] = 3
    if "Sorted" in cls.__name__ and cls.__name__.startswith(("Adaptive", "Global")):
        arguments["pool_range"] = 2
    return arguments


def images(rank, data_format="channels_last", size=6, channels=3):
    """Returns random values with `rank` spatial dimensions of different lengths."""
    spatial = (size, size + 1, size - 1)[:rank]
    shape = (2, channels, *spatial) if data_format == "channels_first" else (2, *spatial, channels)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def masked_images():
    """Returns a tensor of images with a Keras mask that leaves out some pixels."""
    return keras.layers.Embedding(9, 3, mask_zero=True)(np.arange(84).reshape(2, 6, 7) % 9)
