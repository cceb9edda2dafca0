"""`tf-softpool doctor` checks this installation, and says how to mend what is wrong."""

import argparse
from typing import TYPE_CHECKING

from tf_softpool_cli.options import add_common_options

if TYPE_CHECKING:
    from tf_softpool_cli.options import Commands

_EPILOG = (
    "Exit codes: 0 if all is well, or only optional parts are absent, 1 if there is a problem, 2 after bad "
    "usage."
)


def add_parser(commands: "Commands") -> None:
    """Adds this command to the command line."""
    parser = commands.add_parser(
        "doctor",
        help="check this installation, and say how to mend it",
        description=__doc__,
        epilog=_EPILOG,
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    add_common_options(parser)
    parser.set_defaults(parser=parser, check=_check, module="tf_softpool_cli.doctor.command", is_light=True)


def _check(options: argparse.Namespace) -> None:
    """Checks nothing: whatever is missing is a finding."""
