"""Measures the CUDA kernels beside PyTorch's poolings on a card, and writes the rows to a JSON file.

Usage: PYTHONPATH=tests/cuda python benchmarks/gpu_bench.py --library LIBRARY --json FILE [--rounds 15]

Each round calls every pooling a few times, in a random order, so that other load on the card slows all of
them alike. A time is taken between two events on the card, and the median over the rounds is kept. If the
card ran out of queued calls, the time would include host code, so the card is kept busy until all calls are
queued. Several sets of tensors take turns, so that no set is still in the cache when its turn comes.
"""

import argparse
import json
import statistics
import time
from random import Random

import torch
from gpu_peers import peers
from gpu_poolings import poolings
from gpu_rows import DTYPES, JOBS, PASSES, rows_of

CALLS = 8
# How long the card is kept busy: long enough for the host to queue all calls.
CYCLES = 2_000_000
# The size of all sets of tensors together: much more than any cache.
BYTES_IN_TURN = 512 * 2**20
COPIED = 2**30


def seconds_of(functions):
    """Returns the mean seconds of a call, over at least `CALLS` calls that take the functions in turn."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    calls = [functions[i % len(functions)] for i in range(max(CALLS, len(functions)))]
    torch.cuda._sleep(CYCLES)
    begin.record()
    for call in calls:
        call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3 / len(calls)


def measure(sets, rounds):
    """Returns the median seconds of a call for each name. Each function of a name has tensors of its own."""
    random = Random(0)
    seconds = {name: [] for name in sets}
    for functions in sets.values():
        for function in functions:
            function()
    torch.cuda.synchronize()
    for _ in range(rounds):
        for name in random.sample(list(sets), len(sets)):
            seconds[name].append(seconds_of(sets[name]))
    return {name: statistics.median(times) for name, times in seconds.items()}


def copy_rate(rounds):
    """Returns how many bytes a copy within the card's memory reads and writes in a second."""
    source = torch.randint(0, 255, (COPIED,), dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * COPIED / measure({"copy": [lambda: target.copy_(source)]}, rounds)["copy"]


def run(job, dtype, library, rounds, rate):
    """Yields the rows of one tensor and type."""
    torch.manual_seed(0)
    x, y = job.elements()
    count = max(2, -(-BYTES_IN_TURN // (DTYPES[dtype] * (x + y))))
    tensors = []
    for _ in range(count):
        values = [torch.randn(job.shape(s), device="cuda") for s in (None, None, job.pooled)]
        tensors.append([v.to(getattr(torch, dtype)) for v in values])
    for which in PASSES:
        sets = {}
        for x, logits, g in tensors:
            ours = poolings(library, job, which, x, logits, g)
            for name, function in {**ours, **peers(job, which, x, g)}.items():
                sets.setdefault(name, []).append(function)
        yield from rows_of(job, dtype, which, measure(sets, rounds), rate)


def main():
    """Parses the command line, measures, and writes all rows so far after each tensor and type."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True, help="the library of kernels, built for the card")
    parser.add_argument("--json", required=True, help="a file to write the rows to")
    parser.add_argument("--rounds", type=int, default=15, help="how many rounds to measure (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1e9, help="how long to start new measurements for")
    arguments = parser.parse_args()
    start = time.monotonic()
    result = {"copy_rate": copy_rate(arguments.rounds), "torch": torch.__version__, "rows": [], "errors": []}
    for job in JOBS:
        for dtype in DTYPES:
            if time.monotonic() - start > arguments.seconds:
                result["errors"].append(f"no time was left for {job} {dtype}")
                continue
            try:
                rate = result["copy_rate"]
                result["rows"] += run(job, dtype, arguments.library, arguments.rounds, rate)
            except RuntimeError as error:
                result["errors"].append(f"{job} {dtype}: {error}")
            with open(arguments.json, "w") as file:
                json.dump(result, file, indent=1)
            torch.cuda.empty_cache()
    with open(arguments.json, "w") as file:
        json.dump(result, file, indent=1)
    for error in result["errors"]:
        print(error)


if __name__ == "__main__":
    main()
