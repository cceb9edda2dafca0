"""`tf-softpool compare` pools pictures, and says how much of each is left."""

import argparse
import json

from tf_softpool.comparison.compare import compared, settings_of
from tf_softpool.comparison.entrants import entrants_of
from tf_softpool.comparison.measures import require_scikit_image
from tf_softpool.comparison.pictures import pictures_of
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
    steps = len(pictures) + bool(settings.seconds) + bool(options.sheet) + bool(options.html)
    with terminal.warnings(), terminal.progress(steps) as step:
        comparison = compared(pictures, entrants, settings, step)
        if options.sheet is not None:
            step(options.sheet)
            comparison.sheet(options.sheet, scale=options.scale, overwrite=options.overwrite)
            terminal.has_written = True
        if options.html is not None:
            step(options.html)
            comparison.html(options.html, overwrite=options.overwrite)
            terminal.has_written = True
    if options.json:
        return 0 if terminal.show(json.dumps(comparison.to_json(), indent=2)) else UNPRINTED
    # In a narrow terminal a table of rich would cut its cells, and a text only breaks its lines.
    return 0 if terminal.show(str(comparison)) else UNPRINTED
