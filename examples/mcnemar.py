"""McNemar's test: what the SoftPool paper prints, recomputed, and what the test can show at all.

The paper compares single networks with max pooling and with SoftPool, and takes a small p to mean that
SoftPool is the reason of the difference. Here, the same test compares networks with max pooling among
themselves, too. They differ in the seed alone.

Usage: python examples/mcnemar.py [--seeds 5] [--epochs 8]
"""

import functools
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import quiet  # noqa: F401

# isort: split
import keras
import matplotlib
import numpy as np
from experiments import command, data, paired, verdicts
from experiments.experiment import Effort, Experiment, Results, Run, Table
from experiments.printed_significance import accuracies, chi_squared_and_p, printed_tables
from experiments.small_network import compile_for_ten, network
from experiments.softpool_paper import NETWORKS

import tf_softpool as tsp

matplotlib.use("Agg")

import matplotlib.pyplot as plt

MAX, SOFT, MAX_ON, SOFT_ON = "max", "SoftPool", "max, trained on", "SoftPool, trained on"
RATE = 2e-3
BATCH = 32
# Pairs of settings whose networks have the same seed.
SAME_SEED = {
    "max | SoftPool, both from scratch, same seed": (MAX, SOFT),
    "max | its twin with SoftPool, trained on": (MAX, SOFT_ON),
    "max | itself, trained on": (MAX, MAX_ON),
    "max | SoftPool, the same network trained on with either": (MAX_ON, SOFT_ON),
}
OTHER_SEED = {"max | max of another seed": (MAX, MAX), "max | SoftPool of another seed": (MAX, SOFT)}


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Trains one network. Returns which test pictures it classifies correctly, as a string of 1 and 0.

    All networks train with the same pictures, as all networks of the paper do. The seed decides the first
    weights and the order of the pictures.
    """
    x, y, test_x, test_y = data.some_fashion(effort["pictures"], effort["tested"], 0)
    if setting == SOFT:
        model = _network(tsp.layers.SoftPooling2D)
        model.fit(x, y, BATCH, effort["epochs"], 0)
    else:
        model = _network(keras.layers.MaxPooling2D)
        model.set_weights(_trained(seed, effort["epochs"], effort["pictures"]))
    if setting in (MAX_ON, SOFT_ON):
        model = _trained_on(model, setting, x, y, seed, effort["tuning"])
    right = np.asarray(model(test_x, training=False)).argmax(1) == test_y
    return {
        "accuracy": round(float(right.mean()), 5),
        "right": "".join("1" if each else "0" for each in right),
    }


def _network(pooling: type[keras.layers.Layer]) -> keras.Model:
    return network(lambda i: pooling(2), (28, 28, 1), channels=(8, 16, 32), rate=RATE)


@functools.lru_cache(maxsize=1)
def _trained(seed: int, epochs: int, pictures: int) -> list[np.ndarray]:
    """Returns the weights of a network with max pooling. Three settings begin with them."""
    keras.utils.set_random_seed(seed)
    x, y, *_ = data.some_fashion(pictures, 1, 0)
    model = _network(keras.layers.MaxPooling2D)
    model.fit(x, y, BATCH, epochs, 0)
    return model.get_weights()


def _trained_on(
    model: keras.Model, setting: str, x: np.ndarray, y: np.ndarray, seed: int, epochs: int
) -> keras.Model:
    """Trains a network some more, with its poolings or with SoftPool, at a quarter of the learning rate."""
    if setting == SOFT_ON:
        model, _ = tsp.replace_pooling(model, {"max": "soft"})
    compile_for_ten(model, RATE / 4)
    # Twins see the pictures in the same order.
    keras.utils.set_random_seed(1000 + seed)
    model.fit(x, y, BATCH, epochs, 0)
    return model


def pairs(results: Results) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Returns pairs of networks by kind. Each network is an array of what it classifies correctly."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for kind, settings in {**OTHER_SEED, **SAME_SEED}.items():
        if set(settings) <= set(results.runs):
            first, second = (_right(results, setting) for setting in settings)
            found[kind] = [(first[i], second[j]) for i, j in _seeds(kind, len(first))]
    return found


def _seeds(kind: str, count: int) -> Iterator[tuple[int, int]]:
    if kind in SAME_SEED:
        return ((i, i) for i in range(count))
    first, second = OTHER_SEED[kind]
    # Two networks of one setting make one pair, whichever comes first.
    return (
        itertools.combinations(range(count), 2)
        if first == second
        else itertools.permutations(range(count), 2)
    )


def _right(results: Results, setting: str) -> list[np.ndarray]:
    return [np.array(list(each["right"])) == "1" for each in results.runs[setting]]


def p_of(first: np.ndarray, second: np.ndarray) -> float:
    """Returns p of McNemar's test of two networks. Each is an array of what it classifies correctly."""
    return chi_squared_and_p(int((first & ~second).sum()), int((second & ~first).sum()))[1]


