"""Options that several commands have."""

import importlib
import os
import sys


def add_output_options(parser):
    """Options of commands that write a model, and say what they did."""
    parser.add_argument("--overwrite", action="store_true", help="replace what is there at OUT")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def add_loading_options(parser):
    """Options of commands that load a Keras file."""
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="import this first: a module that registers classes a Keras file needs, or loads ops",
    )
    parser.add_argument(
        "--unsafe", action="store_true", help="let a Keras file run code that it holds, in Lambda layers"
    )


def import_modules(modules):
    """Imports modules from the path or from the folder that the command runs in.

    Raises:
        ImportError: one cannot be imported.
    """
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            raise ImportError(f"{module} cannot be imported: {type(error).__name__}: {error}") from error
