"""`tf-softpool replace`: writes a copy of a model on disk, with other pooling."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tf_softpool.cli.options import (
    UsageError,
    add_loading_options,
    add_output_options,
    add_verbose_option,
    import_modules,
)
from tf_softpool.cli.switches import with_switches
from tf_softpool.cli.terminal import Terminal
from tf_softpool.rewriting.identify import identify
from tf_softpool.rewriting.replace import rewrite_file
from tf_softpool.rewriting.request import FileRequest

if TYPE_CHECKING:
    from tf_softpool.cli.options import Commands

NOTHING_REPLACED = 3
_STEPS = 4
_EPILOG = (
    "Exit codes: 0 if something was replaced (or would be), 1 after an error, 2 after bad usage, 3 if "
    "there was nothing to replace, so that nothing was written."
)


def add_parser(commands: "Commands") -> None:
    """Adds this command to the command line."""
    parser = commands.add_parser(
        "replace", help="write a model with other pooling", description=__doc__, epilog=_EPILOG
    )
    parser.add_argument("model", help="a .keras or .h5 file, or a SavedModel folder")
    parser.add_argument("out", nargs="?", help="where to write; can be left out with --dry-run")
    parser.add_argument(
        "--map",
        action="append",
        required=True,
        type=_rule,
        metavar="OLD=NEW",
        help="a kind of "
        "pooling to replace, and the kind to replace it with, such as max=soft; give it once for each "
        "kind to replace",
    )
    parser.add_argument(
        "--where",
        action="append",
        metavar="GLOB",
        help="replace only layers whose name or path matches; can be given several times",
    )
    parser.add_argument(
        "--first",
        type=int,
        metavar="N",
        help="replace only the first N poolings that --map and --where allow",
    )
    parser.add_argument(
        "--last",
        type=int,
        metavar="N",
        help="replace only the last N poolings that --map and --where allow; with --first, both ends",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing, and print what would be replaced"
    )
    parser.add_argument(
        "--portable",
        action="store_true",
        help="put standard operations in a SavedModel, so that it loads without our library",
    )
    add_output_options(parser)
    add_loading_options(parser)
    add_verbose_option(parser)
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Replaces pooling in a file, and prints the report."""
    import_modules(options.modules)
    with terminal.warnings() as warned, terminal.progress(_STEPS) as step:
        request = _request(options, step)
        identify(options.model)
        report = rewrite_file(request)
    if options.json:
        terminal.show(report.to_json(indent=2))
    else:
        # The user has just read the warnings.
        report.notes = [note for note in report.notes if report.replaced or note not in warned]
        report.findings = [replace(f, reason=with_switches(f.reason)) for f in report.findings]
        if report.findings:
            terminal.show(report.table())
        terminal.show(with_switches(report.summary()))
    return 0 if report.replaced else NOTHING_REPLACED


def _request(options: argparse.Namespace, step: Callable[[str], None]) -> FileRequest:
    """Returns what the arguments ask for.

    Raises:
        UsageError: if they do not fit together.
    """
    if options.out is None and not options.dry_run:
        raise UsageError("OUT is needed unless this is a --dry-run")
    replacements = dict(options.map)
    if len(replacements) < len(options.map):
        raise UsageError("--map is given twice for the same kind: each kind can be replaced only once")
    try:
        return FileRequest.of(
            replacements,
            options.where,
            options.first,
            options.last,
            path=Path(options.model),
            out=None if options.out is None else Path(options.out),
            dry_run=options.dry_run,
            overwrite=options.overwrite,
            portable=options.portable,
            safe_mode=not options.unsafe,
            step=step,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _rule(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"{text} is not of the form OLD=NEW")
    return old, new
