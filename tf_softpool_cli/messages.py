"""Lines for the user: what happened to a command, in one line on stderr."""

import contextlib
import re
from typing import TextIO

from tf_softpool_cli.switches import with_switches

INTERRUPTED = "interrupted: nothing was written"


def line(what: str, text: str) -> str:
    """Returns a message as the user reads it.

    Args:
        what: str. "error" or "warning".
        text: str. The message. It may be another package's, with colours and several lines.
    """
    text = re.sub(r"\s*\n\s*", " ", re.sub(r"\x1b\[[0-9;]*m", "", with_switches(text)))
    return f"tf-softpool: {what}: {text}\n"


def say(stream: TextIO, what: str, text: str) -> None:
    """Prints a message. If the stream cannot be written, there is nobody to tell."""
    with contextlib.suppress(OSError, ValueError):
        stream.write(line(what, text))
        stream.flush()
