"""What TensorFlow and converters print, kept out of the terminal of the command line."""

import contextlib
import fcntl
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import NamedTuple, TextIO

STDOUT, STDERR = 1, 2
# How much of what was printed is shown if the process dies.
_LINES, _BYTES = 20, 10_000


class Streams(NamedTuple):
    """The streams that lead to the user while everything else that is printed goes to a file.

    They take every text: characters that their encoding lacks are written as escapes.
    """

    stdout: TextIO
    stderr: TextIO


class Capture:
    """A file that takes everything that is written to the descriptors of stdout and stderr.

    Libraries in C++ write to these descriptors directly, so replacing `sys.stdout` would not be enough.
    """

    def __init__(self) -> None:
        # The file has no name, so nothing is left of it whatever happens to the process.
        with tempfile.TemporaryFile("ab") as file:
            self._file = _copy(file.fileno())
        self._originals: dict[int, int] = {}

    def start(self) -> dict[int, int]:
        """Redirects both descriptors, and returns the descriptors of what they led to before, if anything."""
        _flush()
        for number in (STDOUT, STDERR):
            if _is_open(number):
                self._originals[number] = _copy(number)
            os.dup2(self._file, number)
        return self._originals

    def stop(self) -> None:
        """Restores both descriptors."""
        _flush()
        for number in (STDOUT, STDERR):
            if number in self._originals:
                os.dup2(self._originals[number], number)
                os.close(self._originals.pop(number))
            else:
                os.close(number)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    @contextlib.contextmanager
    def python_streams(self) -> Iterator[None]:
        """Redirects `sys.stdout` and `sys.stderr` too, which may lead elsewhere than to the descriptors."""
        with (
            open(_copy(self._file), "a", buffering=1, encoding="utf-8", errors="backslashreplace") as stream,
            contextlib.redirect_stdout(stream),
            contextlib.redirect_stderr(stream),
        ):
            yield

    def say(self, said: bytes) -> None:
        """Writes lines to where the descriptor of stderr leads outside. A signal's handler may call this."""
        with contextlib.suppress(OSError):
            os.write(self._originals.get(STDERR, STDERR), said)

    def tail(self) -> bytes:
        """Returns the last lines in the file."""
        start = max(0, os.fstat(self._file).st_size - _BYTES)
        return b"\n".join(os.pread(self._file, _BYTES, start).splitlines()[-_LINES:])


@contextlib.contextmanager
def captured(capture: Capture | None) -> Iterator[Streams]:
    """Keeps everything that the block prints out of the terminal, except what it prints to the streams.

    Args:
        capture: `Capture` that has not started, or None to keep nothing out.

    Yields:
        The `Streams` that lead to the user.
    """
    originals = {number: number for number in (STDOUT, STDERR) if _is_open(number)}
    if capture is not None:
        originals = capture.start()
    streams = Streams(
        _stream_to(sys.stdout, STDOUT, originals.get(STDOUT)),
        _stream_to(sys.stderr, STDERR, originals.get(STDERR)),
    )
    try:
        with contextlib.nullcontext() if capture is None else capture.python_streams():
            yield streams
    finally:
        for stream, own in zip(streams, (sys.stdout, sys.stderr), strict=True):
            if stream is not own:
                # Whoever wrote to it has seen the error by now.
                with contextlib.suppress(OSError):
                    stream.close()
        if capture is not None:
            capture.stop()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A stream is None if it was closed before Python started.
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _copy(number: int) -> int:
    """Returns a new descriptor of what a descriptor leads to.

    It is none of the standard descriptors, even if these are closed.
    """
    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, STDERR + 1)


def _stream_to(stream: TextIO | None, number: int, original: int | None) -> TextIO:
    """Returns a stream that leads to where another one leads if no descriptor is redirected.

    Args:
        stream: `sys.stdout` or `sys.stderr`.
        number: int. Its usual descriptor, which may be redirected.
        original: int or None. A descriptor of what `number` led to before, or None if it was closed.
    """
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    try:
        is_usual = stream.fileno() == number
    except (OSError, ValueError):
        is_usual = False
    if is_usual:
        place = os.devnull if original is None else _copy(original)
        return open(place, "w", encoding=stream.encoding, errors="backslashreplace")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream
