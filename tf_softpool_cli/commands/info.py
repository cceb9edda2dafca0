"""`tf-softpool info` lists the poolings of a model, or says what this installation has."""

import argparse
from typing import TYPE_CHECKING

from tf_softpool_cli.completion import add_path
from tf_softpool_cli.options import add_common_options, add_loading_options
from tf_softpool_cli.paths import check_model

if TYPE_CHECKING:
    from tf_softpool_cli.options import Commands


def add_parser(commands: "Commands") -> None:
    """Adds this command to the command line."""
    parser = commands.add_parser(
        "info", help="list a model's poolings, or say what this installation has", description=__doc__
    )
    add_path(
        parser,
        "model",
        nargs="?",
        help="a .keras or .h5 file, or a SavedModel folder. Default: say what this installation was built "
        "for, what it runs on, and why a part is absent",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    add_loading_options(parser)
    add_common_options(parser)
    parser.set_defaults(parser=parser, check=_check, module="tf_softpool.cli.info", is_light=False)


def _check(options: argparse.Namespace) -> None:
    if options.model is not None:
        check_model(options.model)
