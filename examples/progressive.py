"""Replaces the poolings of Inception networks by SoftPool one after the other, from both ends.

Usage: python examples/progressive.py [--full]
"""

import os
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# This import comes first, so that no other module imports TensorFlow before it.
from experiments import command

# isort: split
import keras
import numpy as np
import tensorflow as tf
from experiments import columns, fashion, paired
from experiments.experiment import Effort, Experiment, Results, Run, Table
from matplotlib.figure import Figure
from scipy import stats

import tf_softpool as tsp
from tf_softpool.benchmark.measuring import measure

BASELINE, LARGE = "original", "InceptionV3"
SOFT = {"max": "soft", "average": "soft"}
POOLINGS = 7
ENDS = ("first", "last")
WHEN = {"without training": "before", "after one more epoch": "after"}

# How many poolings of InceptionV3 are replaced in each column of table 6 of the paper of SoftPool, which
# counts blocks of the same kind as one, and the top-1 accuracy on ImageNet1K that it reports.
PAPER = {
    "N": (0, 77.45),
    "I": (1, 77.93),
    "II": (2, 78.14),
    "III": (5, 78.37),
    "IV": (6, 78.42),
    "V": (10, 78.65),
    "VI": (11, 78.83),
    "VII": (13, 79.04),
}


def settings_of(end: str) -> list[str]:
    """Returns the settings that replace the poolings from one end, in the order of their number."""
    return [BASELINE, *(f"{end} {count}" for count in range(1, POOLINGS)), f"all {POOLINGS}"]


SMALL = tuple(dict.fromkeys(setting for end in ENDS for setting in settings_of(end)))


def network() -> keras.Model:
    """Returns a small Inception network for Fashion-MNIST. Its 7 poolings are of the kinds of InceptionV3."""
    layers = keras.layers
    inputs = keras.Input(fashion.SHAPE)
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(_convolution(inputs, 16, 3))
    x = _mixed(x, "mixed1")
    x = _mixed(x, "mixed2")
    x = _reduction(x, "mixed3")
    x = _mixed(x, "mixed4")
    x = _reduction(x, "mixed5")
    x = _mixed(x, "mixed6")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, layers.Dense(fashion.CLASSES, activation="softmax")(x))


def _convolution(x: Any, filters: int, size: int, strides: int = 1) -> Any:
    return keras.layers.Conv2D(filters, size, strides, padding="same", activation="relu")(x)


def _mixed(x: Any, name: str) -> Any:
    """Returns a block of two branches. One pools with stride 1, as in InceptionV3."""
    pooled = keras.layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    return keras.layers.Concatenate(name=name)([_convolution(x, 16, 3), _convolution(pooled, 16, 1)])


def _reduction(x: Any, name: str) -> Any:
    """Returns a block of two branches that halve height and width. One of them pools."""
    pooled = keras.layers.MaxPooling2D(3, 2, padding="same", name=f"{name}_pool")(x)
    return keras.layers.Concatenate(name=name)([_convolution(x, 16, 3, 2), pooled])


