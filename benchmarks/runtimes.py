"""Measures the portable forms of our poolings beside max pooling, in each runtime that exports are made for.

Usage: python benchmarks/runtimes.py [--threads 1 2] [--formats onnx ...] [--rows TEXT ...] [--rounds 20]
           [--batch 1] [--magnitude 1] [--json FILE]

Each pooling is exported alone, as a model of one layer, and loaded with `tf_softpool.serving.load`. It is
measured in the same rounds as the runtime's own max pooling with the same windows. Milliseconds are wall
times of whole calls, medians over the rounds. A ratio is the median of the ratios in each round. It stands
beside the mark that it must meet, and "!" says that it does not. The row of max pooling, beside itself, shows
how exact the ratios are. `runtimes_rows.py` has the poolings, windows and marks. An export whose results are
wrong is not measured, and misses its mark.

TensorFlow sets its threads once, so a process of its own measures each number of threads.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from bench_table import summary
from rich.console import Console
from rich.progress import track
from rich.table import Table
from runtimes_rows import CHANNELS, ROWS, SIZE

import tf_softpool as tsp
from tf_softpool.benchmark.measuring import measure
from tf_softpool.serving.formats import FORMATS

# How long a row is measured in a runtime at most, if the rounds take longer.
SECONDS = 10


def chosen(arguments):
    """Returns the rows whose name contains one of the texts that were asked for."""
    return [row for row in ROWS if any(text in str(row) for text in arguments.rows)]


def place(folder, row, format):
    """Returns the path of an exported row."""
    return Path(folder) / format / f"{str(row).replace(' ', '_')}{FORMATS[format].SUFFIX}"


def export(row, format, folder, inputs):
    """Exports a row's model, and returns why it must not be measured, or None."""
    path = place(folder, row, format)
    path.parent.mkdir(exist_ok=True)
    try:
        report = tsp.export(row.model(len(inputs["x"])), path, format, portable=True, sample=inputs)
    except RuntimeError as error:
        return str(error)
    wrong = [difference for difference in report.differences if not difference.passed]
    return f"its results are wrong: {', '.join(map(str, wrong))}" if wrong else None


def export_all(arguments, folder):
    """Exports all rows to all formats, and returns why some must not be measured, by row and format."""
    rows = dict.fromkeys(side for row in chosen(arguments) for side in (row.peer(), row))
    jobs = [(row, format) for format in arguments.formats for row in rows]
    found = {}
    for row, format in track(jobs, "exporting", console=Console(stderr=True), transient=True):
        inputs = row.inputs(arguments.batch, arguments.magnitude)
        found[row, format] = export(row, format, folder, inputs)
    both = {
        (row, format): found[row, format] or found[row.peer(), format]
        for row in chosen(arguments)
        for format in arguments.formats
    }
    return {job: reason for job, reason in both.items() if reason is not None}


def function_of(row, format, arguments, threads):
    """Loads an exported row. Returns a function without arguments that runs it, and the runtime's name."""
    own = None if format == "tf_saved_model" else threads
    served = tsp.serving.load(place(arguments.folder, row, format), own)
    inputs = row.inputs(arguments.batch, arguments.magnitude)
    return lambda: served(inputs), served.runtime


def measured(row, format, arguments, threads):
    """Returns what was measured of a row in a runtime."""
    ours, runtime = function_of(row, format, arguments, threads)
    peer, _ = function_of(row.peer(), format, arguments, threads)
    taken = measure({"ours": ours, "peer": peer}, SECONDS, arguments.rounds)
    ratio = statistics.median(a / b for a, b in zip(taken["ours"], taken["peer"], strict=True))
    mark = row.mark(format) if arguments.magnitude == 1 else None
    return {
        "row": str(row),
        "format": format,
        "runtime": runtime,
        "threads": threads,
        "ms": 1e3 * statistics.median(taken["ours"]),
        "peer_ms": 1e3 * statistics.median(taken["peer"]),
        "ratio": ratio,
        "mark": mark,
        # As a reader of the table would judge, who sees two decimals.
        "met": None if mark is None else round(ratio, 2) <= mark,
    }


def not_measured(row, format, threads, reason, arguments):
    """Returns the same for a row that must not be measured."""
    met = False if row.mark(format) and arguments.magnitude == 1 else None
    return {"row": str(row), "format": format, "threads": threads, "reason": reason, "met": met}


