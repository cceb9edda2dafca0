"""`tf-softpool compare` pools pictures, and says how much of each is left."""

import argparse
import json

from tf_softpool.comparison.compare import compared, settings_of
from tf_softpool.comparison.entrants import entrants_of
from tf_softpool.comparison.measures import require_scikit_image
from tf_softpool.comparison.pictures import pictures_of
from tf_softpool.comparison.results import Comparison
from tf_softpool.writing import complete_or_absent
from tf_softpool_cli.terminal import Terminal

UNPRINTED = 1


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Compares poolings on pictures, writes what was asked for, and prints a table."""
    require_scikit_image()
    settings = settings_of(
        options.pool_size, options.range, options.enlarge, options.frames, options.seed, options.seconds
    )
    entrants = entrants_of(options.poolings, settings.ranges, settings.seed)
    pictures = pictures_of(options.images, settings.frames)
    outputs = [path for path in (options.sheet, options.html) if path is not None]
    with (
        terminal.warnings(),
        terminal.progress(len(pictures) + bool(settings.seconds) + len(outputs)) as step,
    ):
        comparison = compared(pictures, entrants, settings, step)
        for path in outputs:
            step(path)
            _write(comparison, path, options)
            terminal.has_written = True
    if options.json:
        return 0 if terminal.show(json.dumps(comparison.to_json(), indent=2)) else UNPRINTED
    shown = terminal.show(comparison.header())
    return 0 if terminal.show(comparison.table()) and shown else UNPRINTED


def _write(comparison: Comparison, path: str, options: argparse.Namespace) -> None:
    """Writes the sheet or the page to its path."""
    with complete_or_absent(path, options.overwrite) as new:
        if path == options.html:
            comparison.html(new)
        else:
            comparison.sheet(new, **({} if options.scale is None else {"scale": options.scale}))