def replaced(model: keras.Model, setting: str) -> tuple[keras.Model, tsp.rewriting.Report | None]:
    """Returns a model with the poolings replaced that a setting names, and the report, if any."""
    if setting == BASELINE:
        return model, None
    end, count = setting.split()
    return tsp.replace_pooling(model, SOFT, **{"first" if end == "all" else end: int(count)})


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Makes one run: of the small network, or of InceptionV3, which is not trained."""
    if setting == LARGE:
        make = keras.applications.InceptionV3
        return rewrite_and_measure(lambda: make(weights=None), [count for count, _ in PAPER.values()], effort)
    new, report = replaced(fashion.trained(network, seed, effort), setting)
    return {
        "replaced": len(report.replaced) if report else 0,
        **fashion.before_and_after(new, seed, effort),
    }


def rewrite_and_measure(make: Callable[[], keras.Model], counts: Sequence[int], effort: Effort) -> Run:
    """Replaces the first N poolings of a network for each N, and measures it beside the original.

    Returns:
        dict of lists with a number for each N: `asked`, `replaced`, `same weights` and `same shapes` (0 or
        1), `ms` of one picture, `original ms` in the same rounds, their `ratio` with quartiles, `parameters`.
    """
    original = make()
    x = tf.random.stateless_uniform((1, *original.input_shape[1:]), (0, 1))
    answer = _function(original)
    found: dict[str, list[float]] = {}
    for count in counts:
        new, report = tsp.replace_pooling(original, SOFT, first=count) if count else (original, None)
        functions = {"original": lambda: answer(x), "new": _call(new, x)}
        taken = measure(functions, effort["measured"], 1000)
        ratios = [b / a for a, b in zip(taken["original"], taken["new"], strict=True)]
        one = {
            "asked": count,
            "replaced": len(report.replaced) if report else 0,
            "same weights": _same_weights(original, new),
            "same shapes": [layer.output.shape for layer in original.layers]
            == [layer.output.shape for layer in new.layers],
            "parameters": new.count_params(),
            "ms": 1e3 * statistics.median(taken["new"]),
            "original ms": 1e3 * statistics.median(taken["original"]),
            "ratio": statistics.median(ratios),
            "ratio low": float(np.quantile(ratios, 0.25)),
            "ratio high": float(np.quantile(ratios, 0.75)),
        }
        for name, value in one.items():
            found.setdefault(name, []).append(round(float(value), 4))
    return {**found, "processors": len(os.sched_getaffinity(0))}


def _function(model: keras.Model) -> Callable[[Any], Any]:
    return tf.function(lambda x: model(x, training=False))


def _call(model: keras.Model, x: Any) -> Callable[[], Any]:
    function = _function(model)
    return lambda: function(x)


def _same_weights(model: keras.Model, other: keras.Model) -> bool:
    pairs = list(zip(model.get_weights(), other.get_weights(), strict=True))
    return all(np.array_equal(a, b) for a, b in pairs)


def tables(results: Results) -> list[Table]:
    """Returns a table of accuracies, one of trends, and one of InceptionV3 if it was run."""
    small = results.only(SMALL)
    made = [_accuracies(small), *_trends(small)]
    if LARGE in results.runs:
        made.append(_large(results.runs[LARGE][0]))
    return made


def _accuracies(small: Results) -> Table:
    made = columns.table(
        small,
        "accuracy of the small Inception network with N poolings replaced by SoftPool, %",
        ("accuracy without training", "before"),
        WHEN,
        BASELINE,
        order=[setting for setting in SMALL if setting in small.runs],
    )
    notes = (
        f"{made.notes} The networks were trained for {small.effort['epochs']} epochs with their own "
        "poolings: 3 max poolings with stride 2, and 4 average poolings with stride 1. The original is "
        "trained for one more epoch, too. Unlike InceptionV3, they have no batch normalization."
    )
    return Table(made.title, made.header, made.rows, notes)


def _slopes(small: Results, end: str, metric: str) -> list[float]:
    """Returns, for each seed, by how much accuracy rises with one more replaced pooling."""
    rows = np.array([small.values(setting, metric) for setting in settings_of(end)])
    return [float(stats.linregress(range(len(rows)), rows[:, i]).slope) for i in range(rows.shape[1])]


def _trends(small: Results) -> list[Table]:
    """Returns a table of trends, or none if settings are missing."""
    if any(setting not in small.runs for setting in SMALL):
        return []
    rows, ps, words = [], [], []
    for name, when in WHEN.items():
        for end in ENDS:
            slopes = 100 * np.array(_slopes(small, end, when))
            test = stats.ttest_1samp(slopes, 0.0)
            low, high = test.confidence_interval(0.95)
            rows.append([f"from the {end}, {name}", f"{slopes.mean():+.2f} ± {(high - low) / 2:.2f}"])
            # Slopes that are all zero show no trend, though their test is 0 / 0.
            ps.append(float(test.pvalue) if slopes.any() else 1.0)
    corrected = paired.holm(ps)
    for row, p, each in zip(rows, ps, corrected, strict=True):
        held = each < paired.LEVEL
        row += [f"{p:.2g}", f"{each:.2g}{' *' if held else ''}"]
        if held:
            words.append(f"{row[0]}: accuracy {'rises' if row[1].startswith('+') else 'falls'}")
    said = (
        f"What survives the correction: {'; '.join(words)}."
        if words
        else "No trend survives the correction: these runs do not show that accuracy rises or falls."
    )
    notes = (
        "Slope of a straight line through the accuracies with 0 to 7 poolings replaced, for each seed: mean "
        f"and 95 % margin, t-test, Holm's correction. {said} In the paper of SoftPool, InceptionV3 rises "
        "from 77.45 % to 79.04 % on ImageNet1K, with one network for each number."
    )
    header = ["replaced", "points for one more pooling", "p", "p, corrected"]
    return [Table("does accuracy rise with the number of replaced poolings?", header, rows, notes)]


def _large(found: Run) -> Table:
    """Returns a table of InceptionV3."""
    rows = []
    for i, (name, (count, accuracy)) in enumerate(PAPER.items()):
        spread = f"{found['ratio'][i]:.2f} ({found['ratio low'][i]:.2f} to {found['ratio high'][i]:.2f})"
        rows.append(
            [
                name,
                str(count),
                f"{found['replaced'][i]:.0f}",
                "yes" if found["same weights"][i] else "no",
                "yes" if found["same shapes"][i] else "no",
                f"{found['original ms'][i]:.0f}",
                f"{found['ms'][i]:.0f}",
                spread,
                f"{accuracy:.2f}",
            ]
        )
    kept = all(found["same weights"]) and all(found["same shapes"]) and found["asked"] == found["replaced"]
    notes = (
        "Keras's InceptionV3 with random weights, the first poolings replaced by "
        "`replace_pooling(model, ..., first=N)`. It is not trained, so no accuracy of ours stands here. "
        + (
            "Every copy has as many poolings replaced as were asked for, the same weights and shapes. "
            if kept
            else "The copies are NOT as they should be: see the columns. "
        )
        + f"ms: median time of one picture on {found['processors']} processor(s). Each takes turns "
        "with the original. The ratio is that of the same rounds: median and quartiles. Row N is the "
        "original beside itself, and shows what noise does."
    )
    header = [
        "column of table 6",
        "poolings",
        "replaced",
        "same weights",
        "same shapes",
        "original, ms",
        "replaced, ms",
        "ratio",
        "paper: top-1, %",
    ]
    return Table("InceptionV3", header, rows, notes)


def draw(results: Results, path: Path) -> None:
    """Draws accuracies over the number of replaced poolings, and how long InceptionV3 takes."""
    large = results.runs.get(LARGE)
    figure = Figure(figsize=(14 if large else 10, 4.5), layout="constrained")
    axes = figure.subplots(1, 3 if large else 2)
    for ax, (name, when) in zip(axes, WHEN.items(), strict=False):
        for end, color in zip(ENDS, ("#0072b2", "#e69f00"), strict=True):
            _draw_differences(ax, results, end, when, color)
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set_title(f"small network, {name}")
        ax.set_xlabel("poolings replaced by SoftPool")
        ax.set_ylabel("accuracy minus the original's, points")
        ax.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    if large:
        _draw_ratios(axes[2], large[0])
    figure.savefig(path, dpi=90)


def _draw_differences(ax: Any, results: Results, end: str, when: str, color: str) -> None:
    base = np.array(results.values(BASELINE, when))
    shown = [(i, setting) for i, setting in enumerate(settings_of(end)) if setting in results.runs]
    gaps = [100 * (np.array(results.values(setting, when)) - base) for _, setting in shown]
    margins = [stats.t.ppf(0.975, len(gap) - 1) * stats.sem(gap) for gap in gaps]
    places = [i + (0.08 if end == ENDS[0] else -0.08) for i, _ in shown]
    means = [gap.mean() for gap in gaps]
    ax.errorbar(places, means, yerr=margins, fmt="o-", color=color, label=f"from the {end}, 95 % margins")


def _draw_ratios(ax: Any, found: Run) -> None:
    middle, low, high = (np.array(found[name]) for name in ("ratio", "ratio low", "ratio high"))
    ax.errorbar(found["replaced"], middle, yerr=(middle - low, high - middle), fmt="o-", color="#009e73")
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set_ylim(0, max(1.5, high.max() * 1.1))
    ax.set_title("InceptionV3: time of one picture")
    ax.set_xlabel("poolings replaced by SoftPool")
    ax.set_ylabel("times the original's, with quartiles")
    ax.grid(alpha=0.3)


EXPERIMENT = Experiment(
    name="progressive",
    description="Replaces the poolings of a small Inception network by SoftPool one after the other, from "
    "the first and from the last, without and with more training. Measures InceptionV3 rewritten so, too.",
    settings=(*SMALL, LARGE),
    short={"seeds": 5, "epochs": 12, "pictures": 2048, "tests": 2000, "measured": 6},
    full={"seeds": 10, "epochs": 20, "pictures": 19200, "tests": 10000, "measured": 30},
    run=run,
    tables=tables,
    draw=draw,
    always=(BASELINE,),
    once=(LARGE,),
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
