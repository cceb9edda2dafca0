"""Options that several commands have."""

import argparse
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    # What `ArgumentParser.add_subparsers` returns. argparse has no public name for it.
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]


class UsageError(Exception):
    """The error if the arguments of a command do not fit together. Its usage is printed then."""


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of all commands."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--quiet", action="store_true", help="print no progress and no warnings, only results and errors"
    )
    either.add_argument(
        "--verbose",
        action="store_true",
        help="show what TensorFlow and the converters print, which is dropped",
    )


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of commands that write a model and print a report."""
    parser.add_argument("--overwrite", action="store_true", help="replace what is at OUT")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def add_loading_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of commands that load a Keras file."""
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="import this module before the model is loaded, to register classes that the model uses or to "
        "load ops; may be given several times",
    )
    parser.add_argument(
        "--unsafe", action="store_true", help="let a Keras file run the code that its Lambda layers contain"
    )
