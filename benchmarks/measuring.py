"""Takes the time of functions in interleaved rounds, and measures how fast the machine copies memory."""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np

# A sample is one measured time. Functions that take less are called several times in a sample.
SAMPLE_SECONDS = 1e-3
# How long a function has in each round, and how many samples it takes at most.
TURN_SECONDS = 20e-3
SAMPLES = 5
LEAST_ROUNDS = 3
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def seconds_of(function, calls=1):
    """Returns the mean seconds of a few calls in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def measure(functions, seconds, rounds):
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
    taken = {name: [] for name in functions}
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


def copy_of(size, threads):
    """Returns a function that copies `size` bytes. Each thread copies a part."""
    source, target = np.ones(size, np.uint8), np.ones(size, np.uint8)
    parts = [slice(size * i // threads, size * (i + 1) // threads) for i in range(threads)]
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(lambda part: np.copyto(target[part], source[part]), parts))


def copy_rate(size, threads):
    """Returns how many bytes a second a copy of `size` bytes reads and writes."""
    taken = measure({"copy": copy_of(size, threads)}, 0.3, 30)
    return 2 * size / statistics.median(taken["copy"])


def beyond_caches():
    """Returns a size in bytes of which no cache holds much, and two of which fit well into the memory."""
    sizes = [int(path.read_text().rstrip("K\n")) * 1024 for path in CACHES.glob("index*/size")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(2 * max(sizes, default=128 * 2**20), memory // 8)
