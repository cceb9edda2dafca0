"""Terminals in which tests run processes."""

import contextlib
import os


def shown_in(terminal):
    """Returns the bytes that a terminal shows until its other side is closed, and closes it.

    Args:
        terminal: int. The descriptor of our side.
    """
    shown = b""
    # Reading from a terminal whose other side is closed gives an error instead of an end of file.
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 10_000):
            shown += part
    os.close(terminal)
    return shown
