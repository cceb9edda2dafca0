"""Trains networks with sorted-weight pooling to read digits among clutter, beside max pooling and SoftPool.

Singla's article, "A new kind of pooling layer for faster and sharper convergence", says that sorted-weight
pooling is better than max pooling, that it converges faster, and that a softmax of the weights is better than
the weights themselves. It shows cross entropy and accuracy on test data of cluttered MNIST.

Usage: python examples/cluttered_digits.py [--seeds 5] [--epochs 10]
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import quiet  # noqa: F401

# isort: split
import keras
import matplotlib
import numpy as np
from experiments import clutter, command, store, verdicts
from experiments.experiment import Effort, Experiment, Results, Run, Table
from experiments.small_network import network

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt

# The epoch after which cross entropies say who is ahead early.
EARLY = 3
# The share of the first rank at the start of a softmax that starts near max pooling.
SHARE = 0.9


def _softmax(pool_range: int) -> keras.layers.Layer:
    return tsp.layers.SortedPooling2D(2, pool_range=pool_range)


def _raw(pool_range: int) -> keras.layers.Layer:
    """Makes a pooling that starts as the one with a softmax does: with equal weights whose sum is 1."""
    start = keras.initializers.Constant(1 / pool_range)
    return tsp.layers.SortedPooling2D(2, pool_range=pool_range, normalize="none", rank_initializer=start)


def _near_max() -> keras.layers.Layer:
    return tsp.layers.SortedPooling2D(2, rank_initializer=tsp.layers.LeadingRank(SHARE))


POOLINGS: dict[str, Callable[[], keras.layers.Layer]] = {
    # A softmax of one weight is 1, so this is also the softmax of one rank.
    "max": lambda: keras.layers.MaxPooling2D(2),
    "softmax of 2": lambda: _softmax(2),
    "softmax of 3": lambda: _softmax(3),
    "softmax of 4": lambda: _softmax(4),
    "raw weight of 1": lambda: _raw(1),
    "raw weights of 2": lambda: _raw(2),
    "raw weights of 3": lambda: _raw(3),
    "raw weights of 4": lambda: _raw(4),
    "softmax of 4, near max": _near_max,
    "SoftPool": lambda: tsp.layers.SoftPooling2D(2),
}
SOFTMAX = ("softmax of 2", "softmax of 3", "softmax of 4")
RAW = ("raw weights of 2", "raw weights of 3", "raw weights of 4")


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Trains one network. Returns its curves on test data, and the weights of ranks it has learned."""
    train_x, train_y, *test = clutter.fields(effort["pictures"], seed)
    model = network(lambda i: POOLINGS[setting](), train_x.shape[1:], channels=(8, 16, 32), rate=4e-3)
    history = model.fit(
        train_x, train_y, 32, effort["epochs"], 0, validation_data=test, validation_batch_size=250
    ).history
    sorted_layers = (each for each in model.layers if isinstance(each, tsp.layers.SortedPooling2D))
    entropy = store.rounded(history["val_loss"])
    return {
        "accuracy": history["val_accuracy"][-1],
        "entropy": entropy[-1],
        "early": entropy[: min(EARLY, len(entropy))][-1],
        "accuracies": store.rounded(history["val_accuracy"]),
        "entropies": entropy,
        "weights": [store.rounded(np.asarray(each.rank_weights)) for each in sorted_layers],
    }


def tables(results: Results) -> list[Table]:
    """Returns the answers to what the article claims."""
    compared = verdicts.comparison
    entropy = {"unit": "nats", "scale": 1.0, "digits": 3}
    early = f"cross entropy on test data after {EARLY} epochs"
    made = [
        compared("Is any pooling better than max? Accuracy at the end", results, "accuracy", "max"),
        compared("The same, cross entropy at the end", results, "entropy", "max", **entropy),
    ]
    for which, found in _pairs(results, "accuracy").items():
        made.append(
            compared(f"Is softmax better than raw weights? Accuracy, {which}", found, "accuracy", "raw")
        )
    for which, found in _pairs(results, "entropy").items():
        title = f"Is softmax better than raw weights? Cross entropy, {which}"
        made.append(compared(title, found, "entropy", "raw", **entropy))
    made.append(compared(f"Is convergence faster? The {early}", results, "early", "max", **entropy))
    made.append(_speed(results))
    made.append(_negative(results))
    return made


def _pairs(results: Results, metric: str) -> dict[str, Results]:
    """Returns softmax and raw weights as two settings: of three ranks, and averaged over 2, 3 and 4 ranks."""
    groups = {
        "3 ranks": {"raw": RAW[1:2], "softmax": SOFTMAX[1:2]},
        "mean of 2, 3 and 4 ranks": {"raw": RAW, "softmax": SOFTMAX},
    }
    return {which: verdicts.averaged(results, metric, group) for which, group in groups.items()}


