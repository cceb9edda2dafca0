"""Prints what `bench.py` measured, as text or as Markdown."""

import statistics
import sys

from rich.console import Console
from rich.table import Table

from tf_softpool.benchmark.measuring import ratios

HEAD = (
    "input, window",
    "pooling",
    "pass",
    "ms",
    "of a copy",
    "peer",
    "peer's ms",
    "ours is",
    "middle half",
    "mark",
    "",
)


def rows_of(comparison, which, taken, factor):
    """Yields a row for each peer of a comparison.

    Args:
        comparison: `bench_rows.Comparison`.
        which: string, the pass.
        taken: dict of lists, the seconds of each round: 0 for our pooling, 1 for the first peer, and so on.
            "copy" is a copy that moves as many bytes as our pooling must. It may be absent.
        factor: float, which multiplies all marks.
    """
    ours = taken[0]
    of_copy = statistics.median(ratios(ours, taken["copy"])) if "copy" in taken else None
    for i, peer in enumerate(comparison.peers, 1):
        first, ratio, third = statistics.quantiles(ratios(ours, taken[i]), n=4, method="inclusive")
        mark = peer.mark(which) and peer.mark(which) * factor
        yield {
            "topic": comparison.topic,
            "case": str(comparison.case),
            "pooling": comparison.ours,
            "pass": which,
            "ms": 1e3 * statistics.median(ours),
            "of_copy": of_copy,
            "peer": peer.label or peer.name,
            "peer_ms": 1e3 * statistics.median(taken[i]),
            "ratio": ratio,
            "middle_half": [first, third],
            "mark": mark,
            # As a reader of the table would judge, who sees two decimals.
            "met": None if mark is None else round(ratio, 2) <= round(mark, 2),
        }


def cells(row, above):
    """Returns a row's cells as text. What the row above says too is left empty."""
    again = [above is not None and row[key] == above[key] for key in ("topic", "case", "pooling", "pass")]
    case, pooling, passed = (all(again[:n]) for n in (2, 3, 4))
    return [
        "" if case else row["case"],
        "" if pooling else row["pooling"],
        "" if passed else row["pass"],
        "" if passed else _milliseconds(row["ms"]),
        "" if passed or row["of_copy"] is None else f"{row['of_copy']:.1f} x",
        row["peer"],
        _milliseconds(row["peer_ms"]),
        f"{row['ratio']:.2f} x",
        "{:.2f} to {:.2f}".format(*row["middle_half"]),
        "" if row["mark"] is None else f"{row['mark']:.2f} x",
        "" if row["met"] is None else "met" if row["met"] else "MISSED",
    ]


def _milliseconds(ms):
    return f"{ms:.4f}" if ms < 0.1 else f"{ms:.2f}" if ms < 20 else f"{ms:.0f}"


def by_topic(rows):
    """Yields each topic with the cells of its rows."""
    for topic in dict.fromkeys(row["topic"] for row in rows):
        of_topic = [row for row in rows if row["topic"] == topic]
        yield topic, [cells(row, above) for row, above in zip(of_topic, [None, *of_topic], strict=False)]


def summary(rows):
    """Returns a line that says how many marks are met."""
    judged = [row["met"] for row in rows if row["met"] is not None]
    return f"{sum(judged)} of {len(judged)} marks are met."


def print_rows(title, note, rows, markdown):
    """Prints the rows of one setting, with a title and a note about the machine."""
    if markdown:
        print_markdown(title, note, rows)
    else:
        print_text(title, note, rows)


def print_text(title, note, rows):
    """Prints a table with a section for each topic."""
    # A pipe has no width of its own, and a wrapped table is hard to read.
    console = Console(width=None if sys.stdout.isatty() else 200)
    table = Table(*HEAD)
    for topic, lines in by_topic(rows):
        table.add_section()
        table.add_row(f"[bold]{topic}[/bold]")
        for line in lines:
            table.add_row(*line)
    console.print(f"{title}. {note}".strip())
    console.print(table)
    console.print(summary(rows))


def print_markdown(title, note, rows):
    """Prints Markdown, with a table for each topic."""
    print(f"\n### {title}\n\n{note} {summary(rows)}")
    for topic, lines in by_topic(rows):
        print(f"\n**{topic}**\n")
        for line in (HEAD, ["---"] * len(HEAD), *lines):
            print("| " + " | ".join(line).rstrip() + " |")
