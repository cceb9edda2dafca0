"""Cases that are read in processes of their own, which may hang or die without harm to the tests."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from child_process import Child
from file_cases import Case

_WORKER = Path(__file__).with_name("watched_reading.py")
_ROOT = Path(__file__).parents[3]
_PATHS = (_ROOT, _ROOT / "tests" / "support", Path(__file__).parent)
# In seconds. The longest run of a signature that the rewriter allows takes a minute, and other programs may
# keep the processor busy.
_START, LIMIT = 180, 180
# In seconds of the processor.
SLOW = 30
_MAY_BE_SLOW = ("active.endless_loop",)
# TensorFlow keeps some of each graph, so a process reads only so many files.
_CASES_OF_A_PROCESS = 400


class Answer(NamedTuple):
    """What came of a case.

    Attributes:
        case: the case.
        said: what the reader said.
        seconds: how many seconds of the processor it took.
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
        log = folder / "log.txt"
        self._child = Child(
            _WORKER,
            [folder],
            log,
            _PATHS,
            READING_LOG=str(log),
            PYTHONDONTWRITEBYTECODE="1",
            TF_CPP_MIN_LOG_LEVEL="3",
            CUDA_VISIBLE_DEVICES="",
        )
        self.count = 0
        assert self._child.line(_START) == b"ready", self._child.last_words()

    def ask(self, case: Case) -> dict[str, Any] | str:
        """Returns the answer to a case, or why there is none."""
        self.count += 1
        self._child.ask(json.dumps(case))
        line = self._child.line(LIMIT)
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        what = (
            f"it is not done after {LIMIT} s"
            if line is None
            else f"the process dies with {self._child.status()}"
        )
        return f"{what}: {self._child.last_words()}"

    def end(self) -> None:
        """Ends the process."""
        self._child.end()


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
