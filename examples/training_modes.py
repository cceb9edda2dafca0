"""Trains one network plainly, on two devices, in mixed precision and under XLA, and compares what they learn.

Usage: python examples/training_modes.py [--seeds 5] [--epochs 4] [--train 1024]
"""

import concurrent.futures
import contextlib
import functools
import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# This import comes first, so that no other module imports TensorFlow before it.
import quiet

# isort: split
import keras
import matplotlib
import numpy as np
import tensorflow as tf
from experiments import command, data, store, verdicts
from experiments.experiment import Effort, Experiment, Results, Run, Table

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt

BATCH = 32
PLAIN, DISTURBED, MIRRORED, XLA = "plain", "disturbed", "two devices", "XLA"
# The modes in mixed precision, with the largest relative rounding error of their types.
MIXED = {"mixed_bfloat16": 2.0**-8, "mixed_float16": 2.0**-11}
MODES = (PLAIN, DISTURBED, MIRRORED, XLA, *MIXED)
POOLINGS = {"max": keras.layers.MaxPooling2D, "soft": tsp.layers.SoftPooling2D}
SETTINGS = tuple(f"{pooling}, {mode}" for pooling in POOLINGS for mode in MODES)

Weights = list[np.ndarray]


class Watch(keras.callbacks.Callback):
    """A callback that keeps the weights after the first step, and the seconds of all others."""

    def __init__(self) -> None:
        super().__init__()
        self.first: Weights = []
        self.seconds: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Takes the time."""
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Takes the time of a step, or the weights after the first one, which traces and compiles."""
        if self.first:
            self.seconds.append(time.perf_counter() - self.start)
        else:
            self.first = self.model.get_weights()


def network(pooling: str) -> keras.Model:
    """Returns a network of two convolutions with pooling behind each. None of its layers is random."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            POOLINGS[pooling](2),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            POOLINGS[pooling](2),
            layers.Flatten(),
            layers.Dense(10),
            layers.Activation("softmax", dtype="float32"),
        ]
    )


def train(pooling: str, mode: str, seed: int, effort: Effort) -> dict[str, Any]:
    """Trains a network in a mode. All modes begin with the same weights and see the same batches.

    Returns:
        A dict with the weights at the `start`, after the `first` step and at the end (`last`), the `losses`
        after each epoch, the `accuracy` on test pictures, and the `seconds` of a step.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    x, y, test_x, test_y = data.some_fashion(effort["train"], effort["test"], seed)
    start = network(pooling).get_weights()
    begun = _disturbed(start, seed) if mode == DISTURBED else start
    watch = Watch()
    with _in_mode(mode):
        model = network(pooling)
        # Adam would make steps of the same size of gradients that are zero but for rounding errors.
        model.compile(
            keras.optimizers.SGD(0.05, momentum=0.9),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=mode == XLA,
        )
        model.set_weights(begun)
        fitted = model.fit(
            x, y, batch_size=BATCH, epochs=effort["epochs"], shuffle=False, verbose=0, callbacks=[watch]
        )
        accuracy = model.evaluate(test_x, test_y, batch_size=100, verbose=0)[1]
    return {
        "start": start,
        "first": watch.first,
        "last": model.get_weights(),
        "losses": store.rounded(fitted.history["loss"]),
        "accuracy": float(accuracy),
        "seconds": float(np.median(watch.seconds)),
    }


def _disturbed(weights: Weights, seed: int) -> Weights:
    """Returns weights of which each differs by at most one unit in its last place."""
    random = np.random.default_rng(seed)
    return [np.nextafter(w, random.choice([-np.inf, np.inf], w.shape).astype(w.dtype)) for w in weights]


@contextlib.contextmanager
def _in_mode(mode: str) -> Any:
    before = keras.mixed_precision.dtype_policy()
    try:
        if mode in MIXED:
            keras.mixed_precision.set_dtype_policy(mode)
        scope = tf.distribute.MirroredStrategy(_devices()).scope() if mode == MIRRORED else None
        with scope or contextlib.nullcontext():
            yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def _devices() -> list[str]:
    return [device.name for device in tf.config.list_logical_devices("CPU")]


def compare(setting: str, seed: int, effort: Effort) -> Run:
    """Trains in a mode, and compares the weights with those of plain training.

    Returns:
        How far the weights are from those of plain training after the first step (`first`) and at the end
        (`last`), relative to how far plain training moved them. For plain training, this compares two
        trainings.
    """
    pooling, mode = setting.split(", ")
    made = train(pooling, mode, seed, effort)
    base = _plain(pooling, seed, tuple(effort.items()))
    return {
        "first": relative(made["first"], base["first"], base["start"]),
        "last": relative(made["last"], base["last"], base["start"]),
        "losses": made["losses"],
        "accuracy": made["accuracy"],
        "step": made["seconds"],
    }