def tables(results: Results) -> list[Table]:
    """Returns the paper's numbers recomputed, and McNemar's tests of pairs of own networks."""
    scratch = results.only((MAX, SOFT))
    tuned = results.only((MAX_ON, SOFT_ON))
    return [
        *printed_tables(),
        _own(pairs(results)),
        verdicts.comparison("The same networks, tested over seeds: from scratch", scratch, "accuracy", MAX),
        verdicts.comparison("The same, the trained network trained on", tuned, "accuracy", MAX_ON),
    ]


def _own(found: Mapping[str, list[tuple[np.ndarray, np.ndarray]]]) -> Table:
    rows = []
    for kind, networks in found.items():
        ps = np.array([p_of(*pair) for pair in networks])
        if len(ps):
            apart = np.mean([(first != second).mean() for first, second in networks])
            gap = np.mean([abs(first.mean() - second.mean()) for first, second in networks])
            few = f"{(ps < paired.LEVEL).sum()} of {len(ps)}"
            rows.append([kind, f"{apart:.1%}", f"{gap:.2%}", few, f"{np.median(ps):.2g}", f"{ps.min():.1g}"])
    header = ["pairs of networks", "disagree", "difference of accuracy", f"p below {paired.LEVEL}"]
    title = "McNemar's test of pairs of networks on Fashion-MNIST"
    return Table(title, [*header, "median p", "smallest p"], rows, _words(found))


def _words(found: Mapping[str, list[tuple[np.ndarray, np.ndarray]]]) -> str:
    """Returns what the tests show."""
    (same, pooling) = ([p_of(*pair) < paired.LEVEL for pair in found.get(kind, [])] for kind in OTHER_SEED)
    if not same or not pooling:
        return "Networks of max and SoftPool with at least two seeds are needed to say what the test shows."
    shares = (
        f"The test calls {sum(same)} of {len(same)} pairs of max networks different, which differ in the "
        f"seed alone, and {sum(pooling)} of {len(pooling)} pairs of max and SoftPool of another seed."
    )
    if not any(same):
        return f"{shares} So in these runs, a small p is rare if pooling is the same."
    return (
        f"{shares} So a small p shows that two networks differ, and not that their poolings are the reason. "
        "Pairs share networks, so these counts are no test themselves."
    )


def draw(results: Results, path: Path) -> None:
    """Draws the paper's p and accuracies, printed and recomputed, and p of pairs of own networks."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(17, 5), layout="constrained")
    names = [each.name for each in NETWORKS]
    places = np.arange(len(names))[::-1]
    recomputed = [chi_squared_and_p(each.soft_only, each.original_only)[1] for each in NETWORKS]
    left.scatter(-np.log10([each.p for each in NETWORKS]), places, marker="|", s=200, label="printed")
    left.scatter(-np.log10(recomputed), places, marker="x", color="C3", label="from the counts")
    left.set(
        title="The paper's p", xlabel="minus the logarithm of p, base 10", yticks=places, yticklabels=names
    )
    left.legend()
    for i, (title, which) in enumerate({"original": 0, "SoftPool": 1}.items()):
        counted = [accuracies(each)[which] for each in NETWORKS]
        printed = [(each.original, each.soft)[which] for each in NETWORKS]
        middle.scatter(printed, places, marker="|", s=200, color=f"C{i}", label=f"{title}, tables 2, 5, 6")
        middle.scatter(counted, places, marker="x", color=f"C{i}", label=f"{title}, from the counts")
        middle.hlines(places, counted, printed, color=f"C{i}", linewidth=1)
    middle.set(title="The paper's accuracies", xlabel="top-1, %", yticks=places, yticklabels=names)
    middle.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    _draw_own(right, pairs(results))
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _draw_own(ax: plt.Axes, found: Mapping[str, list[tuple[np.ndarray, np.ndarray]]]) -> None:
    for i, networks in enumerate(found.values()):
        ps = np.maximum([p_of(*pair) for pair in networks], 1e-12)
        ax.scatter(ps, np.linspace(-0.25, 0.25, len(ps)) - i, s=18)
    ax.axvline(paired.LEVEL, color="black", linewidth=1, linestyle="--")
    labels = [kind.replace(", ", ",\n") for kind in found]
    ax.set(xscale="log", yticks=-np.arange(len(found)), yticklabels=labels)
    ax.set_xlabel("p of McNemar's test, 1e-12 at least")
    ax.set_title(f"Own pairs of networks; the line is {paired.LEVEL}")


EXPERIMENT = Experiment(
    name="mcnemar",
    description="McNemar's test: the SoftPool paper's numbers recomputed, and max networks among themselves.",
    settings=(MAX, SOFT, MAX_ON, SOFT_ON),
    short={"seeds": 5, "epochs": 8, "tuning": 3, "pictures": 6000, "tested": 10000},
    full={"seeds": 10, "epochs": 10, "tuning": 4, "pictures": 30000, "tested": 10000},
    run=run,
    tables=tables,
    draw=draw,
)


if __name__ == "__main__":
    command.main(EXPERIMENT)
