"""`tf-softpool info` says what this installation was built for, what it runs on, and why a part is absent."""

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from tf_softpool.cli.terminal import Terminal
from tf_softpool.ops.native.build_info import build_info

if TYPE_CHECKING:
    from tf_softpool.cli.options import Commands


def add_parser(commands: "Commands") -> None:
    """Adds this command to the command line."""
    parser = commands.add_parser("info", help="say what this installation has", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Prints `tf_softpool.build_info()`."""
    found = build_info()
    if options.json:
        terminal.show(json.dumps(found, indent=2, default=str))
        return 0
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, value in _flat(found):
        table.add_row(Text(name), Text(value))
    terminal.show(table)
    return 0


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields the dotted name and the text of each value in nested dicts, in order."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            yield prefix + name, text