@functools.lru_cache(maxsize=len(POOLINGS))
def _plain(pooling: str, seed: int, effort: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    return train(pooling, PLAIN, seed, dict(effort))


def relative(weights: Weights, others: Weights, start: Weights) -> float:
    """Returns how far weights are from others, relative to how far the others are from the start."""

    def distance(a: Weights, b: Weights) -> float:
        return float(np.sqrt(sum(((x.astype("float64") - y) ** 2).sum() for x, y in zip(a, b, strict=True))))

    return distance(weights, others) / distance(others, start)


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Makes a run in a process of its own, because TensorFlow splits a CPU in two only before it starts."""
    return _worker().submit(compare, setting, seed, dict(effort)).result()


@functools.cache
def _worker() -> concurrent.futures.ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(1, spawn, initializer=_split_the_cpu)


def _split_the_cpu() -> None:
    with quiet.standard_error():
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        _devices()


def within_rounding(mode: str, first: Sequence[float], disturbed: Sequence[float]) -> str:
    """Says whether rounding explains how the first step of a mode differs from the plain one.

    Args:
        mode: string, one of `MODES`.
        first: list of floats, how far the weights are from those of plain training, for each seed.
        disturbed: list of floats, the same for weights that began one unit in the last place away.

    Returns:
        For modes in float32, whether the difference is at most that of the disturbed weights. In mixed
        precision, how many times the rounding error of the type it is.
    """
    if mode in MIXED:
        return f"{max(first) / MIXED[mode]:.1f} x {mode.removeprefix('mixed_')}'s"
    if max(first) == 0:
        return "yes: equal"
    return "yes" if all(a <= b for a, b in zip(first, disturbed, strict=True)) else "no"


def tables(results: Results) -> list[Table]:
    """Returns a table of differences to plain training for each pooling, and a table of accuracies."""
    made = []
    for pooling in POOLINGS:
        runs = {mode: results.runs.get(f"{pooling}, {mode}") for mode in MODES}
        runs = {mode: found for mode, found in runs.items() if found}
        if {PLAIN, DISTURBED} <= set(runs):
            of_pooling = Results(results.experiment, results.effort, runs)
            made.append(_differences(pooling, of_pooling))
            if results.effort["seeds"] > 1:
                title = f"accuracy with {pooling} pooling"
                made.append(verdicts.comparison(title, of_pooling, "accuracy", PLAIN))
    return made


def _differences(pooling: str, results: Results) -> Table:
    disturbed = results.values(DISTURBED, "first")
    rows = []
    for mode in results.runs:
        first, last = (results.values(mode, when) for when in ("first", "last"))
        row = [mode, f"{max(first):.1e}", within_rounding(mode, first, disturbed), f"{max(last):.1e}"]
        losses = [run["losses"][-1] for run in results.runs[mode]]
        step = 1e3 * float(np.median(results.values(mode, "step")))
        rows.append([*row, f"{np.mean(losses):.4f}", f"{step:.1f}"])
    notes = (
        "Differences of weights to plain training, relative to how far it moved them: the largest of all "
        "seeds. plain: two trainings compared. disturbed: plain training from weights that differ in the "
        "last bit. Within rounding: after one step, a mode in float32 is no farther from plain training than "
        "the disturbed one. In mixed precision, the difference is given in rounding errors of its type. At "
        "the end, rounding has grown, in the disturbed training too."
    )
    header = ["mode", "after a step", "within rounding", "at the end", "last loss", "ms a step"]
    return Table(f"training modes with {pooling} pooling", header, rows, notes)


def draw(results: Results, path: Path) -> None:
    """Writes a picture of the losses of all modes, and of the differences of their weights."""
    figure, axes = plt.subplots(2, 2, figsize=(13, 9), layout="constrained")
    for pooling, (left, right) in zip(POOLINGS, axes.T, strict=True):
        for mode, style in zip(MODES, ("-", "--", "-.", ":", "--", "-."), strict=True):
            runs = results.runs.get(f"{pooling}, {mode}", [])
            if runs:
                losses = np.mean([run["losses"] for run in runs], axis=0)
                epochs = np.arange(1, len(losses) + 1)
                left.plot(epochs, losses, style, label=mode, linewidth=2)
                for when, marker in (("first", "o"), ("last", "^")):
                    # Zeros have no place on a logarithmic axis.
                    values = [max(run[when], 1e-9) for run in runs]
                    right.plot([mode] * len(runs), values, marker, color="C0" if when == "first" else "C1")
        left.set(title=f"{pooling} pooling: loss, the mean of the seeds", xlabel="epoch", ylabel="loss")
        if left.lines:
            left.legend()
            left.set_xticks(epochs)
        right.set(yscale="log", ylim=(5e-10, 2), ylabel="difference to plain training")
        right.set_title("after a step: circles, at the end: triangles, none: 1e-9")
        right.tick_params(axis="x", rotation=20)
    figure.savefig(path, dpi=80)
    plt.close(figure)


EXPERIMENT = Experiment(
    "training_modes",
    "Trains a network with SoftPool and with max pooling plainly, over two virtual devices, under XLA and in "
    "mixed precision, from the same weights on the same batches, and compares the weights.",
    SETTINGS,
    {"seeds": 5, "epochs": 4, "train": 1024, "test": 1000},
    {"seeds": 10, "epochs": 10, "train": 12288, "test": 10000},
    run,
    tables,
    draw,
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
