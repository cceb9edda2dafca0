"""Seeds checked in child processes, so that a crash or a hang is a fault of the seed that caused it."""

import collections
import json
import os
import select
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# A node takes milliseconds, and a program to compile at most some seconds on a busy machine.
SECONDS_FOR_ONE = 60
SECONDS_TO_START = 180


@dataclass
class Report:
    """What became of the seeds: how many had which outcome, and the faults by seed."""

    outcomes: collections.Counter = field(default_factory=collections.Counter)
    faults: dict = field(default_factory=dict)

    def __str__(self):
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        faults = "\n\n".join(f"seed {seed}: {why}" for seed, why in list(self.faults.items())[:20])
        return f"{counts}\n{faults}"


class _Worker:
    """A child process that checks seeds."""

    def __init__(self, module, first, last):
        paths = [ROOT, ROOT / "tests", ROOT / "tests" / "support", HERE]
        environment = {**os.environ, "PYTHONPATH": ":".join(map(str, paths)), "TF_CPP_MIN_LOG_LEVEL": "2"}
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (end() closes it)
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "node_worker.py"), module, str(first), str(last)],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment,
            cwd=ROOT,
        )
        self.rest = b""

    def line(self, seconds):
        """Returns the next line, an empty one if the process is dead, or None if it takes too long."""
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                return None
            if not (read := os.read(self.process.stdout.fileno(), 65536)):
                return b""
            self.rest += read
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def end(self):
        """Ends the process. Returns its status and the end of what it wrote to stderr."""
        self.process.kill()
        status = self.process.wait()
        self.process.stdout.close()
        self.errors.seek(max(0, self.errors.seek(0, os.SEEK_END) - 2000))
        with self.errors:
            return status, self.errors.read().decode(errors="replace")


def run_batches(module, seeds, seconds=SECONDS_FOR_ONE):
    """Checks a range of seeds with the functions of a module. Another process follows one that ends early.

    Args:
        module: string, the name of a module for `node_worker.py`.
        seeds: range of seeds.
        seconds: float, after which a seed counts as hanging.

    Returns:
        A `Report`.
    """
    report, at = Report(), seeds.start
    while at < seeds.stop and len(report.faults) < 20:
        at = _run_one(report, _Worker(module, at, seeds.stop), at, seconds)
    return report


def _run_one(report, worker, first, seconds):
    """Follows one process to its end. Returns the seed to go on with."""
    at, what, ready = first, "", False
    while line := worker.line(seconds if ready else SECONDS_TO_START):
        said = json.loads(line)
        ready = True
        at, what = said.get("begins", at), said.get("what", what)
        if "ends" in said:
            at = said["ends"] + 1
            report.outcomes[said["outcome"]] += 1
            if said["outcome"] == "fault":
                report.faults[said["ends"]] = f"{what}\n{said['why']}"
    if line == b"" and ready and worker.process.wait() == 0:
        worker.end()
        return at
    hangs = line is None
    status, errors = worker.end()
    assert ready, f"the child process did not start: {errors}"
    sort = "hangs" if hangs else f"ends the process with status {status}"
    report.outcomes["hang" if hangs else "crash"] += 1
    report.faults[at] = f"{what}\nit {sort}. stderr: {errors}"
    return at + 1
