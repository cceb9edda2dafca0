"""`tf-softpool replace`: writes a copy of a model on disk, with other pooling."""

import argparse
from typing import TYPE_CHECKING

from tf_softpool_cli.completion import add_path
from tf_softpool_cli.names import KINDS
from tf_softpool_cli.options import UsageError, add_common_options, add_loading_options, add_output_options
from tf_softpool_cli.paths import check_model, check_out

if TYPE_CHECKING:
    from tf_softpool_cli.options import Commands

_EPILOG = (
    "Exit codes: 0 if something was replaced (or would be), 1 after an error, 2 after bad usage, 3 if "
    "there was nothing to replace, so that nothing was written."
)


def add_parser(commands: "Commands") -> None:
    """Adds this command to the command line."""
    parser = commands.add_parser(
        "replace", help="write a model with other pooling", description=__doc__, epilog=_EPILOG
    )
    add_path(parser, "model", help="a .keras or .h5 file, or a SavedModel folder")
    add_path(parser, "out", nargs="?", help="where to write; can be left out with --dry-run")
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
        type=_count,
        metavar="N",
        help="replace only the first N poolings that --map and --where allow",
    )
    parser.add_argument(
        "--last",
        type=_count,
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
    add_common_options(parser)
    parser.set_defaults(parser=parser, check=_check, module="tf_softpool.cli.replace", is_light=False)


def _check(options: argparse.Namespace) -> None:
    if options.out is None and not options.dry_run:
        raise UsageError("OUT is needed unless this is a --dry-run")
    if len(dict(options.map)) < len(options.map):
        raise UsageError("--map is given twice for the same kind: each kind can be replaced only once")
    check_model(options.model)
    if options.out is not None and not options.dry_run:
        check_out(options.out, options.overwrite)


def _rule(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"{text} is not of the form OLD=NEW")
    for kind in (old, new):
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(
                f"unknown kind of pooling {kind!r}. Known kinds: {', '.join(sorted(KINDS))}"
            )
    return old, new


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number of poolings, got {text!r}")
    return int(text)
