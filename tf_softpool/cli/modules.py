"""Modules that a model needs, imported by name."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterable


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
