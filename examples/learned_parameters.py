"""Trains networks with poolings that learn, and shows what they learn: in each layer, over the training.

Sorted-weight pooling learns the weights of ranks, detail-preserving pooling alpha and lambda, Lp pooling p,
and mixed pooling the share of the maximum. Most of them are trained from two starts, because a parameter
that ends where it began was not chosen by the network.

Usage: python examples/learned_parameters.py [--seeds 5] [--epochs 8]
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import quiet  # noqa: F401

# isort: split
import keras
import matplotlib
import numpy as np
from experiments import command, data, paired
from experiments.experiment import Effort, Experiment, Results, Run, Table
from experiments.small_network import network
from scipy import stats
from statsmodels.stats.multitest import multipletests

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt

LAYERS = 3
LOW, HIGH = ", low", ", high"
_pooling = tsp.layers


def _mixed(start: float) -> keras.layers.Layer:
    return _pooling.MixedPooling2D(2, mix_initializer=keras.initializers.Constant(start))


POOLINGS: dict[str, Callable[[], keras.layers.Layer]] = {
    "sorted": lambda: _pooling.SortedPooling2D(2),
    "sorted, near max": lambda: _pooling.SortedPooling2D(2, rank_initializer=_pooling.LeadingRank(0.9)),
    "DPP symmetric": lambda: _pooling.DetailPreservingPooling2D(2),
    "DPP asymmetric": lambda: _pooling.DetailPreservingPooling2D(2, symmetric=False),
    "Lp": lambda: _pooling.LpPooling2D(2, initial_p=2.0),
    "Lp from 4": lambda: _pooling.LpPooling2D(2, initial_p=4.0),
    "mixed": lambda: _mixed(0.5),
    "mixed from 0.9": lambda: _mixed(0.9),
}
# Pairs of settings that differ in their starts alone.
STARTS = (("sorted", "sorted, near max"), ("Lp", "Lp from 4"), ("mixed", "mixed from 0.9"))
# What is drawn together. Alpha and lambda are factors, so their axes are logarithmic.
PANELS = {
    "weights of ranks": ("sorted", "sorted, near max"),
    "alpha": ("DPP symmetric", "DPP asymmetric"),
    "lambda": ("DPP symmetric", "DPP asymmetric"),
    "p": ("Lp", "Lp from 4"),
    "share of max": ("mixed", "mixed from 0.9"),
}


def parameters(layer: keras.layers.Layer) -> dict[str, float]:
    """Returns the parameters of a pooling by name.

    A parameter of which each channel has its own counts as the median of the channels. The tenth and the
    ninetieth percentile are there too, with names that end in `LOW` and `HIGH`.
    """
    if isinstance(layer, _pooling.SortedPooling2D):
        return {f"weight of rank {i + 1}": float(each) for i, each in enumerate(layer.rank_weights)}
    if isinstance(layer, _pooling.DetailPreservingPooling2D):
        alpha, exponent = (np.exp(np.asarray(each)) for each in (layer.log_alpha, layer.log_lambda))
        return {**_of_channels("alpha", alpha), **_of_channels("lambda", exponent)}
    if isinstance(layer, _pooling.LpPooling2D):
        return {"p": float(layer.p)}
    return {"share of max": float(np.asarray(layer.mix))}


def _of_channels(name: str, values: np.ndarray) -> dict[str, float]:
    low, middle, high = (float(each) for each in np.percentile(values, (10, 50, 90)))
    return {name: middle, name + LOW: low, name + HIGH: high}


class _Record(keras.callbacks.Callback):
    """Keeps the parameters of all poolings before the training and after each epoch."""

    def __init__(self, poolings: list[keras.layers.Layer]) -> None:
        super().__init__()
        self.poolings = poolings
        self.kept: list[dict[str, list[float]]] = [{} for _ in poolings]

    def on_train_begin(self, logs: object = None) -> None:
        self.on_epoch_end(0)

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        for layer, curves in zip(self.poolings, self.kept, strict=True):
            for name, value in parameters(layer).items():
                curves.setdefault(name, []).append(round(value, 5))


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Trains one network. Returns the curves of its poolings' parameters, and its accuracy on test data."""
    x, y, test_x, test_y = data.some_fashion(effort["pictures"], 2000, seed)
    model = network(lambda i: POOLINGS[setting](), x.shape[1:], channels=(8, 16, 32), rate=4e-3)
    record = _Record([layer for layer in model.layers if type(layer).__module__.startswith("tf_softpool")])
    model.fit(x, y, 32, effort["epochs"], 0, callbacks=[record])
    accuracy = model.evaluate(test_x, test_y, 500, 0)[1]
    return {"accuracy": round(accuracy, 5), "curves": record.kept}


