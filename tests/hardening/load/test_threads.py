"""Threads that call the same things at once: every answer is the one that the call gives alone."""

import gc
import math
import random
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import bits, with_gradient
from process_memory import RESIDENT, memory

import tf_softpool as tsp

THREADS = 8
SHAPES = [(1, 6, 6, 3), (2, 7, 9, 3), (1, 24, 17, 3), (4, 8, 5, 3), (1, 64, 48, 3), (3, 13, 6, 3)]


def same(found, expected):
    """Returns whether nested results have the same bits."""
    pairs = zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True)
    return all(np.array_equal(bits(np.asarray(a)), bits(np.asarray(b))) for a, b in pairs)


def call_from_threads(cases, calls):
    """Makes calls from eight threads, and compares each result with the one of the same call alone.

    Args:
        cases: dict of names to functions without arguments.
        calls: the number of calls.

    Returns:
        How many bytes of memory the process had after each eighth of the calls.
    """
    expected = {name: case() for name, case in cases.items()}
    names, wrong, taken = list(cases), [], []
    meeting = threading.Barrier(THREADS)

    def work(seed):
        draw = random.Random(seed)
        try:
            for _ in range(8):
                meeting.wait(300)
                for _ in range(math.ceil(calls / THREADS / 8)):
                    name = draw.choice(names)
                    if not same(cases[name](), expected[name]):
                        wrong.append((seed, name))
                if meeting.wait(300) == 0:
                    gc.collect()
                    taken.append(memory(RESIDENT))
        except Exception as error:
            wrong.append((seed, error))
            meeting.abort()

    threads = [threading.Thread(target=work, args=[seed], daemon=True) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert not any(thread.is_alive() for thread in threads), "A thread hangs."
    assert not wrong, wrong[:10]
    return taken


def network(step=1):
    """Returns a model of many poolings, with open sizes and an output for each. A larger step takes fewer."""
    layers = tsp.layers
    x = keras.Input((None, None, 3), name="x")
    start = layers.LeadingRank(0.4)
    outputs = {
        "soft": layers.SoftPooling2D(2)(x),
        "soft, overlapping": layers.SoftPooling2D(3, 1, "same")(x),
        "sorted": layers.SortedPooling2D(3, 2, "same", rank_initializer=start)(x),
        "importance": layers.LocalImportancePooling2D(2, 1, "same")(x),
        "details": layers.DetailPreservingPooling2D(2, 1, "same", variant="full")(x),
        "power average": layers.PowerAveragePooling2D(2)(x),
        "lp": layers.LpPooling2D(2)(x),
        "mixed": layers.MixedPooling2D(2)(x),
        "gated": layers.GatedPooling2D(2)(x),
        "sum": layers.SumPooling2D(2)(x),
        "stochastic": layers.StochasticPooling2D(2)(x),
        "s3": layers.S3Pooling2D(2, 2)(x),
        "adaptive": layers.AdaptiveSoftPooling2D(3)(x),
        "global": layers.GlobalSortedPooling2D(pool_range=3)(x),
    }
    return keras.Model(x, dict(list(outputs.items())[::step]))


def inputs(dtype="float32"):
    """Yields random inputs of each shape, with the shape's name."""
    draw = np.random.default_rng(0)
    for shape in SHAPES:
        yield str(shape), tf.constant(draw.normal(0, 2, shape).astype("float32").astype(dtype))


def test_a_saved_model(effort, tmp_path):
    """Thousands of calls are right, and memory is flat in the second half of them."""
    tsp.export(network(effort(3, 1)), tmp_path / "model", check=False)
    served = tsp.serving.load(tmp_path / "model")
    cases = {name: lambda x=x: served({"x": x.numpy()}) for name, x in inputs()}
    taken = call_from_threads(cases, effort(240, 12_000))
    print([n // 2**20 for n in taken])
    # The allocator's arenas grow by some megabytes while threads meet for the first time.
    assert taken[-1] - taken[3] < effort(48, 24) * 2**20, taken


OPS = {
    "soft": lambda x: tsp.soft_pool(x, 3, 2, "same"),
    "sorted": lambda x: tsp.sorted_pool(x, tf.cast([2.0, 1.0, 0.0], wide(x)), 3, 1, "same"),
    "importance": lambda x: tsp.importance_pool(x, tf.tanh(x), 3, 2),
    "details": lambda x: tsp.detail_preserving_pool(x, None, 0.5, 1.5, 2, 1, "same"),
}


def wide(x):
    return tf.float64 if x.dtype == tf.float64 else tf.float32


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_ops_and_gradients(compiled, effort):
    """Ops and their gradients are right in all types, called one by one and in XLA programs."""
    if compiled and not tsp.build_info()["xla"]["available"]:
        pytest.skip(tsp.build_info()["xla"]["reason"])
    cases = {}
    for dtype in ("float32",) if compiled else ("float16", "bfloat16", "float32", "float64"):
        for op, pool in OPS.items():
            function = with_gradient(pool)
            if compiled:
                function = tf.function(function, jit_compile=True)
            for name, x in list(inputs(tf.as_dtype(dtype).as_numpy_dtype))[
                : 2 if compiled else effort(3, None)
            ]:
                y = pool(x)
                cases[f"{op} {dtype} {name}"] = lambda f=function, x=x, y=y: f(x, tf.ones_like(y))
    taken = call_from_threads(cases, effort(320, 20_000))
    print([n // 2**20 for n in taken])
    assert taken[-1] - taken[3] < effort(48, 24) * 2**20, taken


@pytest.mark.slow
def test_predict(effort):
    """Threads may call `predict` of the same model."""
    model = network()
    cases = {name: lambda x=x: model.predict_on_batch(x.numpy()) for name, x in inputs()}
    for case in cases.values():
        case()
    call_from_threads(cases, effort(100, 4_000))
