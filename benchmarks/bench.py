"""Measures our poolings beside their peers, and prints tables with the marks that they must meet.

Usage: python benchmarks/bench.py [--threads 1 2] [--simd best avx2] [--rows GLOB ...] [--list] [--quick]
           [--seconds 0.7] [--markdown] [--json FILE]

A ratio is our time divided by the time of a peer that was measured in the same rounds: the median over the
rounds. Half of the rounds had a ratio in the "middle half". Milliseconds are medians over the rounds. The
column "of a copy" has our time divided by the time of a copy that reads and writes as many bytes as the
pooling must. `bench_rows.py` has the poolings, peers and marks.

TensorFlow sets its threads once, so a process of its own measures each setting.
"""

import argparse
import ctypes
import fnmatch
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from bench_rows import COMPARISONS, TOPICS
from bench_table import print_rows, rows_of

import tf_softpool as tsp
from tf_softpool.benchmark.cases import PASSES
from tf_softpool.benchmark.measuring import beyond_caches, copy_of, copy_rate, limit_threads, measure
from tf_softpool.benchmark.passes import tensor_of
from tf_softpool.ops import native

# Marks were set for AVX-512. Without it they are this much larger.
FACTORS = {"best": 1.0, "avx2": 1.3}
# Highway's bits of the targets that are better than AVX2: all the lower ones.
BETTER_THAN_AVX2 = (1 << 9) - 1
# A call takes most of the time of smaller tensors, so a copy of them says little.
LEAST_BYTES = 2**20


@dataclass(frozen=True)
class Setting:
    """How many threads TensorFlow has, and the SIMD target: the best one or AVX2."""

    threads: int
    simd: str
    # Whether this setting also measures what one setting is enough for.
    slow: bool

    def label(self):
        """Returns the number of threads in words."""
        return "1 thread" if self.threads == 1 else f"{self.threads} threads"


def jobs_of(globs, setting):
    """Returns the comparisons of a setting whose topic or pooling matches a glob, with each pass."""
    chosen = [
        comparison
        for comparison in COMPARISONS
        if any(fnmatch.fnmatch(name, glob) for name in (comparison.topic, comparison.ours) for glob in globs)
    ]
    return [(c, which) for c in chosen if setting.slow or not c.once for which in PASSES]


def settings_of(threads, simd):
    """Yields the settings to measure. AVX2 is measured with the most threads only."""
    most = max(threads)
    if "best" in simd:
        for count in threads:
            yield Setting(count, "best", count == most)
    if "avx2" in simd:
        yield Setting(most, "avx2", "best" not in simd)


def prepare(setting):
    """Limits threads and SIMD targets in this process.

    Returns:
        What `tf_softpool.build_info` says, and why the setting is left out, or None if it can be measured.
    """
    limit_threads(setting.threads)
    if native.load().ops is None:
        raise SystemExit(f"There is no compiled library to measure: {native.load().error}")
    reason = None
    if setting.simd == "avx2" and not limit_to_avx2(native.KERNELS):
        reason = "Highway is a part of the library, so AVX-512 cannot be switched off"
    info = tsp.build_info()
    if setting.simd == "avx2" and info["simd_target"] != "AVX2":
        reason = reason or f"this machine runs {info['simd_target']}"
    return info, reason


def limit_to_avx2(library):
    """Switches off Highway's targets that are better than AVX2, and returns whether that is possible.

    It is possible if the library is linked with Highway as a library of its own. TensorFlow's kernels stay
    as they are: oneDNN's limit makes average pooling of bfloat16 fail in TensorFlow.
    """
    try:
        disable = ctypes.CDLL(str(library))["_ZN3hwy14DisableTargetsEl"]
    except AttributeError:
        return False
    disable.argtypes, disable.restype = [ctypes.c_int64], None
    disable(BETTER_THAN_AVX2)
    return True


def measured(comparison, which, setting, seconds, rounds):
    """Returns the rows of a comparison and a pass."""
    from peers import function_of

    case = comparison.case
    sides = [(comparison.ours, case)]
    sides += [(peer.name, replace(case, **peer.changes)) for peer in comparison.peers]
    functions = {}
    for i, (name, of_side) in enumerate(sides):
        function, x = function_of(name, which, of_side), tensor_of(of_side)
        functions[i] = lambda function=function, x=x: function(x)
    if case.input_bytes() >= LEAST_BYTES:
        functions["copy"] = copy_of(case.input_bytes(), setting.threads)
    taken = measure(functions, seconds, rounds)
    if "copy" in taken:
        # A copy reads and writes its bytes.
        factor = case.bytes_moved(comparison.ours, which) / (2 * case.input_bytes())
        taken["copy"] = [factor * time for time in taken["copy"]]
    return list(rows_of(comparison, which, taken, FACTORS[setting.simd]))


