"""Cases that are read in processes of their own, which may hang or die without harm to the tests."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from file_cases import Case

_WORKER = Path(__file__).with_name("watched_reading.py")
_ROOT = Path(__file__).parents[3]
_PATHS = (_ROOT, _ROOT / "tests" / "support", Path(__file__).parent)
# In seconds. The longest run of a signature that the rewriter allows takes a minute.
_START, SLOW, LIMIT = 180, 30, 100
_MAY_BE_SLOW = ("active.endless_loop",)
# TensorFlow keeps some of each graph, so a process reads only so many files.
_CASES_OF_A_PROCESS = 400


class Answer(NamedTuple):
    """What came of a case.

    Attributes:
        case: the case.
        said: what the reader said.
        seconds: how long it took.
        grown: by how many MiB the memory grew meanwhile.
        faults: what is wrong.
    """

    case: Case
    said: str
    seconds: float
    grown: int
    faults: list[str]


class _Reader:
    """A process that reads files."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log.txt"
        here, there = os.pipe()
        path = os.pathsep.join(map(str, _PATHS))
        environment = {**os.environ, "PYTHONPATH": path, "READING_LOG": str(self._log)}
        environment |= {
            "PYTHONDONTWRITEBYTECODE": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "",
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, _WORKER, folder, str(there)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[there],
                env=environment,
                text=True,
            )
        os.close(there)
        self._words = os.fdopen(here, "rb", buffering=0)
        self._said = b""
        self.count = 0
        assert self._line(_START) == b"ready", self.last_words()

    def ask(self, case: Case) -> dict[str, Any] | str:
        """Returns the answer to a case, or why there is none."""
        assert self._process.stdin is not None
        self.count += 1
        print(json.dumps(case), file=self._process.stdin, flush=True)
        line = self._line(LIMIT)
        if line is None:
            return f"it is not done after {LIMIT} s: {self.last_words()}"
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        status = self._process.wait()
        name = signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"the process dies with {name}: {self.last_words()}"

    def _line(self, seconds: float) -> bytes | None:
        """Returns the next line, b"" at the end, or None if none comes."""
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
        """Returns the end of what the process printed."""
        return self._log.read_bytes()[-1500:].decode(errors="replace")

    def end(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        self._words.close()
        if self._process.stdin is not None:
            self._process.stdin.close()


def read_all(cases: Iterable[Case], folder: Path) -> Iterator[Answer]:
    """Reads the file of each case, and yields what came of it."""
    reader = None
    try:
        for case in cases:
            if reader is None or reader.count >= _CASES_OF_A_PROCESS:
                if reader is not None:
                    reader.end()
                reader = _Reader(folder)
            found = reader.ask(case)
            if isinstance(found, str):
                yield Answer(case, found, LIMIT, 0, [found])
                reader.end()
                reader = None
                continue
            if found["seconds"] > SLOW and case.damage not in _MAY_BE_SLOW:
                found["faults"].append(f"it takes {found['seconds']} s")
            yield Answer(case, **found)
    finally:
        if reader is not None:
            reader.end()
        shutil.rmtree(folder / "case", ignore_errors=True)
