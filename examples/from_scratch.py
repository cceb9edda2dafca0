"""Trains one small network from scratch with every pooling, and compares the order with two papers.

Usage: python examples/from_scratch.py [--full]
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# This import comes first, so that no other module imports TensorFlow before it.
from experiments import command

# isort: split
import keras
import numpy as np
from experiments import columns, fashion, paired
from experiments.experiment import Effort, Experiment, Results, Run, Table
from experiments.poolings import POOLINGS
from matplotlib.figure import Figure
from scipy import stats

BASELINE = "max"
# What part of all epochs each length of training has.
LENGTHS = {"quarter": 0.25, "half": 0.5, "all": 1.0}

# Top-1 accuracy on ImageNet1K in table 5 of the paper of SoftPool. It does not say which kind of DPP it used.
SOFTPOOL = {
    "SoftPool's paper, ResNet18": {
        "max": 69.76,
        "stochastic": 70.13,
        "S3": 70.15,
        "Lp": 70.45,
        "gated": 70.74,
        "DPP lite sym": 70.86,
        "local importance": 70.83,
        "soft": 71.27,
    }
}
_DPP_ROWS = (
    "strided convolution",
    "max",
    "average",
    "mixed",
    "gated",
    "L2",
    "DPP lite asym",
    "DPP full asym",
    "DPP lite sym",
    "DPP full sym",
    "stochastic",
    "S3",
    "S3DPP lite sym",
)
# Errors in % in the main table of the paper of DPP. NaN: a number that the table does not give.
_DPP_ERRORS = {
    "VGG": (8.43, 7.43, 7.12, 7.27, 7.25, 7.15, 7.10, 7.17, 7.19, 7.02, 7.67, 7.21, np.nan),
    "NIN": (10.97, 9.42, 8.75, 8.68, 8.67, 8.65, 8.62, 8.73, 8.58, 8.70, 8.92, 7.23, 7.13),
    "ResNet": (6.23, 6.52, 6.33, 6.05, 7.12, 7.29, 6.17, 6.23, 6.05, 5.97, 5.83, 5.55, 5.42),
}
PAPERS: dict[str, dict[str, float]] = SOFTPOOL | {
    f"DPP's paper, {network}": {
        row: 100 - error for row, error in zip(_DPP_ROWS, errors, strict=True) if not np.isnan(error)
    }
    for network, errors in _DPP_ERRORS.items()
}


def epochs_of(effort: Effort) -> dict[str, int]:
    """Returns the epochs after which a network is scored, by the name of the length."""
    return {name: max(1, round(part * effort["epochs"])) for name, part in LENGTHS.items()}


class _Clock(keras.callbacks.Callback):
    """A callback that keeps the seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Starts the time of an epoch."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Ends the time of an epoch."""
        self.seconds.append(time.perf_counter() - self.start)


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Trains a network with one pooling. It is scored on test pictures at each length of training."""
    x, y, test_x, test_y = fashion.pictures(seed, effort)
    model = fashion.network(lambda: POOLINGS[setting](2, seed))
    fashion.compile_for_fashion(model, fashion.SCRATCH)
    clock, done = _Clock(), 0
    found: Run = {"weights": model.count_params()}
    for name, epochs in epochs_of(effort).items():
        if epochs > done:
            model.fit(
                x,
                y,
                batch_size=fashion.BATCH,
                initial_epoch=done,
                epochs=epochs,
                verbose=0,
                callbacks=[clock],
            )
        done = epochs
        found[f"accuracy {name}"], found[f"cross entropy {name}"] = fashion.score(model, test_x, test_y)
    found["accuracy gained"] = found["accuracy all"] - found["accuracy quarter"]
    found["cross entropy gained"] = found["cross entropy all"] - found["cross entropy quarter"]
    # The first epoch includes tracing. Other load on the machine makes an epoch longer and never shorter.
    steps = -(-len(x) // fashion.BATCH)
    found["ms"] = round(1e3 * min(clock.seconds[1:] or clock.seconds) / steps, 3)
    return found


def tables(results: Results) -> list[Table]:
    """Returns a table for accuracy, one for cross entropy, and one for the order of the papers."""
    return [
        _differences(results, "accuracy", "accuracy, %", 100.0, 2),
        _differences(results, "cross entropy", "cross entropy, nats: lower is better", 1.0, 3),
        _orders(results),
    ]


def _differences(results: Results, metric: str, title: str, scale: float, digits: int) -> Table:
    """Returns a table with the differences to the baseline at each length of training."""
    epochs = epochs_of(results.effort)
    lengths = {f"after {epochs[name]} epochs": f"{metric} {name}" for name in LENGTHS}
    change = {f"change from {epochs['quarter']} to {epochs['all']}": f"{metric} gained"}
    made = columns.table(
        results,
        title,
        ("at the end", f"{metric} all"),
        lengths | change,
        BASELINE,
        order=sorted(results.runs, key=lambda setting: -np.mean(results.values(setting, "accuracy all"))),
        more={"ms a step": lambda setting: f"{np.median(results.values(setting, 'ms')):.1f}"},
        scale=scale,
        digits=digits,
    )
    notes = (
        f"{made.notes} The learning rate is the same for all poolings, and was tuned for none of them. A "
        f"step is {fashion.BATCH} pictures, and includes Keras's own time for it."
    )
    return Table(made.title, made.header, made.rows, notes)


def _means(results: Results, poolings: Sequence[str], metric: str) -> list[float]:
    return [float(np.mean(results.values(each, metric))) for each in poolings]


def _correlation(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Returns Spearman's correlation. Equal numbers have no order, so their correlation is zero."""
    return float(stats.spearmanr(theirs, ours).statistic) if len(set(ours)) > 1 else 0.0


