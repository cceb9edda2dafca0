"""Seeds checked in child processes, so that a crash or a hang is a fault of the seed that caused it."""

import collections
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from child_process import Child

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1]
WORKER = HERE / "node_worker.py"
PATHS = (TESTS.parent, TESTS, TESTS / "support", HERE)
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
    with tempfile.TemporaryDirectory() as folder:
        while at < seeds.stop and len(report.faults) < 20:
            log = Path(folder) / f"{at}.txt"
            worker = Child(WORKER, [module, at, seeds.stop], log, PATHS, TF_CPP_MIN_LOG_LEVEL="2")
            try:
                at = _run_one(report, worker, at, seconds)
            finally:
                worker.end()
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
    status = "" if line is None else worker.status()
    if status == "status 0" and ready:
        return at
    assert ready, f"the child process did not start: {worker.last_words()}"
    report.outcomes["crash" if status else "hang"] += 1
    sort = f"ends the process with {status}" if status else "hangs"
    report.faults[at] = f"{what}\nit {sort}: {worker.last_words()}"
    return at + 1
