"""One picture: a photograph, pooled by average, maximum and SoftPool."""

import keras
import matplotlib
import numpy as np
from sklearn.datasets import load_sample_image

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt


def pooled(image, k):
    """A photograph, 0 to 255, pooled three ways with windows of k by k."""
    x = image[None].astype("float32")
    # SoftPool weighs by e to the value: on a scale of 0 to 1 it would be close to the average.
    return {
        "average": keras.ops.average_pool(x, k)[0],
        "maximum": keras.ops.max_pool(x, k)[0],
        "SoftPool": tsp.soft_pool(x / 255 * 8, k)[0] * 255 / 8,
    }


def draw(path, sizes=(2, 3, 5)):
    """Writes the picture: a row for each window, the original first, a detail of 120 by 90 pixels."""
    image = load_sample_image("china.jpg")[60:330, 150:510]
    rows = [{"original": image, **pooled(image, k)} for k in sizes]
    figure, axes = plt.subplots(len(sizes), 4, figsize=(16, 3.2 * len(sizes)), layout="constrained")
    for k, row, line in zip(sizes, rows, axes, strict=True):
        for (name, picture), ax in zip(row.items(), line, strict=True):
            ax.imshow(np.clip(np.asarray(picture), 0, 255).astype("uint8"), interpolation="nearest")
            ax.set_title(name if name == "original" else f"{name}, k = {k}")
            ax.set_axis_off()
    figure.savefig(path, dpi=80)
    plt.close(figure)
