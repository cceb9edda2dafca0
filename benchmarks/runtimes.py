"""Measures the portable forms of our poolings beside max pooling, in each runtime that exports are made for.

Usage: python benchmarks/runtimes.py [--rounds 40]

Each pooling is exported alone, as a model of one layer, and loaded with `tf_softpool.serving.load`. Each
round calls every model of a runtime once. Times are medians over the rounds. Ratios are computed in each
round, and their median over the rounds is shown.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import tf_softpool as tsp

SHAPE = (4, 112, 112, 64)
FORMATS = {"tf_saved_model": "", "onnx": ".onnx", "litert": ".tflite", "openvino": ".xml"}
PEER = "max_pool"


def poolings():
    """Returns, by name, a function of a tensor for each pooling."""
    window = {"pool_size": 2}
    return {
        PEER: lambda x: keras.layers.MaxPooling2D(2)(x),
        "average_pool": lambda x: keras.layers.AveragePooling2D(2)(x),
        "soft_pool": lambda x: tsp.soft_pool(x, **window),
        "sorted_pool": lambda x: tsp.sorted_pool(x, np.float32([3, 2, 1, 0]), **window),
        "importance_pool": lambda x: tsp.importance_pool(x, x, **window),
        "detail_preserving_pool": lambda x: tsp.detail_preserving_pool(x, None, 1.0, 1.0, **window),
    }


def exported(format, folder):
    """Returns, by name, each pooling as a model that is loaded in a format's runtime."""
    models = {}
    for name, pool in poolings().items():
        x = keras.Input(SHAPE[1:], name="x")
        path = Path(folder) / f"{name}{FORMATS[format]}"
        report = tsp.export(keras.Model(x, pool(x)), path, format, portable=True)
        if not report.passed:
            raise SystemExit(f"An exported pooling gives wrong results, so nothing is measured: {report}")
        models[name] = tsp.serving.load(path)
    return models


def measure(models, rounds):
    """Returns the seconds that each model took in each round."""
    x = {"x": np.random.default_rng(0).normal(size=SHAPE).astype("float32")}
    seconds = {name: [] for name in models}
    for model in models.values():
        model(x)
    for _ in range(rounds):
        for name, model in models.items():
            start = time.perf_counter()
            model(x)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def main():
    """Measures in each runtime, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=40, help="how many times each model is called (%(default)s)"
    )
    rounds = parser.parse_args().rounds
    table = Table("runtime", "pooling", "ms", f"times {PEER}")
    for format in track(FORMATS, "measuring", console=Console(stderr=True), transient=True):
        with tempfile.TemporaryDirectory() as folder:
            models = exported(format, folder)
            seconds = measure(models, rounds)
        for name, times in seconds.items():
            ratio = statistics.median(a / b for a, b in zip(times, seconds[PEER], strict=True))
            table.add_row(models[name].runtime, name, f"{1e3 * statistics.median(times):.2f}", f"{ratio:.2f}")
        table.add_section()
    console = Console()
    console.print(f"{list(SHAPE)}, float32, 2x2 windows, {os.cpu_count()} cores")
    console.print(table)


if __name__ == "__main__":
    main()
