"""Trains networks of 3D convolutions on moving digits, with max, average and soft pooling.

The digits are handwritten ones of MNIST. Their motion is synthetic: a program moves them.

Usage: python examples/moving_digits.py [--seeds 5] [--epochs 5] [--train 4000]
"""

from collections.abc import Callable
from pathlib import Path

# This import comes first, so that no other module imports TensorFlow before it.
import quiet  # noqa: F401

# isort: split
import keras
import matplotlib
import numpy as np
from experiments import command, data, paired, store, verdicts
from experiments.experiment import Effort, Experiment, Results, Run, Table

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt

FRAMES, SIDE, SMALL = 8, 28, 14
# Steps in rows and columns. Each is a class.
DIRECTIONS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
NOISE = 0.2
SPEEDS = (0.3, 1.0)
# The digits before this one, of a fixed order, are to train with, and the others to test with.
SPLIT = 4000
POOLINGS: dict[str, Callable[[int], keras.layers.Layer]] = {
    "max": keras.layers.MaxPooling3D,
    "average": keras.layers.AveragePooling3D,
    "soft": tsp.layers.SoftPooling3D,
}
MEASURES = ("digit", "direction")
# What SoftPool gains at most in the paper's table 7, in percent.
LARGEST_GAIN = 1.6

Clips = tuple[np.ndarray, dict[str, np.ndarray]]


def clips(count: int, seed: int, test: bool = False) -> Clips:
    """Returns clips of moving digits.

    Args:
        count: int.
        seed: int, which decides the digits, the directions, the speeds and the noise.
        test: bool, whether digits to test with are taken.

    Returns:
        Values `[count, FRAMES, SIDE, SIDE, 1]`, and a dict of the labels `[count]` of digits and directions.
    """
    random = np.random.default_rng([seed, test])
    digits, labels = data.mnist_digits()
    order = np.random.default_rng(0).permutation(len(digits))
    chosen = random.choice(order[SPLIT:] if test else order[:SPLIT], count)
    directions = random.integers(len(DIRECTIONS), size=count)
    # Means of 2x2 pixels halve the digits, so that there is space to move in.
    small = digits[chosen].reshape(count, SMALL, 2, SMALL, 2).mean(axis=(2, 4))
    made = random.normal(0, NOISE, (count, FRAMES, SIDE, SIDE)).astype("float32")
    for clip, digit, direction in zip(made, small, directions, strict=True):
        _move(clip, digit, np.array(DIRECTIONS[direction]), random)
    return made[..., None], {"digit": labels[chosen], "direction": directions}


def _move(clip: np.ndarray, digit: np.ndarray, step: np.ndarray, random: np.random.Generator) -> None:
    """Adds a digit to all frames of a clip. It moves by at most a pixel a frame, and stays in the picture."""
    space = SIDE - SMALL
    way = step * random.uniform(*SPEEDS) * np.arange(FRAMES)[:, None]
    low, high = -way.min(axis=0), space - way.max(axis=0)
    for frame, (row, column) in zip(clip, np.rint(random.uniform(low, high) + way).astype(int), strict=True):
        frame[row : row + SMALL, column : column + SMALL] += digit


