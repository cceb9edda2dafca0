"""`tf-softpool replace`: a model on disk, written once more with other pooling."""

import argparse

from tf_softpool.cli.options import add_loading_options, add_output_options, import_modules
from tf_softpool.rewriting import replace_pooling_in_file
from tf_softpool.rewriting.policy.rules import rules_of
from tf_softpool.rewriting.policy.selection import Selection

NOTHING_REPLACED = 3
_STEPS = 4
_EPILOG = (
    "Exit codes: 0 something was replaced (or would be), 1 an error, 2 bad usage, 3 there was nothing to "
    "replace, and nothing is written."
)


def add_parser(commands):
    """Adds this command to the command line's."""
    parser = commands.add_parser(
        "replace", help="write a model with other pooling", description=__doc__, epilog=_EPILOG
    )
    parser.add_argument("model", help="a .keras or .h5 file, or a SavedModel folder")
    parser.add_argument("out", nargs="?", help="where to write; may be left out with --dry-run")
    parser.add_argument(
        "--map",
        action="append",
        required=True,
        type=_rule,
        metavar="OLD=NEW",
        help="what to replace by what, as max=soft; once for each kind",
    )
    parser.add_argument(
        "--where", action="append", metavar="GLOB", help="only layers with such a name or path; or several"
    )
    parser.add_argument("--first", type=int, metavar="N", help="only the first N of those")
    parser.add_argument("--last", type=int, metavar="N", help="only the last N of those")
    parser.add_argument("--dry-run", action="store_true", help="write nothing, say what would be done")
    parser.add_argument(
        "--portable", action="store_true", help="put standard operations in a SavedModel, not ours"
    )
    add_output_options(parser)
    add_loading_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(options, terminal):
    """Replaces pooling in a file, and prints the report."""
    if options.out is None and not options.dry_run:
        options.parser.error("OUT is needed unless this is a --dry-run")
    rules = dict(options.map)
    if len(rules) < len(options.map):
        options.parser.error("--map says twice what to replace one kind by")
    import_modules(options.modules)
    try:
        rules_of(rules)
        Selection(options.where, options.first, options.last)
    except ValueError as error:
        options.parser.error(str(error))
    with terminal.warnings(), terminal.progress(_STEPS) as step:
        report = replace_pooling_in_file(
            options.model,
            options.out,
            rules,
            where=options.where,
            first=options.first,
            last=options.last,
            dry_run=options.dry_run,
            overwrite=options.overwrite,
            portable=options.portable,
            safe_mode=not options.unsafe,
            progress=step,
        )
    if options.json:
        terminal.show(report.to_json(indent=2))
    else:
        if report.findings:
            terminal.show(report.table())
        terminal.show(report.summary())
    return 0 if report.replaced else NOTHING_REPLACED


def _rule(text):
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"{text} is not of the form OLD=NEW")
    return old, new
