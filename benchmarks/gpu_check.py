"""Builds, tests and measures the CUDA kernels on a card, runs compute-sanitizer, and writes a report.

Usage: python benchmarks/gpu_check.py [--report build/gpu-check.md] [--minutes 9.5]

The check needs nvcc, CMake, PyTorch, pytest, NumPy and ml_dtypes, but not TensorFlow. It uses CuPy and
pytest-xdist if they are installed, and installs nothing. It exits with 1 if something is wrong with the
kernels, or if they could not be built, tested and measured. Marks that are missed are in the report, and are
no errors.
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
# The exit code of compute-sanitizer when it found something.
FOUND = 86


def steps():
    """Yields the steps in the order in which they run."""
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
        # PyTorch's cache would put several tensors into one allocation, and hide accesses from one to the
        # next.
        watched = {**environment, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
        yield Step(tool, command, 120, 15, (FOUND,), str(LIBRARY), watched)


def printed(*command):
    """Returns what a program prints, or a text that says it printed nothing."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return f"{command[0]} says nothing"
    return run.stdout.strip() or f"{command[0]} says nothing"


def about():
    """Yields facts about the machine: names and values."""
    query = "--query-gpu=name,driver_version,memory.total"
    release = [line for line in printed("nvcc", "--version").splitlines() if "release" in line]
    yield "Card, driver, memory", printed("nvidia-smi", query, "--format=csv,noheader")
    yield "CUDA toolkit", release[0].split("release ")[1] if release else "nvcc says nothing"
    yield "Date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def summary(outcomes):
    """Returns the outcomes of the steps as a Markdown table."""
    lines = ["| step | result | seconds | |", "| --- | --- | --- | --- |"]
    for outcome in outcomes:
        cells = (outcome.name, outcome.state, f"{outcome.seconds:.0f}", outcome.detail.replace("|", "/"))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(machine, outcomes, result):
    """Returns the whole report as Markdown."""
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


DEFINITIONS = """Microseconds are medians. GB/s are the bytes that a pass must move, over its time. A pass
must read each input once and write each output once. The next column divides GB/s by those of a copy. The
other columns are PyTorch's poolings on the same layout in memory: their microseconds, and our time over
theirs. The composed SoftPool consists of two average poolings, and overflows for large values.
"""


def missed_text(rows):
    """Returns a text that names the marks that are missed."""
    lines = missed(rows)
    head = f"{len(lines)} of {sum(len(row['marks']) for row in rows)} marks are missed."
    return "\n".join([head, "", *(f"- {line}" for line in lines)])


def main():
    """Parses the command line, runs the steps and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--report", default=str(ROOT / "build" / "gpu-check.md"), help="the file to write (%(default)s)"
    )
    parser.add_argument(
        "--minutes", type=float, default=9.5, help="how long all steps may take (%(default)s)"
    )
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Results of an earlier call must not be taken for results of this one.
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
    # The summary is printed again at the end, where a reader of a terminal looks first.
    print(summary(outcomes))
    needed = {o.name: o.state for o in outcomes if o.name in ("build", "tests", "measurements")}
    wrong = any(o.state == FAILED for o in outcomes) or set(needed.values()) != {PASSED}
    raise SystemExit(int(wrong))


if __name__ == "__main__":
    main()