def _p(papers: Sequence[float], ours: Sequence[float]) -> float:
    """Returns the probability of a rank correlation as far from zero as this one if orders are random."""
    ranks = stats.rankdata(papers) - (len(papers) + 1) / 2

    def association(values: np.ndarray, axis: int = -1) -> np.ndarray:
        # Spearman's correlation but for a factor, which permutations do not change.
        return (stats.rankdata(values, axis=axis) * ranks).sum(axis=axis)

    test = stats.permutation_test(
        (ours,),
        association,
        permutation_type="pairings",
        n_resamples=20_000,
        vectorized=True,
        random_state=0,
    )
    return float(test.pvalue)


def _orders(results: Results) -> Table:
    """Returns a table of rank correlations between the accuracies of the papers and ours."""
    rows, ps = [], []
    for paper, accuracies in PAPERS.items():
        shared = [each for each in accuracies if each in results.runs]
        if len(shared) < 3:
            continue
        theirs = [accuracies[each] for each in shared]
        for name, epochs in epochs_of(results.effort).items():
            metric = f"accuracy {name}"
            ours = _means(results, shared, metric)
            single = [
                _correlation(theirs, [results.values(each, metric)[i] for each in shared])
                for i in range(results.effort["seeds"])
            ]
            rho = _correlation(theirs, ours)
            rows.append(
                [
                    paper,
                    str(epochs),
                    str(len(shared)),
                    f"{rho:+.2f}",
                    f"{min(single):+.2f} to {max(single):+.2f}",
                ]
            )
            ps.append(_p(theirs, ours))
    corrected = paired.holm(ps)
    for row, p, each in zip(rows, ps, corrected, strict=True):
        row += [f"{p:.2g}", f"{each:.2g}{' *' if each < paired.LEVEL else ''}"]
    header = [
        "order of",
        "our epochs",
        "poolings",
        "rank correlation",
        "with single seeds",
        "p",
        "p, corrected",
    ]
    return Table("the papers' order and ours", header, rows, _said_of_orders(results, rows, corrected))


