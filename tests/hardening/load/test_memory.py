"""Lack of memory inside a kernel: the call fails with an error that says so, and the process goes on."""

import os
import sys

import pytest
from conftest import python

# Each call, with what it takes besides its inputs, in MB. Some need memory for results, some for their work.
START = """
    import resource
    import numpy as np
    import tensorflow as tf
    import tf_softpool as tsp
    from process_memory import VIRTUAL, memory

    def gradient(pool, *tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            y = pool(*tensors)
        return tape.gradient(y, tensors)

    small = tf.constant(np.random.default_rng(0).normal(size=(1, 12, 12, 8)).astype("float32"))
    image = tf.zeros((1, 2048, 2048, 1))
    flat = tf.zeros((1, 4096, 4096, 1))
    CALLS = {
        "results": lambda: tsp.soft_pool(flat, 2, 1),
        "a large sorted window": lambda: tsp.sorted_pool(image, [1.0, 0.5], 2048),
        "its gradient": lambda: gradient(lambda x: tsp.sorted_pool(x, [1.0, 0.5], 2048), image),
        "many ranks": lambda: tsp.sorted_pool(image, tf.zeros(2**22), 2048),
        "sums of parameters": lambda: gradient(
            lambda w: tsp.sorted_pool(tf.zeros((1, 64, 64, 4096)), w, 32), tf.zeros((1000, 4096))),
        "a large importance window": lambda: tsp.importance_pool(image, image, 2048),
        "overlapping backward": lambda: gradient(lambda x: tsp.soft_pool(x, 3, 1), flat),
    }
    def check():
        return np.asarray(tsp.soft_pool(small, 3, 2, "same"))

    expected = check()
    name = {name!r}
    for pool in (
        tsp.soft_pool,
        lambda x, k: tsp.sorted_pool(x, [1.0], k),
        lambda x, k: tsp.importance_pool(x, x, k),
    ):
        gradient(lambda x: pool(x, 2), small)
    used = memory(VIRTUAL)
    seen = set()
    for room in {rooms}:
        resource.setrlimit(resource.RLIMIT_AS, (used + room * 2**20, resource.RLIM_INFINITY))
        try:
            CALLS[name]()
            seen.add("works")
        except tf.errors.ResourceExhaustedError as error:
            text = str(error)
            seen.add("fails")
            assert "OOM when allocating" in text or "not enough memory to pool" in text, text
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert np.array_equal(check(), expected)
    print(*sorted(seen))
"""
NAMES = [
    "results",
    "a large sorted window",
    "its gradient",
    "many ranks",
    "sums of parameters",
    "a large importance window",
    "overlapping backward",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_lack_of_memory(name, effort):
    """Whatever the limit is at which memory ends, the error is the right one and the next call is right."""
    rooms = effort([8, 40], [1, 2, 4, 8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 200, 256])
    code = START.replace("{name!r}", repr(name)).replace("{rooms}", repr(rooms))
    said = python(code, PYTHONPATH=os.pathsep.join(sys.path))
    assert "fails" in said
