"""Tables as text."""

import io

from rich.console import Console
from rich.table import Table


def plain_text(table: Table) -> str:
    """Returns a table as text. Its lines are as long as they need to be, so that the reader can wrap them."""
    text = io.StringIO()
    Console(file=text, width=10_000, color_system=None).print(table)
    return "\n".join(filter(None, (line.rstrip() for line in text.getvalue().splitlines())))
