"""`tf-softpool bench` measures the poolings on this CPU, beside max and average pooling of Keras."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tf_softpool_cli.names import POOLINGS, ROWS
from tf_softpool_cli.numbers import positive, seconds
from tf_softpool_cli.options import add_common_options

if TYPE_CHECKING:
    from tf_softpool_cli.options import Commands

_EPILOG = f"""
A row is a tensor, and windows on it: {"; ".join(f"{name}: {what}" for name, what in ROWS.items())}. All
functions of a row are called in turns, so that other load on the machine slows all of them alike. A ratio is
the median of the ratios in each round. The gradient of the output comes from outside, as in a network.
"""


def add_parser(commands: "Commands") -> None:
    """Adds this command to the command line."""
    parser = commands.add_parser(
        "bench", help="measure the poolings on this machine", description=__doc__, epilog=_EPILOG
    )
    parser.add_argument(
        "--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=_choices(ROWS)
    )
    parser.add_argument(
        "--poolings",
        nargs="+",
        choices=POOLINGS,
        default=list(POOLINGS),
        metavar="POOLING",
        help=_choices(POOLINGS),
    )
    parser.add_argument(
        "--threads", type=positive, metavar="N", help="TensorFlow's threads. Default: one for each core"
    )
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=3.0,
        metavar="N",
        help="how long each row is measured in each pass, at least three rounds. Default: %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="print what was measured as JSON")
    add_common_options(parser)
    parser.set_defaults(parser=parser, check=_check, module="tf_softpool.cli.bench", is_light=False)


def _choices(names: Iterable[str]) -> str:
    return f"any of {', '.join(names)}. Default: all"


def _check(options: argparse.Namespace) -> None:
    """Checks nothing: all that can be wrong is in the types of the arguments."""