def _speed(results: Results) -> Table:
    """Returns a table of epochs until the cross entropy that max pooling has early in its training.

    The level is one that nearly all networks pass while their curves still fall. Noise decides when a curve
    that is flat passes a level.
    """
    title = "Is convergence faster? Epochs until a level of cross entropy"
    if "max" not in results.runs:
        return Table(title, ["setting"], [], "The level is that of max, which was not run.")
    level = float(np.mean(results.values("max", "early")))
    timed = {
        name: [{**each, "epochs to level": epochs_to(level, each["entropies"])} for each in runs]
        for name, runs in results.runs.items()
    }
    missed = {
        name: sum(min(each["entropies"]) > level for each in runs) for name, runs in results.runs.items()
    }
    made = verdicts.comparison(
        title, replace(results, runs=timed), "epochs to level", "max", unit="epochs", scale=1.0
    )
    never = ", ".join(f"{count} with {name}" for name, count in missed.items() if count) or "none"
    notes = (
        f"The level is {level:.3f}, the mean of max after {EARLY} epochs. Between two epochs, a straight "
        f"line counts. Networks that never reach it: {never}. They would count as one epoch more "
        "than all."
    )
    return replace(made, notes=f"{made.notes} {notes}")


def epochs_to(level: float, curve: list[float]) -> float:
    """Returns after how many epochs a falling curve reaches a level. Before training, it is at ln 10."""
    before = math.log(10)
    for i, after in enumerate(curve):
        if after <= level:
            return i + (before - level) / (before - after) if before > level else float(i)
        before = after
    return float(len(curve) + 1)


def _negative(results: Results) -> Table:
    """Returns a table of raw weights, whose negative values are the article's reason for a softmax."""
    rows = []
    for setting in ("raw weight of 1", *RAW):
        runs = results.runs.get(setting, [])
        for i, layer in enumerate(zip(*(each["weights"] for each in runs), strict=True)):
            weights = np.array(layer)
            below = int((weights < 0).any(1).sum())
            rows.append(
                [f"{setting}, pooling {i + 1}", _numbers(weights.mean(0)), f"{below} of {len(weights)}"]
            )
    return Table(
        "What raw weights learn",
        ["setting and layer", "mean of the weights, largest rank first", "networks with a negative weight"],
        rows,
        "The article takes a softmax because negative weights contradict what the ranks mean.",
    )


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:+.2f}" for value in values)


PANELS = {
    "3 ranks, as in the article": ("max", "softmax of 3", "raw weights of 3"),
    "softmax": ("max", *SOFTMAX),
    "raw weights": ("max", "raw weight of 1", *RAW),
    "other starts, SoftPool": ("max", "softmax of 4", "softmax of 4, near max", "SoftPool"),
}


def draw(results: Results, path: Path) -> None:
    """Draws some fields, and cross entropy and accuracy on test data over training: means and deviations."""
    figure = plt.figure(figsize=(15, 9), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 5))
    _, _, test_x, test_y = clutter.fields(10, 0)
    for ax, x, y in zip(above.subplots(1, 10), test_x, test_y, strict=False):
        ax.imshow(x[..., 0], cmap="gray")
        ax.set_title(int(y))
        ax.axis("off")
    grid = below.subplots(2, len(PANELS), sharex=True, sharey="row")
    for column, (title, settings) in zip(grid.T, PANELS.items(), strict=True):
        for ax, metric, scale in zip(column, ("entropies", "accuracies"), (1, 100), strict=True):
            for i, setting in enumerate(settings):
                if setting in results.runs:
                    curves = np.array([each[metric] for each in results.runs[setting]]) * scale
                    _band(ax, curves, setting, f"C{i}")
            ax.grid(alpha=0.3)
        column[0].set_title(title)
        column[0].legend()
        column[1].set_xlabel("epoch")
    grid[0, 0].set_ylabel("cross entropy on test data, nats")
    grid[1, 0].set_ylabel("accuracy on test data, %")
    seeds = results.effort["seeds"]
    figure.suptitle(f"Digits among clutter: mean and standard deviation of {seeds} seeds")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _band(ax: plt.Axes, curves: np.ndarray, label: str, color: str) -> None:
    epochs, mean, deviation = (
        np.arange(1, curves.shape[1] + 1),
        curves.mean(0),
        curves.std(0, ddof=1) if len(curves) > 1 else 0,
    )
    ax.plot(epochs, mean, color=color, label=label)
    ax.fill_between(epochs, mean - deviation, mean + deviation, color=color, alpha=0.15, linewidth=0)


EXPERIMENT = Experiment(
    name="cluttered_digits",
    description="Sorted-weight pooling of 1 to 4 ranks, with and without softmax, on digits among clutter.",
    settings=tuple(POOLINGS),
    short={"seeds": 5, "epochs": 10, "pictures": 3000},
    full={"seeds": 12, "epochs": 20, "pictures": 16000},
    run=run,
    tables=tables,
    draw=draw,
)


if __name__ == "__main__":
    command.main(EXPERIMENT)
