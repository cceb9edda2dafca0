"""`tf-softpool bench` measures the poolings on this CPU, beside max and average pooling of Keras."""

import argparse
import json
from dataclasses import asdict
from typing import Any

import tensorflow as tf
from rich.table import Table
from rich.text import Text

from tf_softpool.benchmark.cases import PASSES
from tf_softpool.benchmark.machine import machine
from tf_softpool.benchmark.measuring import limit_threads
from tf_softpool.benchmark.rows import ROWS, Measurement, measured
from tf_softpool.ops import native
from tf_softpool_cli.terminal import Terminal

UNPRINTED = 1


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Measures, and prints a table."""
    if options.threads is not None:
        limit_threads(options.threads)
    if native.load().ops is None:
        raise RuntimeError(f"There is no compiled library to measure: {native.load().error}")
    about, found = machine(), []
    rows = [row for row in ROWS if row in options.rows]
    # On a GPU, TensorFlow returns from a call before the result is there.
    with tf.device("CPU:0"), terminal.progress(len(rows) * len(PASSES)) as step:
        for row in rows:
            passes = iter(PASSES)
            step(f"{row}, {next(passes)}")
            for measurements in measured(row, options.poolings, options.seconds):
                found += measurements
                if (which := next(passes, None)) is not None:
                    step(f"{row}, {which}")
    if options.json:
        result = {"machine": about, "rows": [asdict(each) for each in found]}
        return 0 if terminal.show(json.dumps(result, indent=2)) else UNPRINTED
    shown = terminal.show(_described(about))
    return 0 if terminal.show(_table(found)) and shown else UNPRINTED


def _described(about: dict[str, Any]) -> str:
    threads = "1 thread" if about["threads"] == 1 else f"{about['threads']} threads"
    cores = "1 core" if about["cores"] == 1 else f"{about['cores']} cores"
    return (
        f"{about['processor']}, {cores}, {threads}, {about['simd_target']}, "
        f"a load of {about['load']} before\n"
        f"tf_softpool {about['tf_softpool']}, TensorFlow {about['tensorflow']}, Keras {about['keras']}, "
        f"Python {about['python']}"
    )


def _table(found: list[Measurement]) -> Table:
    """Returns a table with a section for each row, and a line for each pooling with both of its passes."""
    table = Table("row", "pooling", box=None, padding=(0, 2, 0, 0))
    for which in PASSES:
        for title in (f"{which}, ms", "of max", "of average"):
            table.add_column(title, justify="right")
    by_key = {(each.row, each.pooling, each.which): each for each in found}
    above = None
    for row, pooling in dict.fromkeys((each.row, each.pooling) for each in found):
        cells = [row if row != above else "", pooling]
        for which in PASSES:
            each = by_key[row, pooling, which]
            cells += [_milliseconds(each.milliseconds), f"{each.of_max:.2f} x", f"{each.of_average:.2f} x"]
        if above not in (None, row):
            table.add_section()
        table.add_row(*map(Text, cells))
        above = row
    return table


def _milliseconds(milliseconds: float) -> str:
    digits = 3 if milliseconds < 1 else 2 if milliseconds < 10 else 1
    return f"{milliseconds:.{digits}f}"
