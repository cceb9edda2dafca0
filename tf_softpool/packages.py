"""Packages that only some functions need."""

import importlib
import re
from importlib import metadata
from typing import Any

# In characters.
_LONGEST = 500
# Errors that libraries raise without meaning to, with messages for programmers.
_TERSE = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, UnicodeError)


def require(extra: str, *modules: str, purpose: str) -> Any:
    """Imports modules that an extra of tf_softpool installs, and returns the first of them.

    Args:
        extra: str. The name of the extra.
        *modules: str. The names of the modules.
        purpose: str. What the modules are needed for, as the subject of the error message.

    Raises:
        ImportError: if a module is not installed or cannot be imported. The message says what it is needed
            for and how to install it.
    """
    try:
        first, *_ = [importlib.import_module(module) for module in modules]
        return first
    except ImportError as error:
        raise ImportError(
            f'{purpose} needs {" and ".join(modules)}. To install: pip install "tf_softpool[{extra}]". '
            f"Python says: {error}"
        ) from error


def plain(error: BaseException) -> str:
    """Returns the message of another library's error in one line, without colours, and shortened.

    The error's class comes first if the message says little without it, as that of a `KeyError` does.
    """
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())
    if not text or isinstance(error, _TERSE):
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def described(package: str) -> str:
    """Returns the name and version of an installed package."""
    return f"{package} {metadata.version(package)}"
