"""The interpreter ends while threads are inside a kernel: with the right status, in time, without a crash."""

import os
import signal
import subprocess
import sys
import time

import pytest

CODE = """
import os, signal, sys, threading, time

# A process that was started in the background ignores the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
import tensorflow as tf
import tf_softpool as tsp

x = tf.random.normal((4, 256, 256, 16))
tsp.sorted_pool(x, [1.0, 0.5], 9, 1)

def work():
    while True:
        tsp.sorted_pool(x, [1.0, 0.5], 9, 1)

for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.3)
print("working", flush=True)
"""
ENDS = {
    "the end": ("", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "os._exit": ("os._exit(4)", 4),
    "an exception": ("raise ValueError('ended')", 1),
    "SIGINT": ("work()", -signal.SIGINT),
    "SIGTERM": ("work()", -signal.SIGTERM),
}
# Python ends daemon threads when they next ask for its lock. If optree, which Keras calls in each of its ops,
# asks for it, the process ends with SIGABRT and these words. Threads that call `keras.ops.add` do the same.
LAST_WORDS_OF_OPTREE = "terminate called without an active exception\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDS)
def test_ends(name, effort):
    """The process ends with the status of its end."""
    end, status = ENDS[name]
    for _ in range(effort(1, 3)):
        with subprocess.Popen(
            [sys.executable, "-c", CODE + end],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout.readline() == "working\n"
                begin = time.monotonic()
                if name.startswith("SIG"):
                    process.send_signal(-status)
                _, said = process.communicate(timeout=60)
                aborted = process.returncode == -signal.SIGABRT and said.endswith(LAST_WORDS_OF_OPTREE)
                assert process.returncode == status or aborted, (name, process.returncode, said[-2000:])
                assert time.monotonic() - begin < 30
            finally:
                process.kill()
