"""Pools pictures with every pooling, as tables 1 and 3 of the paper on SoftPool do, and says who is first.

Usage: python examples/pictures.py [--side 256]
"""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# This import comes first, so that no other module imports TensorFlow before it.
import quiet  # noqa: F401

# isort: split
import imageio.v3 as imageio
import matplotlib
import numpy as np
import skimage.data
import tensorflow as tf
from experiments import command, data, paired
from experiments.drawing import show
from experiments.experiment import Effort, Experiment, Results, Run, Table

import tf_softpool as tsp
from tf_softpool.benchmark.rows import measured

matplotlib.use("Agg")

import matplotlib.pyplot as plt

SIZES = (2, 3, 5)
ENLARGINGS = ("nearest", "bilinear", "bicubic")
RANGES = ("0..1", "0..255", "standard")
LATENCY = "latency"
SETTINGS = (*(f"k={k}, {enlarge}" for k in SIZES for enlarge in ENLARGINGS), LATENCY)
MEASURES = ("SSIM", "PSNR")
# What is kept of each picture: the measures, and the share of the way from average to max pooling.
KEPT = (*MEASURES, "way")
# Pictures of scikit-image that it brings along.
NAMES = (
    "astronaut", "brick", "camera", "cell", "cat", "clock", "coffee", "coins", "grass", "gravel",
    "hubble_deep_field", "immunohistochemistry", "microaneurysms", "moon", "page", "retina", "rocket", "text",
)  # fmt: skip
OURS = (
    "soft",
    "sum",
    "power_average",
    "lp",
    "mixed",
    "gated",
    "stochastic",
    "s3",
    "detail_preserving",
    "median",
)
LIP, S3DPP = "LIP of large values", "S3 over detail_preserving"
# What the paper's table 1 prints for the pictures of DIV2K: SSIM and PSNR for each of `SIZES`.
PRINTED = {
    "average": ((0.714, 51.247), (0.578, 44.704), (0.417, 29.223)),
    "max": ((0.685, 49.826), (0.370, 41.944), (0.358, 22.041)),
    "power_average": ((0.419, 35.587), (0.286, 26.329), (0.178, 16.567)),
    "sum": ((0.408, 35.153), (0.268, 26.172), (0.193, 17.315)),
    "lp": ((0.686, 49.912), (0.542, 43.083), (0.347, 25.139)),
    "gated": ((0.689, 50.104), (0.560, 43.437), (0.353, 25.672)),
    S3DPP: ((0.702, 50.598), (0.562, 44.076), (0.396, 27.421)),
    LIP: ((0.711, 50.831), (0.559, 44.432), (0.401, 28.285)),
    "stochastic_draw": ((0.631, 45.362), (0.479, 39.895), (0.295, 21.314)),
    "s3_draw": ((0.609, 44.760), (0.454, 39.326), (0.280, 20.773)),
    "soft": ((0.729, 51.436), (0.594, 44.747), (0.421, 29.583)),
}
# What its table 3 prints for CPUs, in milliseconds: forward and backward.
PRINTED_TIMES = {
    "average": (9, 49),
    "max": (91, 152),
    "power_average": (74, 329),
    "sum": (26, 163),
    "lp": (116, 338),
    "gated": (245, 339),
    "detail_preserving": (427, 860),
    "local_importance": (134, 257),
    "stochastic": (162, 341),
    "s3": (233, 410),
    "soft": (31, 156),
}

Score = dict[str, Any]


@functools.lru_cache(maxsize=2)
def pictures(side: int) -> dict[str, np.ndarray]:
    """Returns pictures by name: those of scikit-image, and photographs if they are installed.

    Args:
        side: int. Of larger pictures, the middle of so many rows and columns is taken.
    """
    named = {name: getattr(skimage.data, name)() for name in NAMES}
    named |= {path.stem: imageio.imread(path) for path in data.photographs()}
    return {name: _middle(picture, side) for name, picture in named.items()}


