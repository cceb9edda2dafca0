"""Measures our poolings in JAX's programs beside Flax's and beside our op of TensorFlow, with their marks.

Usage: python benchmarks/bench_jax.py [--threads 2] [--rows GLOB ...] [--seconds 0.7] [--markdown]

Every function of JAX is under `jax.jit`. The columns are those of `bench.py`. If TensorFlow is installed, our
op for it is measured in the same process and the same rounds. Inside a program of JAX, the kernel may take a
tenth more.
"""

import argparse
import fnmatch
import os

os.environ.update(KERAS_BACKEND="jax", TF_CPP_MIN_LOG_LEVEL="2")

THREADS = argparse.ArgumentParser(add_help=False)
THREADS.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores to use (all)")


def arguments():
    """Returns the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], parents=[THREADS])
    parser.add_argument(
        "--rows", nargs="+", default=["*"], metavar="GLOB", help="globs of topics or poolings"
    )
    parser.add_argument("--seconds", type=float, default=0.7, help="how long each is measured (%(default)s)")
    parser.add_argument("--rounds", type=int, default=40, help="how many rounds at most (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for docs/benchmarks.md")
    return parser.parse_args()


def main():
    """Measures what the command line asks for, and prints a table."""
    asked = arguments()
    # JAX makes as many threads as there are cores when its backend starts.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.threads])
    import jax
    from bench_table import print_rows, rows_of
    from jax_peers import functions_of
    from jax_rows import comparisons

    import tf_softpool as tsp
    from tf_softpool.benchmark.cases import PASSES
    from tf_softpool.benchmark.measuring import copy_of, measure

    info = tsp.build_info()
    if info["error"]:
        raise SystemExit(f"There is no compiled library to measure: {info['error']}")
    rows = []
    for comparison in comparisons():
        if not any(
            fnmatch.fnmatch(comparison.topic, g) or fnmatch.fnmatch(comparison.ours, g) for g in asked.rows
        ):
            continue
        for which in PASSES:
            functions, there = functions_of(comparison, which, asked.threads)
            case = comparison.case
            functions["copy"] = copy_of(case.input_bytes(), asked.threads)
            taken = measure(functions, asked.seconds, asked.rounds)
            factor = case.bytes_moved(comparison.ours, which) / (2 * case.input_bytes())
            taken["copy"] = [factor * time for time in taken["copy"]]
            rows += rows_of(there, which, taken, 1.0)
    title = f"{asked.threads} threads, {info['simd_target']}, JAX {jax.__version__}"
    print_rows(title, f"The load was {os.getloadavg()[0]:.1f}.", rows, asked.markdown)


if __name__ == "__main__":
    main()
