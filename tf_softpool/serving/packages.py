"""Packages that only some formats need."""

import importlib
import re
from importlib import metadata

_LONGEST = 500


def require(extra, *modules, purpose):
    """Imports modules that an extra of ours installs, and returns the first.

    Raises:
        ImportError: one is not installed, or cannot be imported: says for what, and how to install it.
    """
    try:
        first, *_ = [importlib.import_module(module) for module in modules]
        return first
    except ImportError as error:
        raise ImportError(
            f'{purpose} needs {" and ".join(modules)}: pip install "tf_softpool[{extra}]". '
            f"Python says: {error}"
        ) from error


def plain(error):
    """What an error of another library's says, in one line without colours, and not in pages."""
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def described(package):
    """A package's name and version."""
    return f"{package} {metadata.version(package)}"
