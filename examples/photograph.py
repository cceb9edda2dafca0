"""Pictures of a photograph, pooled by average, maximum and SoftPool, and by every pooling of the package."""

import keras
import matplotlib
import numpy as np
from sklearn.datasets import load_sample_image

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt

# Pixels are scaled to values from 0 to SCALE. SoftPool weighs a value by its exponential, so on values from 0
# to 1 it would be close to the average.
SCALE = 8.0


def photograph():
    """Returns a photograph `[height, width, 3]` with values from 0 to 255."""
    return load_sample_image("china.jpg")[60:330, 150:510]


def pooled(image, layer):
    """Pools a photograph with a layer. Returns values from 0 to 255 again."""
    return np.asarray(layer(image[None].astype("float32") / 255 * SCALE)[0]) * 255 / SCALE


def show(ax, picture, title):
    """Draws a picture with a title on axes."""
    ax.imshow(np.clip(picture, 0, 255).astype("uint8"), interpolation="nearest")
    ax.set_title(title)
    ax.set_axis_off()


def draw(path, sizes=(2, 3, 5)):
    """Writes a picture with a row for each size of window. The original comes first in each row."""
    image = photograph()
    figure, axes = plt.subplots(len(sizes), 4, figsize=(16, 3.2 * len(sizes)), layout="constrained")
    for k, line in zip(sizes, axes, strict=True):
        layers = {
            "average": keras.layers.AveragePooling2D(k),
            "maximum": keras.layers.MaxPooling2D(k),
            "SoftPool": tsp.layers.SoftPooling2D(k),
        }
        show(line[0], image, "original")
        for (name, layer), ax in zip(layers.items(), line[1:], strict=True):
            show(ax, pooled(image, layer), f"{name}, k = {k}")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def every_pooling(k):
    """Returns, by name, a layer for each pooling, with windows of k by k."""
    layers = tsp.layers
    rising = keras.initializers.Constant(1.0)
    return {
        "average": keras.layers.AveragePooling2D(k),
        "maximum": keras.layers.MaxPooling2D(k),
        "SoftPool": layers.SoftPooling2D(k),
        "sorted, the 4 largest": layers.SortedPooling2D(k, pool_range=4),
        "detail-preserving": layers.DetailPreservingPooling2D(k, lambda_initializer=rising),
        "detail-preserving, asymmetric": layers.DetailPreservingPooling2D(
            k, symmetric=False, lambda_initializer=rising
        ),
        "importance, of large values": layers.LocalImportancePooling2D(
            k, kernel_initializer=layers.CenterTap()
        ),
        "sum, over the windows' size": keras.Sequential(
            [layers.SumPooling2D(k), keras.layers.Rescaling(1 / k**2)]
        ),
        "learned norm, p = 3": layers.LpPooling2D(k, initial_p=3.0),
        "mixed, half and half": layers.MixedPooling2D(k),
        "stochastic, in training": lambda x: layers.StochasticPooling2D(k, seed=0)(x, training=True),
        "S3, in training": lambda x: layers.S3Pooling2D(k, seed=0)(x, training=True),
    }


def draw_every_pooling(path, k=4):
    """Writes a picture of one photograph, pooled by every pooling."""
    image = photograph()
    poolings = every_pooling(k)
    figure, axes = plt.subplots(3, 4, figsize=(16, 9.6), layout="constrained")
    for (name, layer), ax in zip(poolings.items(), axes.flat, strict=True):
        show(ax, pooled(image, layer), f"{name}, k = {k}")
    figure.savefig(path, dpi=80)
    plt.close(figure)
