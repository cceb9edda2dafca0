"""`tf-softpool info` lists the poolings of a model, or says what this installation has."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from tf_softpool.cli.modules import import_modules
from tf_softpool.cli.poolings import Pooling, poolings_of
from tf_softpool.ops.native.build_info import build_info
from tf_softpool.rewriting.identify import identify
from tf_softpool_cli.switches import with_switches
from tf_softpool_cli.terminal import Terminal

UNPRINTED = 1


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Prints a model's poolings, or `tf_softpool.build_info()`."""
    if options.model is None:
        found = build_info()
        result = json.dumps(found, indent=2, default=str) if options.json else _table(found)
        return 0 if terminal.show(result) else UNPRINTED
    import_modules(options.modules)
    with terminal.warnings(), terminal.progress(1) as step:
        step("reading")
        poolings = poolings_of(identify(options.model), safe_mode=not options.unsafe)
    if options.json:
        facts = {"path": options.model, "poolings": [asdict(pooling) for pooling in poolings]}
        return 0 if terminal.show(json.dumps(facts, indent=2)) else UNPRINTED
    shown = not poolings or terminal.show(_table_of(poolings))
    total = "1 pooling" if len(poolings) == 1 else f"{len(poolings)} poolings"
    return 0 if terminal.show(total) and shown else UNPRINTED


def _table_of(poolings: list[Pooling]) -> Table:
    names = ("layer", "is", "kind", "window", "strides", "padding", "can become", "why not")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None, padding=(0, 2, 0, 0))
    for each in poolings:
        window = f"to {_sizes(each.output_size)}" if each.output_size else _sizes(each.window)
        cells = [each.path, each.what, each.kind or "", window, _sizes(each.strides), each.padding or ""]
        cells += [", ".join(each.replaceable_by), with_switches(each.reason)]
        table.add_row(*map(Text, cells))
    return table


def _sizes(sizes: tuple[int | None, ...] | None) -> str:
    return " x ".join("?" if size is None else str(size) for size in sizes or ())


def _table(facts: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, value in _flat(facts):
        table.add_row(Text(name), Text(value))
    return table


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields the dotted name and the text of each value in nested dicts, in order."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            yield prefix + name, text
