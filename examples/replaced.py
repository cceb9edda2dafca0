"""Replaces the max pooling of trained networks by every other kind, with and without more training.

Usage: python examples/replaced.py [--full]
"""

from pathlib import Path

# This import comes first, so that no other module imports TensorFlow before it.
from experiments import command

# isort: split
import keras
import numpy as np
from experiments import columns, fashion, paired
from experiments.experiment import Effort, Experiment, Results, Run, Table
from matplotlib.figure import Figure

import tf_softpool as tsp

BASELINE = "max"
# Kinds as `replace_pooling` names them. Those that learn start near the max pooling that they replace.
FIXED = ("average", "sum", "soft", "power_average", "stochastic", "s3", "median")
LEARNED = ("sorted", "detail_preserving", "local_importance", "lp", "mixed", "gated")
# Standard deviations of noise on the pictures, whose values go from 0 to 1.
NOISES = (0.0, 0.15, 0.3)
WHEN = {"without training": "before", "after one more epoch": "after"}


def network() -> keras.Model:
    """Returns the network with max pooling."""
    return fashion.network(lambda: keras.layers.MaxPooling2D(2))


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Replaces the poolings of a trained network. Scores it before and after one more epoch."""
    model = fashion.trained(network, seed, effort)
    new, report = tsp.replace_pooling(model, {"max": setting})
    found = fashion.before_and_after(new, seed, effort, NOISES)
    return {"replaced": len(report.replaced), **found}


def tables(results: Results) -> list[Table]:
    """Returns a table of accuracies, and one of accuracies with noise."""
    return [_accuracies(results), _with_noise(results)]


def _accuracies(results: Results) -> Table:
    made = columns.table(
        results,
        "accuracy after max pooling was replaced, %",
        ("accuracy without training", "before"),
        WHEN,
        BASELINE,
    )
    base = np.mean(results.values(BASELINE, "after")) - np.mean(results.values(BASELINE, "before"))
    notes = (
        f"{made.notes} The network with max pooling was trained for {results.effort['epochs']} epochs. One "
        f"more epoch changes its own accuracy by {100 * base:+.2f} points, and the other networks are "
        f"compared with that. {', '.join(LEARNED)} have weights, and start as near max as they can: what "
        "they lose without training says how near that is. The paper of SoftPool reports +0.80 points for "
        f"ResNet18 without training. {_of_soft(results)}"
    )
    return Table(made.title, made.header, made.rows, notes)


def _of_soft(results: Results) -> str:
    """Returns a sentence on the claim of the paper."""
    found = {each.setting: each for each in paired.differences(results, "before", BASELINE)}
    soft = found.get("soft")
    if soft is None:
        return ""
    if not soft.is_significant:
        return "Here, the difference of SoftPool without training does not survive the correction."
    holds = "also gains" if soft.difference > 0 else "loses, and does not gain"
    return f"Here, SoftPool without training {holds}: {100 * soft.difference:+.2f} points."


def _with_noise(results: Results) -> Table:
    shown = {
        f"{name}, noise {noise}": f"{when}, noise {noise}"
        for name, when in WHEN.items()
        for noise in NOISES
        if noise
    }
    made = columns.table(
        results,
        "accuracy on pictures with noise, %",
        (f"accuracy without training, noise {NOISES[-1]}", f"before, noise {NOISES[-1]}"),
        shown,
        BASELINE,
    )
    notes = f"{made.notes} Noise is normal with this standard deviation, on pictures with values from 0 to 1."
    return Table(made.title, made.header, made.rows, notes)


def draw(results: Results, path: Path) -> None:
    """Draws the differences to max, without training and after one more epoch, for each noise."""
    figure = Figure(figsize=(13, 5.5), layout="constrained")
    order = sorted(results.runs, key=lambda setting: np.mean(results.values(setting, "before")))
    shown = [setting for setting in order if setting != BASELINE]
    for ax, noise in zip(figure.subplots(1, len(NOISES), sharey=True), NOISES, strict=True):
        for i, (name, when) in enumerate(WHEN.items()):
            metric = f"{when}, noise {noise}" if noise else when
            found = {each.setting: each for each in paired.differences(results, metric, BASELINE)}
            ax.errorbar(
                [100 * found[setting].difference for setting in shown],
                [j + 0.15 - 0.3 * i for j in range(len(shown))],
                xerr=[100 * found[setting].margin for setting in shown],
                fmt="o",
                markersize=5,
                color=("#e69f00", "#0072b2")[i],
                label=name,
            )
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_yticks(range(len(shown)), shown)
        ax.set_xlabel("accuracy minus that of max, points")
        ax.set_title(f"noise {noise} on the pictures" if noise else "pictures as they are")
        ax.grid(axis="x", alpha=0.3)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(
        f"max pooling of trained networks replaced, {results.effort['seeds']} seeds, 95 % margins"
    )
    figure.savefig(path, dpi=90)


EXPERIMENT = Experiment(
    name="replaced",
    description="Replaces the max pooling of a network that was trained on Fashion-MNIST by every other "
    "kind. Compares accuracies, also with noise, without training and after one more epoch.",
    settings=(BASELINE, *FIXED, *LEARNED),
    short={"seeds": 8, "epochs": 6, "pictures": 2048, "tests": 2000},
    full={"seeds": 12, "epochs": 12, "pictures": 19200, "tests": 10000},
    run=run,
    tables=tables,
    draw=draw,
    always=(BASELINE,),
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
