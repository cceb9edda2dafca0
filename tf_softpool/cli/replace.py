"""`tf-softpool replace`: writes a copy of a model on disk, with other pooling."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tf_softpool.cli.modules import import_modules
from tf_softpool.rewriting.identify import identify
from tf_softpool.rewriting.replace import rewrite_file
from tf_softpool.rewriting.request import FileRequest
from tf_softpool_cli.options import UsageError
from tf_softpool_cli.switches import with_switches
from tf_softpool_cli.terminal import Terminal

NOTHING_REPLACED = 3
_STEPS = 4


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Replaces pooling in a file, and prints the report."""
    import_modules(options.modules)
    with terminal.warnings() as warned, terminal.progress(_STEPS) as step:
        request = _request(options, step)
        identify(options.model)
        report = rewrite_file(request)
        terminal.has_written = bool(report.replaced) and not options.dry_run
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
    try:
        return FileRequest.of(
            dict(options.map),
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
