"""Calls every CUDA kernel on small tensors while a tool watches, and prints its progress.

Usage: PYTHONPATH=tests/support:tests/cuda compute-sanitizer --tool racecheck python tests/cuda/sanitize.py
"""

import importlib.util
import itertools

import cuda_calls
import memory
from cases import DATA_FORMATS, DTYPES, Case

# Small and large windows, whole and clipped windows, and numbers of channels that fill vectors or leave a
# remainder.
CASES = [
    Case((6, 8), (2, 2), (2, 2), channels=16),
    Case((7, 9), (3, 3), (2, 2), channels=19),
    Case((13, 13), (13, 13), (13, 13), channels=5),
    Case((5000,), (5000,), (5000,), channels=2),
    Case((40, 40), (2, 2), (2, 2), batch=4, channels=3),
]
CALLS = [
    (cuda_calls.soft, {}),
    (cuda_calls.ranked, {"per_channel": True}),
    (cuda_calls.ranked, {"part": 0.5, "normalize": "none", "ties": True}),
    (cuda_calls.importance, {}),
    (cuda_calls.details, {}),
    (cuda_calls.details, {"guided": True, "symmetric": False}),
]


def main():
    """Runs all calls. Their results are not checked here, because the tests check them."""
    # A tool sees only accesses outside of allocations. So each tensor gets an allocation of its own, without
    # watched memory around it.
    memory.WATCHED = 0
    if importlib.util.find_spec("cupy"):
        import cupy

        cupy.cuda.set_allocator(None)
    for done, (function, variant) in enumerate(CALLS, 1):
        for case, data_format, dtype in itertools.product(CASES, DATA_FORMATS, DTYPES):
            function(case, "same", data_format, dtype, **variant).results()
        print(f"{done} of {len(CALLS)} kinds of calls are done", flush=True)


if __name__ == "__main__":
    main()
