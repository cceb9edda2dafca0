"""The process of the command line: its signals, and its exit code.

Little is imported before signals are handled, so that an interrupt at once says no more than a later one.
"""

import atexit
import contextlib
import os
import signal
import sys

from tf_softpool_cli import messages
from tf_softpool_cli.stopping import Stopping

_STDERR = 2
# Exit codes above this stand for signals.
_SIGNAL = 128


def main() -> int:
    """Runs the command line of this process, and returns its exit code.

    The process ends by the signal that stops it, as a shell expects.
    """
    stopping = Stopping()
    said = messages.line("error", messages.INTERRUPTED).encode()
    stopping.say = lambda: os.write(_STDERR, said)
    stopping.start()
    # Exit handlers run in the reverse order, so this one is the last, and those of the packages are guarded.
    atexit.register(stopping.finish)
    from tf_softpool_cli.main import main

    try:
        code = main(None, stopping)
    except KeyboardInterrupt:
        code = _SIGNAL + signal.SIGINT
    except SystemExit as error:
        # argparse ends so, after help and after bad usage.
        code = error.code if isinstance(error.code, int) else 0
    if code > _SIGNAL:
        stopping.number = code - _SIGNAL
    return code or _printed()


def _printed() -> int:
    """Returns 0 if all that was written to stdout arrived, or nobody wants it. Otherwise says so."""
    if sys.stdout is None:
        return 0
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop()
    except OSError as error:
        messages.say(sys.stderr, "error", f"stdout cannot be written: {error}")
        _drop()
        return 1
    return 0


def _drop() -> None:
    """Lets stdout lead nowhere. Otherwise Python would try again at its end, and complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
