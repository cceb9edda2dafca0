"""Takes the time of functions in interleaved rounds, and measures how fast the machine copies memory."""

import os
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TypeVar

import numpy as np

Function = Callable[[], object]

# A sample is one measured time. Functions that take less are called several times in a sample.
SAMPLE_SECONDS = 1e-3
# How long a function has in each round, and how many samples it takes at most.
TURN_SECONDS = 20e-3
SAMPLES = 5
LEAST_ROUNDS = 3
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")

_Name = TypeVar("_Name", bound=Hashable)


def limit_threads(threads: int) -> None:
    """Sets how many threads TensorFlow has for an op, and lets it run one op at a time.

    The backward pass does not need the output of all poolings. It would run beside the forward pass, which no
    network does, and would give the setting of one thread a second one.

    Raises:
        RuntimeError: if TensorFlow has computed something already. It sets its threads once.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def seconds_of(function: Function, calls: int = 1) -> float:
    """Returns the mean seconds of a few calls in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def measure(functions: Mapping[_Name, Function], seconds: float, rounds: int) -> dict[_Name, list[float]]:
    """Returns, by name, the seconds that each function took in each round: the median of a few samples.

    Each round takes the functions in a random order, so that other load on the machine slows all of them
    alike. A function's first sample in a round is not counted: it meets cold caches, and the memory that the
    function before it left behind. On the CPU, TensorFlow returns from a call when the result is complete.

    Args:
        functions: dict of names to functions without arguments.
        seconds: float, how long to start new rounds. A few rounds are measured in any case.
        rounds: int, how many rounds to measure at most.
    """
    random = Random(0)
    taken: dict[_Name, list[float]] = {name: [] for name in functions}
    # The first call traces or compiles. The time of the second says how often to call.
    least = {name: min(seconds_of(function) for _ in range(2)) for name, function in functions.items()}
    end = time.perf_counter() + seconds
    for i in range(max(rounds, LEAST_ROUNDS)):
        if i >= LEAST_ROUNDS and time.perf_counter() > end:
            break
        for name in random.sample(list(functions), len(functions)):
            calls = max(1, round(SAMPLE_SECONDS / least[name]))
            samples = min(max(1, int(TURN_SECONDS / least[name] / calls)), SAMPLES)
            times = [seconds_of(functions[name], calls) for _ in range(1 + samples)]
            taken[name].append(statistics.median(times[1:]))
    return taken


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Returns, for each round, how many times the seconds of one function the other takes."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def copy_of(size: int, threads: int) -> Function:
    """Returns a function that copies `size` bytes. Each thread copies a part."""
    source: np.ndarray = np.ones(size, np.uint8)
    target = source.copy()
    parts = [slice(size * i // threads, size * (i + 1) // threads) for i in range(threads)]
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(lambda part: np.copyto(target[part], source[part]), parts))


def copy_rate(size: int, threads: int) -> float:
    """Returns how many bytes a second a copy of `size` bytes reads and writes."""
    taken = measure({"copy": copy_of(size, threads)}, 0.3, 30)
    return 2 * size / statistics.median(taken["copy"])


def beyond_caches() -> int:
    """Returns a size in bytes of which no cache holds much, and two of which fit well into the memory."""
    sizes = [int(path.read_text().rstrip("K\n")) * 1024 for path in CACHES.glob("index*/size")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(2 * max(sizes, default=128 * 2**20), memory // 8)