def work(arguments, setting):
    """Measures one setting in this process, and writes a line of JSON for what runs, and for each job."""
    info, reason = prepare(setting)
    if reason is not None:
        print(json.dumps({"left_out": reason}))
        return
    # Other programs that run at the same time slow the poolings down, and computing more than copying.
    load = os.getloadavg()[0]
    sizes = COMPARISONS[0].case.input_bytes(), beyond_caches()
    rates = {size: copy_rate(size, setting.threads) for size in sizes}
    print(json.dumps({"build": info, "rates": rates, "load": load}), flush=True)
    for comparison, which in jobs_of(arguments.rows, setting):
        rows = measured(comparison, which, setting, arguments.seconds, arguments.rounds)
        print(json.dumps(rows), flush=True)


def run(arguments, setting):
    """Measures one setting in a process of its own, tells how far it is, and returns what it measured."""
    jobs, start, rows = jobs_of(arguments.rows, setting), time.monotonic(), []
    command = [sys.executable, __file__, "--work", json.dumps(asdict(setting))]
    command += ["--seconds", str(arguments.seconds), "--rounds", str(arguments.rounds)]
    command += ["--rows", *arguments.rows]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        for i, line in enumerate(process.stdout, 1):
            rows += json.loads(line)
            topic = jobs[i - 1][0].topic
            if i == len(jobs) or topic != jobs[i][0].topic:
                progress = f"{i} of {len(jobs)}, {time.monotonic() - start:.0f} s"
                print(f"{setting.label()}, {setting.simd}: {topic} ({progress})", file=sys.stderr)
    if process.returncode or not first:
        raise SystemExit(f"A process that measures ended with {process.returncode}.")
    return {"threads": setting.threads, "simd": setting.simd, **json.loads(first), "rows": rows}


def show(result, markdown):
    """Prints what one setting measured."""
    label = Setting(result["threads"], result["simd"], False).label()
    if "left_out" in result:
        print(f"{label}, {result['simd']}: left out, because {result['left_out']}.")
        return
    build, rates = result["build"], result["rates"]
    speeds = [f"{rate / 1e9:.0f} GB/s for {int(size) / 1e6:.0f} MB" for size, rate in rates.items()]
    title = f"{label}, {build['simd_target']}, TensorFlow {build['tensorflow_running']}"
    note = f"A copy reads and writes {' and '.join(speeds)}. The load was {result['load']:.1f} before."
    print_rows(title, note, result["rows"], markdown)


def parsed():
    """Returns the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="TensorFlow's threads (1 2)")
    parser.add_argument("--simd", nargs="+", choices=FACTORS, default=list(FACTORS), help="targets (both)")
    help_rows = "globs of topics or of poolings; by default all"
    parser.add_argument("--rows", nargs="+", default=["*"], metavar="GLOB", help=help_rows)
    parser.add_argument("--list", action="store_true", help="print the topics, and measure nothing")
    parser.add_argument("--quick", action="store_true", help="measure the first two topics, with two threads")
    help_seconds = "how long each pooling is measured beside its peers (%(default)s)"
    parser.add_argument("--seconds", type=float, default=0.7, help=help_seconds)
    parser.add_argument("--rounds", type=int, default=40, help="how many rounds at most (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for docs/benchmarks.md")
    parser.add_argument("--json", help="a file to write the rows to")
    parser.add_argument("--work", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rows, arguments.threads, arguments.simd = list(TOPICS[:2]), [2], ["best"]
    return arguments


def main():
    """Measures every setting, and prints a table after each."""
    arguments = parsed()
    if arguments.list:
        raise SystemExit("\n".join(TOPICS))
    if arguments.work:
        return work(arguments, Setting(**arguments.work))
    results = []
    for setting in settings_of(arguments.threads, arguments.simd):
        results.append(run(arguments, setting))
        show(results[-1], arguments.markdown)
        if arguments.json:
            with open(arguments.json, "w") as file:
                json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