def network(pooling: str) -> keras.Model:
    """Returns a compiled network of three 3D convolutions with pooling between, and two classifiers."""
    layers = keras.layers
    x = inputs = keras.Input((FRAMES, SIDE, SIDE, 1))
    for filters in (8, 16):
        x = layers.Conv3D(filters, 3, padding="same", activation="relu")(x)
        x = POOLINGS[pooling](2)(x)
    x = layers.Conv3D(32, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(x)
    outputs = {
        "digit": layers.Dense(10, name="digit")(x),
        "direction": layers.Dense(len(DIRECTIONS), name="direction")(x),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.Adam(2e-3),
        {name: keras.losses.SparseCategoricalCrossentropy(from_logits=True) for name in outputs},
        metrics={name: ["accuracy"] for name in outputs},
    )
    return model


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Trains a network. Returns its accuracies on test clips, and its loss after each epoch."""
    x, y = clips(effort["train"], seed)
    # The test clips are the same for all seeds.
    test_x, test_y = clips(effort["test"], 0, test=True)
    model = network(setting)
    history = model.fit(x, y, batch_size=32, epochs=effort["epochs"], verbose=0).history
    answers = model.predict(test_x, batch_size=100, verbose=0)
    right = {name: answers[name].argmax(axis=-1) == test_y[name] for name in MEASURES}
    return {
        **{name: float(right[name].mean()) for name in MEASURES},
        "both": float((right["digit"] & right["direction"]).mean()),
        "losses": store.rounded(history["loss"]),
    }


def tables(results: Results) -> list[Table]:
    """Returns a table of the accuracy in digits, in directions and in both."""
    if "max" not in results.runs or results.effort["seeds"] < 2:
        return []
    made = []
    for measure in (*MEASURES, "both"):
        made.append(verdicts.comparison(f"accuracy on moving digits: {measure}", results, measure, "max"))
    last = made[-1]
    found = paired.differences(results, "both", "max")
    margin = max((100 * each.margin for each in found if each.setting == "soft"), default=0.0)
    power = (
        f" The margin of SoftPool's difference is {margin:.1f} %, wider than the paper's gains: this run can "
        "neither confirm nor refute them."
        if margin > LARGEST_GAIN
        else ""
    )
    notes = (
        f"{last.notes} The paper's table 7 trains video networks on films of people, and SoftPool gains 1.0 "
        f"to {LARGEST_GAIN} %. These clips are no films: a program moves real digits, so the motion is "
        f"synthetic.{power}"
    )
    return [*made[:-1], Table(last.title, last.header, last.rows, notes)]


def draw(results: Results, path: Path) -> None:
    """Writes a picture of two clips, of the losses, and of the accuracies."""
    figure = plt.figure(figsize=(13, 7.5), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.4))
    x, y = clips(2, 0)
    for i, line in enumerate(above.subplots(2, FRAMES)):
        for frame, ax in zip(x[i], line, strict=True):
            ax.imshow(frame.squeeze(), cmap="gray", vmin=-0.5, vmax=1.2)
            ax.set_axis_off()
        line[0].set_title(f"digit {y['digit'][i]}, moved by {DIRECTIONS[y['direction'][i]]}", loc="left")
    left, right = below.subplots(1, 2)
    for j, (setting, runs) in enumerate(results.runs.items()):
        losses = np.array([run["losses"] for run in runs])
        epochs = np.arange(1, losses.shape[1] + 1)
        left.plot(epochs, losses.mean(axis=0), label=setting, color=f"C{j}")
        left.fill_between(epochs, losses.min(axis=0), losses.max(axis=0), alpha=0.15, color=f"C{j}")
        for i, measure in enumerate((*MEASURES, "both")):
            place = i + 0.22 * (j - (len(results.runs) - 1) / 2)
            values = results.values(setting, measure)
            right.plot(np.full(len(values), place), values, "o", alpha=0.6, color=f"C{j}")
            right.plot(place, np.mean(values), "_", markersize=22, color=f"C{j}")
    left.set(title="loss in training: mean, least and largest", xlabel="epoch", yscale="log")
    left.legend()
    left.set_xticks(range(1, results.effort["epochs"] + 1))
    right.set(title="accuracy on test clips: a point for each seed, a line for the mean")
    right.set_xticks(range(3), [*MEASURES, "both"])
    figure.savefig(path, dpi=80)
    plt.close(figure)


EXPERIMENT = Experiment(
    "moving_digits",
    "Trains small networks of 3D convolutions on digits of MNIST that a program moves. A clip has two "
    "classes: its digit and the direction of motion.",
    tuple(POOLINGS),
    {"seeds": 5, "epochs": 5, "train": 4000, "test": 1000},
    {"seeds": 20, "epochs": 20, "train": 8000, "test": 2000},
    run,
    tables,
    draw,
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
