"""Measures SoftPool beside its peers, in one run, and prints a table.

Usage: python benchmarks/bench.py [--rounds 40] [--threads 2] [--quick] [--json FILE]

Each round calls every peer once, so that whatever else the machine does falls on all of them alike. The
figures are medians over the rounds, and the ratios medians of the rounds' ratios.
"""

import argparse
import json
import os
import platform
import statistics
import time
from random import Random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from peers import PEERS, forward, forward_and_backward
from rich.console import Console
from rich.progress import track
from rich.table import Table

import tf_softpool as tsp

SHAPES = [((8, 112, 112, 64), 2, 2), ((8, 56, 56, 256), 2, 2), ((8, 112, 112, 64), 3, 2)]
PASSES = {"forward": forward, "forward + backward": forward_and_backward}

# (window, pass, peer) -> how many times the peer's time SoftPool may take. None is any window.
MARKS = {
    (2, "forward", "avg_pool2d"): 1.15,
    (3, "forward", "avg_pool2d"): 2.0,
    (2, "forward + backward", "max_pool2d"): 1.0,
    (None, "forward", "composed"): 1 / 6,
    (None, "forward + backward", "composed"): 1 / 6,
}


def measure(functions, x, rounds):
    """Seconds of each function in each round.

    Rounds go through the functions in an order of their own, and call each twice: the first call takes
    the cold caches and the memory that the one before it left behind. TensorFlow returns from a call on
    the CPU when the result is there.
    """
    random = Random(0)
    seconds = {name: [] for name in functions}
    for function in functions.values():
        function(x)
    for _ in range(rounds):
        for name in random.sample(list(functions), len(functions)):
            functions[name](x)
            start = time.perf_counter()
            functions[name](x)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def rows_of(seconds, k, which):
    """A row for each peer: its time, our time relative to it, the mark and whether it is met."""
    for name, times in seconds.items():
        ratio = statistics.median(
            a / b for a, b in zip(seconds["soft_pool"], times, strict=True)
        )
        mark = MARKS.get((k, which, name), MARKS.get((None, which, name)))
        yield {
            "peer": name,
            "ms": 1e3 * statistics.median(times),
            "ratio": None if name == "soft_pool" else ratio,
            "mark": mark,
            "met": None if mark is None else ratio <= mark,
        }


def run(shapes, rounds, console):
    """All rows of all shapes and passes."""
    rows = []
    jobs = [(shape, which) for shape in shapes for which in PASSES]
    for (shape, k, s), which in track(jobs, "measuring", console=console, transient=True):
        x = tf.random.stateless_normal(shape, (1, 2))
        functions = {name: PASSES[which](peer(k, s)) for name, peer in PEERS.items()}
        for row in rows_of(measure(functions, x, rounds), k, which):
            rows.append({"shape": list(shape), "k": k, "s": s, "pass": which, **row})
    return rows


def print_table(rows, console):
    """The rows, for people."""
    table = Table("input, window", "pass", "pooling", "ms", "soft_pool is", "mark", "")
    for row in rows:
        first = row["peer"] == "soft_pool"
        if first:
            table.add_section()
        table.add_row(
            f"{row['shape']} k{row['k']} s{row['s']}" if first else "",
            row["pass"] if first else "",
            row["peer"],
            f"{row['ms']:.2f}",
            "" if row["ratio"] is None else f"{row['ratio']:.2f} x",
            "" if row["mark"] is None else f"{row['mark']:.2f} x",
            "" if row["met"] is None else "met" if row["met"] else "MISSED",
        )
    console.print(table)


def main():
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="how often each is called")
    parser.add_argument("--threads", type=int, default=0, help="TensorFlow's threads; 0: its choice")
    parser.add_argument("--quick", action="store_true", help="the first shape, ten rounds")
    parser.add_argument("--json", help="a file to write the rows to")
    arguments = parser.parse_args()
    if arguments.threads:
        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    console = Console(width=None if os.isatty(1) else 110)
    info = tsp.build_info()
    if info["library"] is None:
        raise SystemExit(f"There is nothing to measure: {info['error']}")
    console.print(
        f"TensorFlow {info['tensorflow_running']}, {os.cpu_count()} CPUs ({platform.machine()}), "
        f"SIMD {info['simd_target']}, float32"
    )
    quick = arguments.quick
    rows = run(SHAPES[:1] if quick else SHAPES, 10 if quick else arguments.rounds, console)
    print_table(rows, console)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"build": info, "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