def _said_of_orders(results: Results, rows: Sequence[Sequence[str]], corrected: Sequence[float]) -> str:
    held = [
        f"{row[0]}, {row[1]} epochs ({row[3]}{', the reverse order' if row[3].startswith('-') else ''})"
        for row, p in zip(rows, corrected, strict=True)
        if p < paired.LEVEL
    ]
    said = [
        "Spearman's correlation of accuracies: +1 is the same order, 0 none, -1 the reverse. p: permutation "
        "test, corrected by Holm's method.",
        f"Correlations that survive the correction: {'; '.join(held)}."
        if held
        else "No correlation survives the correction: these runs neither confirm nor refute the papers' "
        "orders.",
    ]
    settings = list(results.runs)
    if len(settings) > 2:
        first, last = (_means(results, settings, f"accuracy {name}") for name in ("quarter", "all"))
        epochs = epochs_of(results.effort)
        said.append(
            f"Our own orders after {epochs['quarter']} and after {epochs['all']} epochs correlate by "
            f"{_correlation(first, last):+.2f}."
        )
    said.append(
        "The papers trained large networks for long, on larger or on color pictures. Their mixed pooling "
        "keeps equal shares of max and average, and ours learns its share. NIN, among the methods of DPP's "
        "paper, is a network and no pooling, so it has no row here."
    )
    return " ".join(said)


def draw(results: Results, path: Path) -> None:
    """Draws the differences to the baseline at each length, and our accuracies over those of one paper."""
    figure = Figure(figsize=(13, 6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_differences(left, results)
    _draw_order(right, results)
    figure.savefig(path, dpi=90)


def _draw_differences(ax, results: Results) -> None:
    order = sorted(results.runs, key=lambda setting: _means(results, [setting], "accuracy all"))
    for i, (name, epochs) in enumerate(epochs_of(results.effort).items()):
        found = {each.setting: each for each in paired.differences(results, f"accuracy {name}", BASELINE)}
        shown = [setting for setting in order if setting != BASELINE]
        ax.errorbar(
            [100 * found[setting].difference for setting in shown],
            [order.index(setting) + 0.22 * (1 - i) for setting in shown],
            xerr=[100 * found[setting].margin for setting in shown],
            fmt="o",
            markersize=4,
            linewidth=1,
            color=("#bbbbbb", "#e69f00", "#0072b2")[i],
            label=f"after {epochs} epochs",
        )
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(order)), order)
    ax.set_xlabel("accuracy minus that of max, points, with 95 % margins")
    ax.set_title(f"trained from scratch, {results.effort['seeds']} seeds")
    ax.grid(axis="x", alpha=0.3)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)


def _draw_order(ax, results: Results) -> None:
    (paper, accuracies), *_ = PAPERS.items()
    found = {each.setting: each for each in paired.differences(results, "accuracy all", BASELINE)}
    for setting, theirs in accuracies.items():
        if setting in found:
            ours, margin = 100 * found[setting].difference, 100 * found[setting].margin
            ax.errorbar(theirs, ours, yerr=margin, fmt="o", color="#0072b2")
            ax.annotate(f" {setting}", (theirs, ours), fontsize=9, va="bottom")
    ax.set_xlabel(f"{paper}: accuracy, %")
    ax.set_ylabel("here: accuracy minus that of max, points, with 95 % margins")
    ax.set_title("an order that holds here would rise from left to right")
    ax.margins(x=0.2)
    ax.grid(alpha=0.3)


EXPERIMENT = Experiment(
    name="from_scratch",
    description="Trains one small network on Fashion-MNIST from scratch with every pooling, and scores it "
    "after a quarter, a half and all of its training. Compares the order of the poolings with two papers.",
    settings=tuple(POOLINGS),
    short={"seeds": 5, "epochs": 8, "pictures": 2048, "tests": 2000},
    full={"seeds": 10, "epochs": 20, "pictures": 12800, "tests": 10000},
    run=run,
    tables=tables,
    draw=draw,
    always=(BASELINE,),
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
