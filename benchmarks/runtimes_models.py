"""Measures exports of whole networks with SoftPool beside those of the originals, in each runtime.

Usage: python benchmarks/runtimes_models.py [--threads 2] [--models ResNet50 ...] [--formats onnx ...]
           [--rounds 20] [--batch 1] [--exports 1] [--json FILE]

A network and its original are exported in the same way, to standard operations, and measured in the same
rounds. Milliseconds are medians over the rounds, and the ratio is the median of the ratios in each round. MB
are the sizes of the exports. The second table has the seconds that an export takes, beside
`keras.Model.export` of the original: medians over the exports. The ratios are for exports without a check.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

import tf_softpool as tsp
from tf_softpool.benchmark.measuring import measure, seconds_of
from tf_softpool.serving.formats import FORMATS

MODELS = {
    "ResNet50": (keras.applications.ResNet50, {"max": "soft"}),
    # It has no max pooling.
    "MobileNetV2": (keras.applications.MobileNetV2, {"global_average": "soft"}),
}
# The network whose exports are timed.
TIMED = "ResNet50"
SIZE = 224
# How long a network is measured in a runtime at most.
SECONDS = 30
KERAS, ORIGINAL, REWRITTEN, CHECKED = "keras", "original", "rewritten", "checked"


def networks(name):
    """Returns a network and its copy with SoftPool."""
    make, request = MODELS[name]
    original = make(weights=None, input_shape=(SIZE, SIZE, 3))
    rewritten, _ = tsp.replace_pooling(original, request)
    return {ORIGINAL: original, REWRITTEN: rewritten}


def loaded(model, path, format, images, threads):
    """Exports a network, and returns a function without arguments that runs it, the runtime and the size.

    Raises:
        SystemExit: if the export gives wrong results.
    """
    report = tsp.export(model, path, format, portable=True, sample=images)
    if not report.passed:
        raise SystemExit(f"An exported network gives wrong results, so nothing is measured: {report}")
    served = tsp.serving.load(path, None if format == "tf_saved_model" else threads)
    return lambda: served(images), served.runtime, report.size


def measured(name, models, format, folder, arguments):
    """Returns what was measured of a network and its original in a runtime."""
    images = np.random.default_rng(0).normal(size=(arguments.batch, SIZE, SIZE, 3)).astype("float32")
    functions, sizes = {}, {}
    for side, model in models.items():
        path = Path(folder) / f"{name}_{side}{FORMATS[format].SUFFIX}"
        functions[side], runtime, sizes[side] = loaded(model, path, format, images, arguments.threads)
    taken = measure(functions, SECONDS, arguments.rounds)
    ratios = [a / b for a, b in zip(taken[REWRITTEN], taken[ORIGINAL], strict=True)]
    return {
        "model": name,
        "format": format,
        "runtime": runtime,
        "ms": {side: 1e3 * statistics.median(times) for side, times in taken.items()},
        "ratio": statistics.median(ratios),
        "bytes": sizes,
    }


def exports(models, format, folder):
    """Returns, by name, functions without arguments that export a network in several ways."""
    path = Path(folder) / f"timed{FORMATS[format].SUFFIX}"

    def ours(side, check=False):
        return lambda: tsp.export(models[side], path, format, portable=True, check=check)

    def kerass():
        models[ORIGINAL].export(str(path), format=format, verbose=False)

    return {
        KERAS: kerass,
        ORIGINAL: ours(ORIGINAL),
        REWRITTEN: ours(REWRITTEN),
        CHECKED: ours(REWRITTEN, check=True),
    }


def export_seconds(models, format, folder, times):
    """Returns the seconds that each way of exporting took, or an error of Keras instead of its seconds."""
    small = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.MaxPooling2D()])
    for model in (small, models[ORIGINAL]):
        # Keras exports only called models to ONNX.
        model(np.zeros((1, *model.input_shape[1:]), "float32"))
    errors = {}
    for way, function in exports({ORIGINAL: small, REWRITTEN: small}, format, folder).items():
        try:
            # The first export to a format imports packages.
            function()
        except Exception as error:
            if way != KERAS:
                raise
            errors[way] = str(error).split("\n")[0]
    ways = {way: function for way, function in exports(models, format, folder).items() if way not in errors}
    taken = {way: [] for way in ways}
    for _ in range(times):
        for way, function in ways.items():
            taken[way].append(seconds_of(function))
    return {**{way: statistics.median(seconds) for way, seconds in taken.items()}, **errors}


def show(rows, timed):
    """Prints what was measured of the networks, and of their exports."""
    # A pipe has no width of its own, and a wrapped table is hard to read.
    console = Console(width=None if sys.stdout.isatty() else 150)
    table = Table("network", "runtime", "ms", "original's ms", "ratio", "MB", "original's MB", "growth")
    for row in rows:
        ms, sizes = row["ms"], row["bytes"]
        table.add_row(
            row["model"],
            row["runtime"],
            *(f"{ms[side]:.1f}" for side in (REWRITTEN, ORIGINAL)),
            f"{row['ratio']:.2f}",
            *(f"{sizes[side] / 1e6:.2f}" for side in (REWRITTEN, ORIGINAL)),
            f"{sizes[REWRITTEN] / sizes[ORIGINAL] - 1:+.2%}",
        )
    console.print(table)
    if timed:
        console.print(table_of_exports(timed))


def table_of_exports(timed):
    """Returns a table with the seconds of the exports to each format."""
    table = Table("format", "Keras", "original", "ratio", "with SoftPool", "ratio", "with SoftPool, checked")
    table.title = f"Seconds that exports of {TIMED} take"
    for format, taken in timed.items():
        keras_s = taken[KERAS]
        is_known = not isinstance(keras_s, str)
        cells = [f"{keras_s:.1f}" if is_known else keras_s]
        for side in (ORIGINAL, REWRITTEN):
            cells += [f"{taken[side]:.1f}", f"{taken[side] / keras_s:.2f}" if is_known else ""]
        table.add_row(format, *cells, f"{taken[CHECKED]:.1f}")
    return table


def parsed():
    """Returns the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="each runtime's threads (%(default)s)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="by default all")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS), help="by default all")
    parser.add_argument("--rounds", type=int, default=20, help="how many rounds at most (%(default)s)")
    parser.add_argument("--batch", type=int, default=1, help="how many images (%(default)s)")
    help_exports = f"how often {TIMED} is exported to take the time; 0 leaves that out (%(default)s)"
    parser.add_argument("--exports", type=int, default=1, help=help_exports)
    parser.add_argument("--json", help="a file to write the results to")
    return parser.parse_args()


def main():
    """Measures all networks and exports, and prints tables."""
    arguments, load = parsed(), os.getloadavg()[0]
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    rows, timed = [], {}
    for name in arguments.models:
        models = networks(name)
        for format in arguments.formats:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(measured(name, models, format, folder, arguments))
                if name == TIMED and arguments.exports:
                    timed[format] = export_seconds(models, format, folder, arguments.exports)
            print(f"{name} is measured in {format}.", file=sys.stderr)
    print(
        f"[{arguments.batch},{SIZE},{SIZE},3], threads: {arguments.threads}. The load was {load:.1f} before."
    )
    show(rows, timed)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"networks": rows, "exports": timed}, indent=1))


if __name__ == "__main__":
    main()