def curves(results: Results, setting: str, layer: int) -> dict[str, np.ndarray]:
    """Returns the parameters of one layer by name: arrays `[seeds, 1 + epochs]`."""
    runs = [each["curves"][layer] for each in results.runs[setting]]
    return {name: np.array([each[name] for each in runs]) for name in runs[0]}


def panel(results: Results, name: str, layer: int) -> dict[str, dict[str, np.ndarray]]:
    """Returns the curves of one panel of the picture in one layer, by setting and by parameter."""
    return {
        setting: {
            parameter: values
            for parameter, values in curves(results, setting, layer).items()
            if parameter.startswith("weight" if name == "weights of ranks" else name)
        }
        for setting in PANELS[name]
        if setting in results.runs
    }


def moved(results: Results) -> dict[tuple[str, int, str], float]:
    """Tests for each parameter of each layer whether its end differs from its start.

    Returns:
        dict of p by setting, layer and parameter. These are t-tests over the seeds, of the logarithm of
        alpha and lambda, corrected by Holm's method for all parameters. With one seed, all are 1.
    """
    ps = {}
    for setting in results.runs:
        for layer in range(LAYERS):
            for parameter, values in curves(results, setting, layer).items():
                if not parameter.endswith((LOW, HIGH)):
                    scaled = np.log(values) if parameter in ("alpha", "lambda") else values
                    ps[setting, layer, parameter] = _p(scaled[:, -1] - scaled[:, 0])
    return dict(zip(ps, multipletests(list(ps.values()), method="holm")[1], strict=True))


def _p(gaps: np.ndarray) -> float:
    if len(gaps) < 2 or not gaps.any():
        return 1.0
    return 0.0 if gaps.std() == 0 else float(stats.ttest_1samp(gaps, 0.0).pvalue)


def tables(results: Results) -> list[Table]:
    """Returns the start and the end of all parameters, and whether two starts end at the same place."""
    ps = moved(results)
    names = [name for name in PANELS if set(PANELS[name]) & set(results.runs)]
    made = [_ends(results, name, ps) for name in names]
    # The columns of all tables mean the same, which is said once.
    return [*(replace(each, notes="") for each in made[:-1]), made[-1], _starts(results)]


def _ends(results: Results, name: str, ps: dict[tuple[str, int, str], float]) -> Table:
    rows = []
    for layer in range(LAYERS):
        for setting, found in panel(results, name, layer).items():
            for parameter, values in found.items():
                if not parameter.endswith((LOW, HIGH)):
                    channels = [found.get(parameter + end) for end in (LOW, HIGH)]
                    p = ps[setting, layer, parameter]
                    rows.append([f"{setting}, pooling {layer + 1}", parameter, *_row(values, channels, p)])
    header = ["setting and layer", "parameter", "start", "end ± deviation", "channels, 10 to 90 %"]
    notes = (
        "Mean and standard deviation over the seeds. Last quarter: the change in the last quarter of the "
        f"epochs. Moved: whether the mean end differs from the start, t-test, p below {paired.LEVEL} after "
        "Holm's correction for all parameters of all tables."
    )
    return Table(
        f"What networks learn: {name}", [*header, "last quarter", "moved", "p, corrected"], rows, notes
    )


def _row(values: np.ndarray, channels: list[np.ndarray | None], p: float) -> list[str]:
    ends, gap = values[:, -1], values[:, -1].mean() - values[:, 0].mean()
    late = ends - values[:, _quarter(values)]
    spread = "" if channels[0] is None else " to ".join(f"{each[:, -1].mean():.2f}" for each in channels)
    way = ("up" if gap > 0 else "down") if p < paired.LEVEL else "not shown"
    start, end = f"{values[:, 0].mean():.2f}", f"{ends.mean():.2f} ± {_deviation(ends):.2f}"
    return [start, end, spread, f"{late.mean():+.2f}", way, f"{p:.2g}"]


