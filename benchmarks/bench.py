"""Measures our poolings beside their peers in one run, and prints a table.

Usage: python benchmarks/bench.py [--rounds 40] [--threads 2] [--quick] [--json FILE]

Each round calls every peer a few times, so that other load on the machine slows all peers alike. Times are
medians over the rounds. Ratios are computed in each round, and their median over the rounds is shown.
"""

import argparse
import json
import os
import platform
import statistics
import time
from dataclasses import dataclass
from random import Random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from peers import PEERS, forward, forward_and_backward
from rich.console import Console
from rich.progress import track
from rich.table import Table

import tf_softpool as tsp

CALLS = 5
SHAPES = [((8, 112, 112, 64), 2, 2), ((8, 56, 56, 256), 2, 2), ((8, 112, 112, 64), 3, 2)]
PASSES = {"forward": forward, "forward + backward": forward_and_backward}


@dataclass(frozen=True)
class Group:
    """Poolings that are measured in the same rounds. The first is compared with the others."""

    names: tuple
    # The share of all rounds that this group gets; it gets at least two rounds.
    share: float = 1.0


# Poolings that take much memory or time have groups of their own: they would slow down those beside them.
GROUPS = [
    Group(("soft_pool", "avg_pool2d", "max_pool2d", "composed")),
    Group(("sorted_pool", "avg_pool2d", "max_pool2d")),
    Group(("sorted_pool", "gather_sort", "gather_top_k"), 0.05),
    Group(("importance_pool", "soft_pool", "avg_pool2d")),
    Group(("detail_preserving_pool", "avg_pool2d", "max_pool2d")),
    Group(("detail_preserving_pool", "composed_details"), 0.05),
    Group(("soft_pool portable", "composed"), 0.125),
    Group(("sorted_pool portable", "gather_sort"), 0.05),
    Group(("importance_pool portable", "soft_pool portable"), 0.05),
    Group(("detail_preserving_pool portable", "composed_details"), 0.05),
    Group(("soft_pool xla", "soft_pool", "avg_pool2d xla", "max_pool2d xla")),
    Group(("soft_pool xla", "composed xla"), 0.125),
    Group(("soft_pool xla", "soft_pool portable xla"), 0.05),
    Group(("sorted_pool xla", "sorted_pool", "max_pool2d xla")),
    Group(("sorted_pool xla", "gather_sort xla"), 0.05),
    Group(("importance_pool xla", "importance_pool")),
    Group(("detail_preserving_pool xla", "detail_preserving_pool")),
    Group(("detail_preserving_pool xla", "composed_details xla"), 0.05),
]

# (pooling, window, pass, peer) -> how many times the peer's time the pooling may take. None means any window.
MARKS = {
    ("soft_pool", 2, "forward", "avg_pool2d"): 1.15,
    ("soft_pool", 3, "forward", "avg_pool2d"): 2.0,
    ("soft_pool", 2, "forward + backward", "max_pool2d"): 1.0,
    ("soft_pool", None, "forward", "composed"): 1 / 6,
    ("soft_pool", None, "forward + backward", "composed"): 1 / 6,
    ("sorted_pool", 2, "forward", "max_pool2d"): 1.3,
    ("sorted_pool", 3, "forward", "max_pool2d"): 3.0,
    ("sorted_pool", 2, "forward + backward", "max_pool2d"): 1.2,
    ("sorted_pool", None, "forward", "gather_sort"): 1 / 10,
    ("sorted_pool", None, "forward", "gather_top_k"): 1 / 10,
    ("sorted_pool", None, "forward + backward", "gather_sort"): 1 / 10,
    ("sorted_pool", None, "forward + backward", "gather_top_k"): 1 / 10,
    ("importance_pool", None, "forward", "soft_pool"): 1.3,
    ("importance_pool", None, "forward + backward", "soft_pool"): 1.3,
    ("detail_preserving_pool", 2, "forward", "avg_pool2d"): 2.5,
    ("detail_preserving_pool", None, "forward", "composed_details"): 1 / 8,
    ("detail_preserving_pool", None, "forward + backward", "composed_details"): 1 / 8,
}
# Poolings in XLA programs, beside the same pooling outside of XLA, and beside compositions in XLA programs.
for name in ("soft_pool", "sorted_pool", "importance_pool", "detail_preserving_pool"):
    for which in PASSES:
        MARKS[f"{name} xla", None, which, name] = 1.15
    for composition in ("composed", "soft_pool portable", "gather_sort", "composed_details"):
        MARKS[f"{name} xla", None, "forward + backward", f"{composition} xla"] = 1 / 10


def measure(functions, x, rounds):
    """Returns the seconds that each function took in each round: the median of a few calls in a row.

    Each round takes the functions in a random order. The first call of each function is not counted: it meets
    cold caches, and the memory that the function before it left behind. On the CPU, TensorFlow returns from a
    call when the result is complete.
    """
    random = Random(0)
    seconds = {name: [] for name in functions}
    for function in functions.values():
        function(x)
    for _ in range(rounds):
        for name in random.sample(list(functions), len(functions)):
            calls = []
            for _ in range(1 + CALLS):
                start = time.perf_counter()
                functions[name](x)
                calls.append(time.perf_counter() - start)
            seconds[name].append(statistics.median(calls[1:]))
    return seconds


def rows_of(seconds, k, which):
    """Yields a row for each peer: its time, our time over its time, the mark and whether the mark is met."""
    first, ours = next(iter(seconds.items()))
    for name, times in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(ours, times, strict=True))
        mark = MARKS.get((first, k, which, name), MARKS.get((first, None, which, name)))
        yield {
            "peer": name,
            "ms": 1e3 * statistics.median(times),
            "ratio": None if times is ours else ratio,
            "mark": mark,
            "met": None if mark is None else ratio <= mark,
        }


def function_of(name, which, k, s):
    """Returns a peer's pass as a function of a tensor, in an XLA program if the peer's name ends in "xla"."""
    plain = name.removesuffix(" xla")
    return tf.function(PASSES[which](PEERS[plain](k, s)), jit_compile=plain != name or None)


def run(shapes, rounds, console):
    """Returns the rows of all shapes and passes."""
    rows = []
    jobs = [(shape, which) for shape in shapes for which in PASSES]
    for (shape, k, s), which in track(jobs, "measuring", console=console, transient=True):
        x = tf.random.stateless_normal(shape, (1, 2))
        for group in GROUPS:
            functions = {name: function_of(name, which, k, s) for name in group.names}
            seconds = measure(functions, x, max(round(group.share * rounds), 2))
            for row in rows_of(seconds, k, which):
                rows.append({"shape": list(shape), "k": k, "s": s, "pass": which, **row})
    return rows


def print_table(rows, console):
    """Prints the rows as a table."""
    table = Table("input, window", "pass", "pooling", "ms", "first is", "mark", "")
    for row in rows:
        first = row["ratio"] is None
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
    """Parses the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="how many rounds to measure (%(default)s)")
    parser.add_argument("--threads", type=int, default=0, help="TensorFlow's threads; 0 lets it choose")
    parser.add_argument("--quick", action="store_true", help="measure only the first shape, in ten rounds")
    parser.add_argument("--json", help="a file to write the rows to")
    arguments = parser.parse_args()
    if arguments.threads:
        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    console = Console(width=None if os.isatty(1) else 110)
    info = tsp.build_info()
    if info["library"] is None:
        raise SystemExit(f"There is no compiled library to measure: {info['error']}")
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
