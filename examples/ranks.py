"""Trains networks with sorted-weight pooling beside twins with max pooling, and shows what they learn.

Usage: python examples/ranks.py [--seeds 5] [--epochs 16]
"""

import argparse
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import keras
import matplotlib
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt


def sorted_pooling(pool_size, strides, name):
    """Makes a sorted-weight pooling that starts near max pooling."""
    start = tsp.layers.LeadingRank(0.9)
    return tsp.layers.SortedPooling2D(pool_size, strides, rank_initializer=start, name=name)


POOLINGS = {"max": keras.layers.MaxPooling2D, "sorted": sorted_pooling}


def rank_weights(model):
    """Returns the rank weights of a model's sorted poolings, by name. The largest value's weight is first."""
    layers = [layer for layer in model.layers if isinstance(layer, tsp.layers.SortedPooling2D)]
    return {layer.name: np.asarray(layer.rank_weights) for layer in layers}


def train(pooling, epochs, seed=0, callbacks=()):
    """Trains a new network with one of `POOLINGS`.

    Returns:
        The network, its accuracy on test digits, and the rank weights that it began with.
    """
    keras.utils.set_random_seed(seed)
    train_x, train_y, test_x, test_y = digits.data()
    model = digits.network(pooling=POOLINGS[pooling])
    start = rank_weights(model)
    model.fit(train_x, train_y, batch_size=32, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return model, model.evaluate(test_x, test_y, verbose=0)[1], start


def draw(start, weights, path):
    """Writes a picture of rank weights, before and after training."""
    figure, axes = plt.subplots(1, len(weights), figsize=(5 * len(weights), 3.2), layout="constrained")
    for (name, values), ax in zip(weights.items(), axes, strict=True):
        ranks = np.arange(1, len(values) + 1)
        ax.bar(ranks - 0.2, start[name], 0.4, label="at the start")
        ax.bar(ranks + 0.2, values, 0.4, label="learned")
        ax.set_yscale("log")
        ax.set_xticks(ranks)
        ax.set(title=f"{name}: {len(values)} values a window", xlabel="rank, largest first", ylabel="weight")
        ax.legend()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def main():
    """Trains twins from several seeds, and prints their accuracies and the weights they learned."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many pairs to train (%(default)s)")
    parser.add_argument("--epochs", type=int, default=16, help="epochs to train each network (%(default)s)")
    arguments = parser.parse_args()
    console = Console()
    table = Table("seed", *(f"{name}, accuracy" for name in POOLINGS), "pool_1's weights")
    accuracies = {name: [] for name in POOLINGS}
    for seed in track(range(arguments.seeds), "training twins", console=console, transient=True):
        for name in POOLINGS:
            model, accuracy, _ = train(name, arguments.epochs, seed)
            accuracies[name].append(accuracy)
        learned = " ".join(f"{w:.2f}" for w in rank_weights(model)["pool_1"])
        table.add_row(str(seed), *(f"{a[-1]:.2%}" for a in accuracies.values()), learned)
    table.add_section()
    table.add_row("mean", *(f"{statistics.mean(a):.2%}" for a in accuracies.values()), "")
    console.print(table)


if __name__ == "__main__":
    main()