def _quarter(values: np.ndarray) -> int:
    """Returns the index of the epoch after which a quarter of the epochs is left, or the start."""
    return values.shape[1] - 1 - -(-(values.shape[1] - 1) // 4)


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _starts(results: Results) -> Table:
    """Returns a table of what is left of the difference of two starts at the end of the training."""
    rows, gaps = [], []
    for pair in STARTS:
        for layer in range(LAYERS) if set(pair) <= set(results.runs) else ():
            first, second = (curves(results, setting, layer) for setting in pair)
            parameter = next(iter(first))
            gap = second[parameter] - first[parameter]
            gaps.append(gap[:, -1])
            # Zero is added because a zero below zero would be shown with its sign.
            left = round(gap[:, -1].mean() / gap[:, 0].mean(), 2) + 0.0
            ends = f"{gap[:, -1].mean():+.2f} ± {_deviation(gap[:, -1]):.2f}"
            name = f"{' | '.join(pair)}, pooling {layer + 1}"
            rows.append([name, parameter, f"{gap[:, 0].mean():+.2f}", ends, f"{left:.0%}"])
    corrected = multipletests([_p(gap) for gap in gaps], method="holm")[1] if gaps else []
    for row, p in zip(rows, corrected, strict=True):
        row += [f"{p:.2g}", "apart" if p < paired.LEVEL else "not shown to differ"]
    apart = sum(p < paired.LEVEL for p in corrected)
    notes = (
        f"{apart} of {len(rows)} pairs are still apart at the end (paired t-test over the seeds, Holm's "
        "correction): there, the start decides what is learned in this time. A pair that is not shown to "
        "differ may still differ by less than its deviation."
    )
    header = ["two starts and layer", "parameter", "difference at the start", "at the end", "left"]
    return Table("Do two starts end at the same place?", [*header, "p, corrected", "verdict"], rows, notes)


def draw(results: Results, path: Path) -> None:
    """Draws parameters over the training: a row for each kind, a column for each layer."""
    names = [name for name in PANELS if set(PANELS[name]) & set(results.runs)]
    figure, axes = plt.subplots(
        len(names),
        LAYERS,
        figsize=(13, 3 * len(names)),
        layout="constrained",
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for row, name in zip(axes, names, strict=True):
        for layer, ax in enumerate(row):
            for style, (setting, found) in zip(
                ("-", "--"), panel(results, name, layer).items(), strict=False
            ):
                _lines(ax, found, setting, style)
            if name in ("alpha", "lambda"):
                ax.set_yscale("log")
                ax.yaxis.set_major_formatter("{x:g}")
                ax.yaxis.set_minor_formatter("{x:g}")
            ax.grid(alpha=0.3)
        row[0].set_ylabel(name)
        row[-1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=8)
    for layer, ax in enumerate(axes[0]):
        ax.set_title(f"pooling {layer + 1}")
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    seeds = results.effort["seeds"]
    figure.suptitle(
        f"What poolings learn. Thin lines: {seeds} seeds; thick lines: their mean. "
        "Alpha and lambda: the median of the channels"
    )
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _lines(ax: plt.Axes, found: dict[str, np.ndarray], setting: str, style: str) -> None:
    shown = [parameter for parameter in found if not parameter.endswith((LOW, HIGH))]
    for i, parameter in enumerate(shown):
        color = f"C{i}" if len(shown) > 1 else f"C{('-', '--').index(style)}"
        ax.plot(found[parameter].T, style, color=color, linewidth=0.5, alpha=0.5)
        label = f"{setting}: rank {i + 1}" if len(shown) > 1 else setting
        ax.plot(found[parameter].mean(0), style, color=color, linewidth=2, label=label)


EXPERIMENT = Experiment(
    name="learned_parameters",
    description="What poolings with parameters learn in each layer, from which start, on Fashion-MNIST.",
    settings=tuple(POOLINGS),
    short={"seeds": 5, "epochs": 8, "pictures": 3000},
    full={"seeds": 10, "epochs": 30, "pictures": 20000},
    run=run,
    tables=tables,
    draw=draw,
)


if __name__ == "__main__":
    command.main(EXPERIMENT)
