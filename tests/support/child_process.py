"""Python processes that may hang or die without harm to the tests."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def heed_signals() -> None:
    """Lets signals end this process. Under `nohup` and in the background of a shell, some would not."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Child:
    """A process that answers in lines.

    It gets a descriptor as its last argument, and writes its answers there. What it prints goes to a file.

    Args:
        script: the program.
        arguments: its arguments before the descriptor.
        log: the file for what it prints, which is added to.
        paths: where it imports modules from.
        **environment: more variables of its environment.
    """

    def __init__(
        self, script: Path, arguments: Iterable[Any], log: Path, paths: Iterable[Path], **environment: str
    ) -> None:
        self._log = log
        here, there = os.pipe()
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, script, *map(str, arguments), str(there)],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                pass_fds=[there],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), **environment},
            )
        os.close(there)
        self._words = os.fdopen(here, "rb", buffering=0)
        self._said = b""

    def ask(self, text: str) -> None:
        """Writes a line to the process."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")
        self._process.stdin.flush()

    def line(self, seconds: float) -> bytes | None:
        """Returns the next answer, b"" if the process has died, or None if no answer comes in time."""
        while b"\n" not in self._said:
            if not select.select([self._words], [], [], seconds)[0]:
                return None
            more = self._words.read(2**16)
            if not more:
                return b""
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        return line

    def last_words(self) -> str:
        """Returns the end of what the process has printed."""
        return self._log.read_bytes()[-2000:].decode(errors="replace")

    def status(self) -> str:
        """Waits for the end of a process that dies, and returns the signal or status that it ends with."""
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"status {code}"

    def end(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        self._words.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
