"""Programs that are run one after the other, each within its time, whatever became of those before."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field

PASSED, FAILED, LATE, ABSENT = "passed", "FAILED", "ran out of time", "not run"


@dataclass(frozen=True)
class Step:
    """A program to run."""

    name: str
    command: tuple
    # Seconds: at most, and those that steps before leave for it.
    limit: float
    least: float
    # Which exit codes mean that what is checked is wrong, where others mean that it could not be checked.
    wrong: tuple | None = None
    # A file without which there is nothing to do.
    needs: str | None = None
    environment: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of a step."""

    name: str
    state: str
    seconds: float = 0.0
    # One line.
    detail: str = ""
    output: str = ""


def last_line(text):
    """The last line that says something."""
    lines = [line.strip("= ") for line in text.splitlines() if line.strip("= ")]
    return lines[-1] if lines else ""


def run(step, limit, log):
    """Runs a step for so many seconds at most, and leaves what it prints in a file."""
    if step.needs and not os.path.exists(step.needs):
        return Outcome(step.name, ABSENT, detail=f"{step.needs} is not there")
    if not shutil.which(step.command[0]):
        return Outcome(step.name, ABSENT, detail=f"{step.command[0]} is not there")
    if limit <= 0:
        return Outcome(step.name, ABSENT, detail="no time was left")
    start = time.monotonic()
    with open(log, "w") as file:
        process = subprocess.Popen(
            step.command,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **step.environment},
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            # With all that it started.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
    with open(log, errors="replace") as file:
        output = file.read()
    return Outcome(step.name, state_of(step, code), time.monotonic() - start, last_line(output), output)


def state_of(step, code):
    """What an exit code means; None is that of a program that was stopped."""
    if code is None:
        return LATE
    if code == 0:
        return PASSED
    return FAILED if step.wrong is None or code in step.wrong else ABSENT


def run_all(steps, seconds, folder):
    """Yields each step's outcome. All of them end within so many seconds."""
    end = time.monotonic() + seconds
    for i, step in enumerate(steps):
        left = end - time.monotonic() - sum(later.least for later in steps[i + 1 :])
        yield run(step, min(step.limit, left), os.path.join(folder, f"{step.name.replace(' ', '-')}.log"))
