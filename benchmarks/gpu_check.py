"""Builds, tests, watches and measures the CUDA kernels on a card, in one call, and writes a report.

Usage: python benchmarks/gpu_check.py [--report build/gpu-check.md] [--minutes 9.5]

It needs nvcc, CMake, PyTorch, pytest, NumPy and ml_dtypes, takes CuPy and pytest-xdist where they are there,
and installs nothing; TensorFlow is not needed. It ends with 1 where something is wrong with the kernels. A
mark that is missed is in the report, and not an error.
"""

import argparse
import datetime
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from gpu_rows import missed, table
from gpu_steps import ABSENT, FAILED, LATE, PASSED, Step, run_all

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "cuda-device"
LIBRARY = FOLDER / "libsoftpool_cuda.so"
ROWS = FOLDER / "rows.json"
# Of compute-sanitizer, where it found something.
FOUND = 86


def steps():
    """What is done, in this order."""
    cores = os.cpu_count() or 1
    tests = ROOT / "tests" / "cuda"
    environment = {
        "SOFTPOOL_CUDA_LIBRARY": str(LIBRARY),
        "PYTHONPATH": os.pathsep.join([str(tests.parent / "support"), str(tests)]),
    }
    configure = f"cmake -S '{tests}' -B '{FOLDER}' -DSOFTPOOL_ON_DEVICE=ON"
    build = f"{configure} && cmake --build '{FOLDER}' --parallel {cores}"
    pytest = ("-m", "pytest", "--noconftest", str(tests), "-q", "-p", "no:cacheprovider", "--tb=short")
    if importlib.util.find_spec("xdist"):
        pytest += ("-n", str(min(cores, 8)), "--dist", "loadgroup")
    bench = (str(ROOT / "benchmarks" / "gpu_bench.py"), "--library", str(LIBRARY), "--json", str(ROWS))
    library = {"needs": str(LIBRARY), "environment": environment}
    yield Step("build", ("bash", "-c", build), 280, 60)
    yield Step("tests", (sys.executable, *pytest), 180, 60, **library)
    yield Step("measurements", (sys.executable, *bench, "--seconds", "70"), 100, 60, **library)
    for tool in ("memcheck", "racecheck", "synccheck"):
        watch = ("compute-sanitizer", "--tool", tool, "--error-exitcode", str(FOUND))
        command = (*watch, sys.executable, str(tests / "sanitize.py"))
        # Each tensor is to be an allocation of its own.
        watched = {**environment, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
        yield Step(tool, command, 120, 15, (FOUND,), str(LIBRARY), watched)


def printed(*command):
    """What a program prints, or that it is not there."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return f"{command[0]} says nothing"
    return run.stdout.strip() or f"{command[0]} says nothing"


def about():
    """Of the machine: names and their values."""
    query = "--query-gpu=name,driver_version,memory.total"
    release = [line for line in printed("nvcc", "--version").splitlines() if "release" in line]
    yield "Card, driver, memory", printed("nvidia-smi", query, "--format=csv,noheader")
    yield "CUDA toolkit", release[0].split("release ")[1] if release else "nvcc says nothing"
    yield "Date", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def summary(outcomes):
    """The steps as a table."""
    lines = ["| step | result | seconds | |", "| --- | --- | --- | --- |"]
    for outcome in outcomes:
        cells = (outcome.name, outcome.state, f"{outcome.seconds:.0f}", outcome.detail.replace("|", "/"))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(machine, outcomes, result):
    """The whole report, as Markdown."""
    parts = ["# The CUDA kernels on a card\n"]
    parts += [f"- {name}: {value}" for name, value in machine]
    if result:
        parts.append(f"- PyTorch: {result['torch']}")
        parts.append(
            f"- A copy within the card's memory: {result['copy_rate'] / 1e9:.0f} GB/s, read and written"
        )
    parts += ["", summary(outcomes)]
    for outcome in outcomes:
        if outcome.state in (FAILED, LATE) or (outcome.state == ABSENT and outcome.output):
            tail = "\n".join(outcome.output.splitlines()[-60:])
            parts.append(f"\n## The end of what {outcome.name} printed\n\n```\n{tail}\n```")
    if result:
        parts += ["\n## Measurements\n", DEFINITIONS, table(result["rows"]), "", missed_text(result["rows"])]
        parts += [f"- not measured: {error}" for error in result["errors"]]
    return "\n".join(parts) + "\n"


DEFINITIONS = """Microseconds are medians. GB/s are the bytes that a pass must move, each input read and each
output written once, over its time; beside them, their part of a copy's. A composed SoftPool is two average
poolings; it overflows. Peers are PyTorch's, in the same order in memory, with our time over theirs.
"""


def missed_text(rows):
    """Which marks are missed."""
    lines = missed(rows)
    head = f"{len(lines)} of {sum(len(row['marks']) for row in rows)} marks are missed."
    return "\n".join([head, "", *(f"- {line}" for line in lines)])


def main():
    """Parses the command line, runs the steps, writes the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", default=str(ROOT / "build" / "gpu-check.md"), help="a file to write")
    parser.add_argument("--minutes", type=float, default=9.5, help="when all is to be done")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Of an earlier call.
    for path in (LIBRARY, ROWS):
        path.unlink(missing_ok=True)
    outcomes = []
    for outcome in run_all(list(steps()), 60 * arguments.minutes, FOLDER):
        print(f"{outcome.name}: {outcome.state}, {outcome.seconds:.0f} s, {outcome.detail}", flush=True)
        outcomes.append(outcome)
    result = json.loads(ROWS.read_text()) if ROWS.exists() else None
    text = report(list(about()), outcomes, result)
    Path(arguments.report).parent.mkdir(parents=True, exist_ok=True)
    Path(arguments.report).write_text(text)
    print(text)
    # Last, where it is seen first.
    print(summary(outcomes))
    needed = {o.name: o.state for o in outcomes if o.name in ("build", "tests", "measurements")}
    wrong = any(o.state == FAILED for o in outcomes) or set(needed.values()) != {PASSED}
    raise SystemExit(int(wrong))


if __name__ == "__main__":
    main()
