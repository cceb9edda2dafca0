"""Completion of the command line in shells, by shtab."""

import argparse
from collections.abc import Sequence
from typing import Any

# What completes paths in each shell: that of `shtab.FILE`. shtab itself may be absent.
PATHS = {
    "bash": "_shtab_compgen_files",
    "zsh": "_files",
    "tcsh": "f",
    "fish": "(__fish_complete_path (commandline -ct))",
}


def add_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that prints a script for a shell."""
    parser.add_argument(
        "--print-completion",
        action=_Print,
        choices=tuple(PATHS),
        help="print a script that lets this shell complete the command line",
    )


def add_path(parser: argparse.ArgumentParser, name: str, **options: Any) -> None:
    """Adds an argument that shells complete with the names of files and folders."""
    parser.add_argument(name, **options).complete = PATHS  # type: ignore[attr-defined]


class _Print(argparse.Action):
    """Prints the script and ends, as `--help` does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Prints the script for the shell that is the option's value."""
        try:
            import shtab
        except ImportError:
            needed = 'completion needs shtab. Run: pip install "tf_softpool[completion]"'
            parser.exit(1, f"tf-softpool: error: {needed}\n")
        print(shtab.complete(parser, shell=str(values)))
        parser.exit()
