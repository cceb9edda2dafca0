"""Options that several commands have."""

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from tf_softpool.starting import VERBOSE

if TYPE_CHECKING:
    # What `ArgumentParser.add_subparsers` returns. argparse has no public name for it.
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]


class UsageError(Exception):
    """The error if the arguments of a command do not fit together. Its usage is printed then."""


def add_verbose_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option of commands that run TensorFlow."""
    parser.add_argument(
        VERBOSE, action="store_true", help="show what TensorFlow and the converters print, which is dropped"
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


def import_modules(modules: Iterable[str]) -> None:
    """Imports modules by name. They are also looked for in the working directory.

    Raises:
        ImportError: if a module cannot be imported.
    """
    # A working directory that has been removed has no name.
    with contextlib.suppress(FileNotFoundError):
        if (here := os.getcwd()) not in sys.path:
            sys.path.append(here)
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            raise ImportError(
                f"The module {module!r} cannot be imported: {type(error).__name__}: {error}"
            ) from error
