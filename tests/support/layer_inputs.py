"""Layer classes of every rank, and tensors for them to pool."""

import numpy as np

import tf_softpool as tsp

RANKS = (1, 2, 3)


def layer_class(name, rank, module=tsp.layers):
    """Returns the class of a layer for `rank` spatial dimensions."""
    return getattr(module, f"{name}{rank}D")


def images(rank, data_format="channels_last", size=6, channels=3):
    """Returns random values with `rank` spatial dimensions of different lengths."""
    spatial = (size, size + 1, size - 1)[:rank]
    shape = (2, channels, *spatial) if data_format == "channels_first" else (2, *spatial, channels)
    return np.random.default_rng(0).normal(size=shape).astype("float32")
