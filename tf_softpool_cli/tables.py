"""Tables as text."""

import io

from rich.console import Console
from rich.table import Table


def plain_text(table: Table) -> str:
    """Returns a table as text. Its lines are as long as they need to be, so that the reader can wrap them."""
    text = io.StringIO()
    # In a notebook, rich would show the table there instead of writing it.
    Console(file=text, width=10_000, color_system=None, force_jupyter=False).print(table)
    return "\n".join(filter(None, (line.rstrip() for line in text.getvalue().splitlines())))
