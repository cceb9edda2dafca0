"""Signals that stop the command line: nothing half-written may be left, and nothing else may be printed."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# For this long after a signal, others are ignored, because what was begun is being removed.
_SECONDS = 3.0


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Lets signals wait for the end of the block."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _nothing() -> None:
    """Says nothing."""


class Stopping:
    """The handler of the signals that stop a process.

    As long as nothing has been begun that must be removed, a signal ends the process at once, without what
    Python or TensorFlow would print. While a command works, a signal raises a KeyboardInterrupt or a
    SystemExit, which removes what the command has begun.

    Attributes:
        say: a function that tells the user that the process was interrupted before it wrote anything.
        ending: the functions to call at the end of the process, whether it comes to that by itself or not.
        number: int or None. The signal that ended the command's work, by which `finish` ends the process.
    """

    def __init__(self) -> None:
        self.say: Callable[[], object] = _nothing
        self.ending = contextlib.ExitStack()
        self.number: int | None = None
        self._works = False
        self._last = -_SECONDS

    def start(self) -> None:
        """Handles the signals from here on."""
        for number in STOPPING:
            # A signal that is ignored, as under nohup, stays ignored.
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._handle)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Lets signals raise an exception in the block."""
        if threading.current_thread() is not threading.main_thread():
            # Signals only reach the main thread.
            yield
            return
        former = {number: signal.getsignal(number) for number in STOPPING}
        self._works = True
        try:
            self.start()
            yield
        finally:
            self._works = False
            # What the command has written is there, so there is nothing to tell from here on.
            self.say = _nothing
            for number, handler in former.items():
                signal.signal(number, handler)

    def finish(self) -> None:
        """Calls the functions of the end, and ends the process by the signal that ended the command's work.

        A shell expects that end, if there was such a signal. This must be the last thing that the process
        does: TensorFlow has exit handlers.
        """
        self._close()
        if self.number is not None:
            self._end_by(self.number)

    def _close(self) -> None:
        with held():
            self.ending.close()

    def _end_by(self, number: int) -> None:
        self._close()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _handle(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS:
            return
        if not self._works:
            if number == signal.SIGINT:
                with contextlib.suppress(OSError):
                    self.say()
            self._end_by(number)
        self._last = now
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)