def _middle(picture: np.ndarray, side: int) -> np.ndarray:
    rows, columns = (max(0, (n - side) // 2) for n in picture.shape[:2])
    return picture[rows : rows + side, columns : columns + side]


def poolings(k: int, seed: int) -> dict[str, Any]:
    """Returns what is compared: poolings by name, and two that are not as they start.

    LIP starts as average pooling, and S3 over detail-preserving pooling is two poolings.
    """
    layers = tsp.layers

    def lip(x: Any) -> Any:
        return layers.LocalImportancePooling2D(k, kernel_initializer=layers.CenterTap())(x)

    def s3dpp(x: Any) -> Any:
        first = layers.DetailPreservingPooling2D(k, strides=1, lambda_initializer="ones")
        return layers.S3Pooling2D(k, pooling=first, seed=seed)(x, training=True)

    return {**dict(zip(OURS, OURS, strict=True)), LIP: lip, S3DPP: s3dpp}


def run(setting: str, seed: int, effort: Effort) -> Run:
    """Compares all poolings on all pictures with one size of windows and one enlargement, or measures times.

    Returns:
        `pictures`: names. `columns`: for each pooling and range, a list of SSIM, one of PSNR, and one of its
        share of the way from average to max pooling, with a number for each picture. Or `times`:
        milliseconds for each pooling and pass.
    """
    if setting == LATENCY:
        return {"times": _times(effort["seconds"])}
    size, enlarge = setting.split(", ")
    k = int(size.removeprefix("k="))
    shown = pictures(effort["side"])
    found = tsp.compare(
        list(shown.values()), poolings(k, seed), k, ranges=RANGES, enlarge=enlarge, seed=seed, seconds=0
    )
    names = dict(zip((picture.name for picture in found.pictures), shown, strict=True))
    return packed(
        {
            "picture": names[score.picture],
            "pooling": score.entrant.pooling,
            "range": score.entrant.range,
            "SSIM": round(score.ssim, 5),
            "PSNR": round(score.psnr, 3) if np.isfinite(score.psnr) else None,
            "way": None if score.way is None else round(score.way, 4),
        }
        for score in found.scores
    )


def packed(scores: Iterable[Score]) -> Run:
    """Returns scores as a run keeps them: names once, and numbers in lists. `scores_of` undoes that."""
    pictures, columns = {}, {}
    for score in scores:
        key = score["pooling"], score["range"]
        column = columns.setdefault(key, {"pooling": key[0], "range": key[1], **{name: [] for name in KEPT}})
        for name in KEPT:
            column[name].append(score[name])
        pictures[score["picture"]] = None
    return {"pictures": list(pictures), "columns": list(columns.values())}


def _times(seconds: int) -> list[dict[str, Any]]:
    # TensorFlow warns of graphs that are traced for many poolings.
    tf.get_logger().setLevel("ERROR")
    kinds = [name for name in PRINTED_TIMES if name not in ("average", "max")]
    return [
        {"pooling": each.pooling, "pass": each.which, "ms": each.milliseconds, "of max": each.of_max}
        for found in measured("2x2", kinds, seconds)
        for each in found
    ]


def scores_of(results: Results, setting: str) -> list[Score]:
    """Returns the scores of a setting, of all seeds: one for each picture, pooling and range."""
    return [
        {
            "picture": picture,
            "pooling": column["pooling"],
            "range": column["range"],
            **{name: column[name][i] for name in KEPT},
        }
        for run in results.runs.get(setting, [])
        for column in run["columns"]
        for i, picture in enumerate(run["pictures"])
    ]


def by_picture(results: Results, setting: str, measure: str, ranges: tuple[str, ...] = RANGES) -> Results:
    """Returns results that have poolings as settings, and pictures in the place of seeds.

    A pooling that no range changes is there once. Pictures that a pooling leaves as they are have no PSNR,
    and are left out.
    """
    values: dict[str, dict[str, list[float]]] = {}
    for score in scores_of(results, setting):
        if score["range"] in (*ranges, "any") and score[measure] is not None:
            of_all = len(ranges) > 1 and score["range"] != "any"
            name = f"{score['pooling']}, {score['range']}" if of_all else score["pooling"]
            values.setdefault(name, {}).setdefault(score["picture"], []).append(score[measure])
    shared = [name for name in next(iter(values.values())) if all(name in each for each in values.values())]
    runs = {
        pooling: [{"value": float(np.mean(each[name]))} for name in shared]
        for pooling, each in values.items()
    }
    return Results(results.experiment, results.effort, runs)


def tables(results: Results) -> list[Table]:
    """Returns the means, who is first, the tests, SoftPool's way from average to max, and the times."""
    made = []
    if set(SETTINGS[:-1]) <= set(results.runs):
        made = [_means(results), _firsts(results), _tests(results), _ways(results)]
    if LATENCY in results.runs:
        made.append(_latency(results))
    return made


def _means(results: Results) -> Table:
    found = {
        (k, measure): by_picture(results, f"k={k}, nearest", measure, RANGES[:1])
        for k in SIZES
        for measure in MEASURES
    }
    rows = []
    for pooling in found[SIZES[0], "SSIM"].runs:
        row = [pooling]
        for i, k in enumerate(SIZES):
            ssim, psnr = (np.mean(found[k, measure].values(pooling, "value")) for measure in MEASURES)
            printed = PRINTED[pooling][i] if pooling in PRINTED else None
            row += [f"{ssim:.3f} / {psnr:.2f}", f"{printed[0]:.3f} / {printed[1]:.1f}" if printed else ""]
        rows.append(row)
    count = len(found[SIZES[0], "SSIM"].runs["average"])
    notes = (
        f"The means of {count} pictures, enlarged by repetition, values from 0 to 1. The paper's numbers are "
        "those of its table 1 for DIV2K. It does not say how pooled pictures were enlarged. A PSNR of 50 dB "
        "is an error of 0.3 % of white, and these means are far from it. Poolings with "
        "weights are as they start, and LIP has a kernel that weighs large values."
    )
    header = ["SSIM / PSNR", *(title for k in SIZES for title in (f"k={k}", "paper"))]
    return Table("what is left of pictures", header, rows, notes)


def winners(results: Results) -> dict[str, dict[str, int]]:
    """Returns, for each range, how often each pooling has the largest mean: of all settings and measures."""
    counts: dict[str, dict[str, int]] = {}
    for range_, _, _, values in _settings(results):
        means = {name: np.mean(values.values(name, "value")) for name in values.runs}
        first = max(means, key=lambda name: means[name])
        counts.setdefault(range_, {}).setdefault(first, 0)
        counts[range_][first] += 1
    return counts


def _settings(results: Results) -> Iterator[tuple[str, str, str, Results]]:
    for range_ in RANGES:
        for setting in SETTINGS[:-1]:
            for measure in MEASURES:
                yield range_, setting, measure, by_picture(results, setting, measure, (range_,))


def _firsts(results: Results) -> Table:
    counts = winners(results)
    names = sorted({name for found in counts.values() for name in found} | {"average", "max", "soft"})
    total = len(MEASURES) * (len(SETTINGS) - 1)
    rows = [[name, *(f"{counts[range_].get(name, 0)} of {total}" for range_ in RANGES)] for name in names]
    soft = sum(found.get("soft", 0) for found in counts.values())
    everywhere = total * len(RANGES)
    notes = (
        f"A setting is a size of windows, an enlargement and a measure. SoftPool is first in {soft} of "
        f"{everywhere}. In the paper's tables 1 and 3, it is first in all 24."
    )
    return Table("first by the mean of all pictures", ["pooling", *RANGES], rows, notes)


def _tests(results: Results) -> Table:
    found = []
    for range_ in RANGES:
        for k in SIZES:
            for measure in MEASURES:
                values = by_picture(results, f"k={k}, nearest", measure, (range_,))
                for base in ("average", "max"):
                    pair = Results("", {}, {name: values.runs[name] for name in (base, "soft")})
                    found.append((range_, k, measure, base, paired.differences(pair, "value", base)[1]))
    corrected = paired.holm([each[-1].p for each in found])
    cells: dict[tuple[str, str, str], list[str]] = {}
    above = {"average": 0, "max": 0}
    for (range_, _, measure, base, each), p in zip(found, corrected, strict=True):
        digits = 4 if measure == "SSIM" else 2
        star = " *" if p < paired.LEVEL else ""
        above[base] += bool(star) and each.difference > 0
        cells.setdefault((range_, measure, base), []).append(f"{each.difference:+.{digits}f}{star}")
    rows = [
        [f"{measure}, {range_}, minus {base}", *values] for (range_, measure, base), values in cells.items()
    ]
    each = len(found) // 2
    notes = (
        f"Mean differences over the pictures. *: p of the paired t-test, corrected by Holm's method for all "
        f"{len(found)}, is below {paired.LEVEL}. After the correction, SoftPool is above average pooling in "
        f"{above['average']} of {each} settings, and above max pooling in {above['max']} of {each}."
    )
    return Table("SoftPool minus others, nearest", ["measure", *(f"k={k}" for k in SIZES)], rows, notes)


def ways(results: Results, photographs: bool) -> dict[str, list[float]]:
    """Returns SoftPool's mean share of the way from average to max pooling, by range, for each of `SIZES`.

    Args:
        results: `Results`.
        photographs: bool, whether to take photographs, or the pictures of scikit-image.
    """
    found: dict[str, list[float]] = {}
    for k in SIZES:
        for score in scores_of(results, f"k={k}, nearest"):
            if score["pooling"] == "soft" and (score["picture"] not in NAMES) == photographs:
                found.setdefault(f"{score['range']}, {k}", []).append(score["way"])
    # Pictures of one color have no way.
    means = {key: float(np.mean([way for way in own if way is not None])) for key, own in found.items()}
    return {range_: [means[f"{range_}, {k}"] for k in SIZES] for range_ in RANGES} if means else {}


def _ways(results: Results) -> Table:
    rows = []
    for group, photographs in (("scikit-image", False), ("photographs", True)):
        for range_, values in ways(results, photographs).items():
            rows.append([f"{group}, {range_}", *(f"{value:.0%}" for value in values)])
    notes = (
        "0 % is average pooling and 100 % max pooling. What SoftPool is depends on the range of values, and "
        "on how much the values of a window differ: those of the large photographs differ little."
        if len(rows) > len(RANGES)
        else "0 % is average pooling and 100 % max pooling. What SoftPool is depends on the range of values."
    )
    header = ["pictures, values", *(f"k={k}" for k in SIZES)]
    return Table("how far SoftPool is on the way from average to max", header, rows, notes)


def _latency(results: Results) -> Table:
    times: dict[str, dict[str, tuple[float, float]]] = {}
    for each in results.runs[LATENCY][0]["times"]:
        times.setdefault(each["pooling"], {})[each["pass"]] = (each["ms"], each["of max"])
    rows = []
    for pooling, passes in sorted(times.items(), key=lambda item: item[1]["forward"][0]):
        row = [pooling]
        for ms, of_max in passes.values():
            row += [f"{ms:.2f}", f"{of_max:.2f}"]
        forward, backward = PRINTED_TIMES[pooling]
        rows.append([*row, f"{forward} / {backward}"])
    notes = (
        "[8, 56, 56, 64], windows of 2x2, medians, called as in training. average and max are Keras's. The "
        "paper's milliseconds are those of its table 3 for CPUs, on other pictures and another processor: "
        "compare ratios alone."
    )
    header = ["pooling", "forward, ms", "of max", "forward + backward, ms", "of max", "paper, F / B, ms"]
    return Table("latency on this CPU", header, rows, notes)


def draw(results: Results, path: Path) -> None:
    """Writes a picture as figure 3 of the paper, with bars of who is first and of SoftPool's way."""
    figure = plt.figure(figsize=(14, 13), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2, 1))
    names, k, side = ("astronaut", "text", "coffee"), 3, 66
    shown = pictures(results.effort["side"])
    columns = ("average", "max", "soft, 0..1", "soft, 0..255")
    grid = above.subplots(len(names), 1 + len(columns))
    for name, line in zip(names, grid, strict=True):
        found = tsp.compare(_middle(shown[name], side), ["soft"], k, ranges=RANGES[:2], seconds=0)
        (picture,) = found.pictures
        show(line[0], found.original(picture), f"{name}: original", 9)
        for label, ax in zip(columns, line[1:], strict=True):
            entrant = next(each for each in found.entrants if each.label == label)
            score = found.score(picture, entrant)
            show(
                ax,
                found.enlarged(picture, entrant),
                f"{label}, k={k}: SSIM {score.ssim:.3f}, {score.psnr:.1f} dB",
                9,
            )
    left, right = below.subplots(1, 2)
    if set(SETTINGS[:-1]) <= set(results.runs):
        _draw_winners(left, results)
        for group, style in (("scikit-image", "o-"), ("photographs", "s:")):
            for i, (range_, values) in enumerate(ways(results, group == "photographs").items()):
                right.plot(SIZES, 100 * np.array(values), style, label=f"{group}, {range_}", color=f"C{i}")
        right.set(title="SoftPool on the way from average to max", xlabel="k", ylabel="%", ylim=(-3, 103))
        right.set_xticks(SIZES)
        right.legend(title="values")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _draw_winners(ax: Any, results: Results) -> None:
    counts = winners(results)
    names = sorted({name for found in counts.values() for name in found} | {"average", "soft", "max"})
    for i, range_ in enumerate(RANGES):
        places = np.arange(len(names)) + 0.27 * (i - 1)
        heights = [counts[range_].get(name, 0) for name in names]
        bars = ax.bar(places, heights, 0.25, label=range_)
        ax.bar_label(bars)
    total = len(MEASURES) * (len(SETTINGS) - 1)
    ax.set(title=f"first in how many of {total} settings", xticks=range(len(names)))
    ax.set_xticklabels(names, fontsize=8)
    ax.legend(title="values")


EXPERIMENT = Experiment(
    "pictures",
    "Pools pictures of scikit-image, and photographs if they are installed, with every pooling, and measures "
    "SSIM and PSNR of what is enlarged again. Also measures the time of every pooling. A seed decides what "
    "poolings draw.",
    SETTINGS,
    {"seeds": 1, "side": 256, "seconds": 4},
    {"seeds": 5, "side": 1024, "seconds": 20},
    run,
    tables,
    draw,
    least_seeds=1,
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
