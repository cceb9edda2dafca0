"""A list of programs that run one after the other, each within a time limit, even if earlier ones failed."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field

PASSED, FAILED, LATE, ABSENT = "passed", "FAILED", "ran out of time", "not run"


@dataclass(frozen=True)
class Step:
    """A program to run, and its limits."""

    name: str
    command: tuple
    # The most seconds that the step may take, and the seconds that earlier steps must leave for it.
    limit: float
    least: float
    # The exit codes that mean a failed check. With None, all codes but 0 do. With a tuple, other codes mean
    # that the check could not run.
    wrong: tuple | None = None
    # A file that the step needs: without it, the step does not run.
    needs: str | None = None
    environment: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a step."""

    name: str
    state: str
    seconds: float = 0.0
    # One line that says more.
    detail: str = ""
    output: str = ""


def last_line(text):
    """Returns the last line that has text, without the "=" around it."""
    lines = [line.strip("= ") for line in text.splitlines() if line.strip("= ")]
    return lines[-1] if lines else ""


def run(step, limit, log):
    """Runs a step for at most `limit` seconds, and writes what the program prints to the file `log`."""
    if step.needs and not os.path.exists(step.needs):
        return Outcome(step.name, ABSENT, detail=f"{step.needs} does not exist")
    if not shutil.which(step.command[0]):
        return Outcome(step.name, ABSENT, detail=f"{step.command[0]} is not installed")
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
            # Kills the program and all processes that it started.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
    with open(log, errors="replace") as file:
        output = file.read()
    return Outcome(step.name, state_of(step, code), time.monotonic() - start, last_line(output), output)


def state_of(step, code):
    """Returns the state that an exit code means. None stands for a program that was killed at its limit."""
    if code is None:
        return LATE
    if code == 0:
        return PASSED
    return FAILED if step.wrong is None or code in step.wrong else ABSENT


def run_all(steps, seconds, folder):
    """Runs the steps and yields each one's outcome. All steps together end within `seconds`."""
    end = time.monotonic() + seconds
    for i, step in enumerate(steps):
        left = end - time.monotonic() - sum(later.least for later in steps[i + 1 :])
        yield run(step, min(step.limit, left), os.path.join(folder, f"{step.name.replace(' ', '-')}.log"))
