"""A process that says why the command line died, if that dies without coming to its end."""

import contextlib
import os
import signal

from tf_softpool_cli.messages import line
from tf_softpool_cli.quiet import STDERR, STDOUT, Capture
from tf_softpool_cli.stopping import STOPPING


class Guard:
    """A process that waits for the end of this one.

    If this process dies, such as by a failed check in C++ or for lack of memory, the guard prints the last
    lines that were captured, and removes what this process would have removed at its end. It does nothing if
    this process comes to its end, or is stopped by the user.

    Args:
        capture: the `Capture` to print from. It must not have started, so that the guard keeps no stream open
            that leads to the user.
        ending: what this process does at its end, so far.
    """

    def __init__(self, capture: Capture, ending: contextlib.ExitStack) -> None:
        end, self._alive = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            os.close(self._alive)
            _watch(end, capture, ending)
        os.close(end)

    def dismiss(self) -> None:
        """Ends the guard, which then does nothing."""
        with contextlib.suppress(OSError):
            os.write(self._alive, b".")
            os.waitpid(self._process, 0)


def _watch(end: int, capture: Capture, ending: contextlib.ExitStack) -> None:
    """Waits for the end of the other process, acts in its place if it died, and exits."""
    try:
        # A terminal sends these signals to all of its processes.
        for number in (*STOPPING, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            os.close(STDOUT)
        if os.read(end, 1) == b"":
            said = line("error", "the process died. Its last lines:").encode()
            with contextlib.suppress(OSError):
                os.write(STDERR, said + capture.tail() + b"\n")
            ending.close()
    finally:
        # Python's exit handlers belong to the other process, so they must not run in this one.
        os.kill(os.getpid(), signal.SIGKILL)