def work(arguments):
    """Measures with one number of threads in this process, and writes a line of JSON for each result."""
    (threads,) = arguments.threads
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    for format in arguments.formats:
        for row in chosen(arguments):
            if f"{format} {row}" not in arguments.skip:
                print(json.dumps(measured(row, format, arguments, threads)), flush=True)


def run(arguments, folder, reasons, threads):
    """Measures with a number of threads in a process of its own, and returns the results.

    Args:
        arguments: the arguments of the command line.
        folder: str. The folder of the exported models.
        reasons: dict. Why some rows must not be measured, by row and format.
        threads: int.
    """
    skip = [f"{format} {row}" for row, format in reasons]
    command = [sys.executable, __file__, "--folder", folder, "--threads", str(threads), "--skip", *skip]
    command += ["--formats", *arguments.formats, "--rows", *arguments.rows]
    command += ["--rounds", str(arguments.rounds), "--batch", str(arguments.batch)]
    command += ["--magnitude", str(arguments.magnitude)]
    total = len(arguments.formats) * len(chosen(arguments)) - len(skip)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        console = Console(stderr=True)
        lines = track(process.stdout, label(threads), total=total, console=console, transient=True)
        results = [json.loads(line) for line in lines]
    if process.returncode:
        raise SystemExit(f"A process that measures ended with {process.returncode}.")
    return results + [not_measured(*job, threads, reason, arguments) for job, reason in reasons.items()]


def label(threads):
    """Returns a number of threads in words."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def cells(result):
    """Returns the milliseconds and the ratio of a result as text."""
    if "reason" in result:
        return ["", "wrong !"]
    mark = "" if result["mark"] is None else f" of {result['mark']:g}"
    missed = " !" if result["met"] is False else ""
    return [f"{result['ms']:.2f}", f"{result['ratio']:.2f}{mark}{missed}"]


def show(results, arguments, threads):
    """Prints the results of a number of threads."""
    found = {(result["row"], result["format"]): result for result in results}
    runtimes = {result["format"]: result["runtime"] for result in results if "runtime" in result}
    shape = f"[{arguments.batch},{SIZE},{SIZE},{CHANNELS}]"
    table = Table("pooling", title=f"{shape}, magnitude {arguments.magnitude:g}, {label(threads)}")
    for format in arguments.formats:
        table.add_column(f"ms\n{runtimes.get(format, format)}", justify="right")
        table.add_column("times max")
    for above, row in zip([None, *chosen(arguments)], chosen(arguments), strict=False):
        if above is not None and above.window != row.window:
            table.add_section()
        texts = [text for format in arguments.formats for text in cells(found[str(row), format])]
        table.add_row(str(row), *texts)
    # A pipe has no width of its own, and a wrapped table is hard to read.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def parsed():
    """Returns the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="each runtime's threads (1 2)")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS), help="by default all")
    help_rows = "texts that rows contain, such as 'soft 2x2'; by default all rows"
    parser.add_argument("--rows", nargs="+", default=[""], metavar="TEXT", help=help_rows)
    parser.add_argument("--rounds", type=int, default=20, help="how many rounds at most (%(default)s)")
    parser.add_argument("--batch", type=int, default=1, help="how many images (%(default)s)")
    help_magnitude = "what values are multiplied by (%(default)g); 1e3 takes the exact forms, without marks"
    parser.add_argument("--magnitude", type=float, default=1.0, help=help_magnitude)
    parser.add_argument("--json", help="a file to write the results to")
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--skip", nargs="*", default=[], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not chosen(arguments):
        parser.error(f"no row contains one of {arguments.rows}")
    return arguments


def main():
    """Exports, measures with each number of threads, and prints tables and what must not be measured."""
    arguments = parsed()
    if arguments.folder:
        return work(arguments)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        reasons = export_all(arguments, folder)
        for threads in arguments.threads:
            print(f"The load was {os.getloadavg()[0]:.1f} before.")
            new = run(arguments, folder, reasons, threads)
            show(new, arguments, threads)
            results += new
    for (row, format), reason in reasons.items():
        print(f"{row} is not measured in {format}: {reason}")
    print(summary(results))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1))
    if reasons:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
