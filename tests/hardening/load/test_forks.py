"""Processes that are forked before and after the first call, and many processes at once.

TensorFlow's threads do not survive a fork. So a tf.function waits for ever in a process that was forked after
the first call, also if it only has an average pooling. Poolings that are called eagerly give their answers.
"""

import os
import subprocess
import sys

import pytest
from conftest import python

START = """
    import os, sys, time
    import numpy as np
    import tensorflow as tf
    import tf_softpool as tsp

    x = np.random.default_rng(0).normal(size=(4, 64, 64, 32)).astype("float32")
    OPS = {
        "average": lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"),
        "soft": lambda x: tsp.soft_pool(x, 2),
        "soft, overlapping": lambda x: tsp.soft_pool(x, 3, 2, "same"),
        "sorted": lambda x: tsp.sorted_pool(x, [1.0, 0.5], 3, 2),
        "importance": lambda x: tsp.importance_pool(x, x, 2),
        "details": lambda x: tsp.detail_preserving_pool(x, None, 0.5, 1.5, 2),
    }

    def call(name):
        return np.asarray(OPS[name](tf.constant(x)))
"""
FORK = """
    first = {first}
    if first:
        expected = {{name: call(name) for name in OPS}}
    children = {{}}
    for name in OPS:
        children[name] = os.fork()
        if not children[name]:
            found = call(name)
            os._exit(0 if not first or np.array_equal(found, expected[name]) else 1)
    end = time.monotonic() + 60
    for name, child in children.items():
        while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < end:
            time.sleep(0.01)
        if not ended[0]:
            os.kill(child, 9)
            os.waitpid(child, 0)
        print(name, ended[1] if ended[0] else "hangs", sep=": ")
    if not first:
        # The parent has its own threads.
        call("soft")
"""


@pytest.mark.parametrize("first", [pytest.param(False, marks=pytest.mark.slow), True])
def test_forks(first):
    said = dict(line.rsplit(": ", 1) for line in python(START + FORK.format(first=first)).splitlines())
    assert said == dict.fromkeys(said, "0")
    assert len(said) == 6


@pytest.mark.slow
def test_many_processes(effort, tmp_path):
    """Processes that load the same SavedModel at once give the same answers."""
    import keras

    import tf_softpool as tsp

    x = keras.Input((None, None, 3), name="x")
    model = keras.Model(x, tsp.layers.SortedPooling2D(3)(tsp.layers.SoftPooling2D(3, 1, "same")(x)))
    tsp.export(model, tmp_path / "model")
    code = f"""
import numpy as np
import tf_softpool as tsp
served = tsp.serving.load({str(tmp_path / "model")!r})
for seed in range({effort(5, 200)}):
    x = np.random.default_rng(seed).normal(size=(1, 12 + seed % 7, 12, 3)).astype("float32")
    print(next(iter(served({{"x": x}}).values())).tobytes().hex()[:400])
"""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
        for _ in range(effort(2, 6))
    ]
    said = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    assert len(set(said)) == 1
    assert len(said[0].split()) == effort(5, 200)
