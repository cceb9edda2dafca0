"""Tables for the terminal, and as Markdown for a document."""

from collections.abc import Sequence

import rich.table
from rich.text import Text

from experiments.experiment import Table


def for_terminal(table: Table) -> rich.table.Table:
    """Returns a table for a terminal."""
    shown = rich.table.Table(title=table.title, caption=table.notes or None, title_justify="left")
    for i, name in enumerate(table.header):
        shown.add_column(name, justify="right" if i else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*map(Text, row))
    return shown


def markdown(table: Table) -> str:
    """Returns a table as Markdown, with its title above and its notes below."""
    lines = [
        f"**{table.title}**",
        "",
        _line(table.header),
        _line(["---", *["---:"] * (len(table.header) - 1)]),
    ]
    lines += [_line(row) for row in table.rows]
    if table.notes:
        lines += ["", table.notes]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
