"""`tf-softpool info`: what this installation was built for, what it runs on, and why a part is absent."""

import json

from rich.table import Table
from rich.text import Text

from tf_softpool.ops.native.build_info import build_info


def add_parser(commands):
    """Adds this command to the command line's."""
    parser = commands.add_parser("info", help="what this installation has", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run)


def run(options, terminal):
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


def _flat(values, prefix=""):
    """Names and texts of nested values, in their order."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            yield prefix + name, text
