"""Loading the library for XLA before or after XLA's first program, and the behaviour without the library."""

import dataclasses

import pytest
import tensorflow as tf
from conftest import python

import tf_softpool as tsp
from tf_softpool.ops import native
from tf_softpool.ops.native.tensorflow import xla


def test_it_is_here():
    info = tsp.build_info()["xla"]
    assert info == {
        "available": True,
        "reason": None,
        "library": info["library"],
        "kernels": True,
        "cuda_kernels": not native.load().built["cuda_missing"],
    }
    assert info["library"].endswith("libtf_softpool_xla.so")


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(xla, "_NAME", "libmissing.so")
    monkeypatch.setattr(xla, "load", lambda: xla._load(native.load()))
    info = tsp.build_info()["xla"]
    assert not info["available"]
    assert not info["kernels"]
    assert "libmissing.so" in info["reason"]
    assert not tsp.layers.SoftPooling2D().supports_jit


def test_a_build_without_it_says_why():
    built = dataclasses.replace(native.load(), built={"xla_missing": "nobody wanted it"})
    assert xla._load(built) == xla.Xla(error="nobody wanted it")
    # The ops built for one of these versions load in the other, but XLA's classes may differ.
    other = dataclasses.replace(native.load(), built={"tensorflow": "2.18.0"}, running="2.17.1")
    assert "2.18.0, running 2.17.1" in xla._load(other).error


def test_no_ops_no_xla():
    loaded = xla._load(native.Native(error="there is no compiler"))
    assert "there is no compiler" in loaded.error


@pytest.mark.parametrize("first", ["tf_softpool", "XLA"])
def test_imported_before_or_after_the_first_program(first):
    code = """
        import numpy as np, tensorflow as tf
        if {first!r} == "XLA":
            tf.function(lambda x: x + 1, jit_compile=True)(tf.ones(3))
        import tf_softpool as tsp
        x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
        pool = tf.function(lambda x: tsp.soft_pool(x, 2), jit_compile=True)
        assert "custom-call" in pool.experimental_get_compiler_ir(x)(stage="hlo")
        print((pool(x).numpy() == tsp.soft_pool(x, 2).numpy()).all())
    """
    assert python(code.format(first=first)).strip() == "True"


def test_results_do_not_depend_on_the_number_of_threads():
    code = """
        import hashlib, numpy as np, tensorflow as tf
        tf.config.threading.set_intra_op_parallelism_threads({threads})
        import tf_softpool as tsp
        x = np.random.default_rng(0).normal(size=(3, 67, 71, 35)).astype("float32")
        x.flat[::1001] = 1e-41  # a subnormal number, which some of XLA's threads may flush to zero
        digest = hashlib.sha256()

        @tf.function(jit_compile={jit})
        def pool(x, w):
            with tf.GradientTape() as tape:
                tape.watch([x, w])
                y = tsp.soft_pool(x, 3, 2, "same"), tsp.sorted_pool(x, w, 2)
            return *y, *tape.gradient(y, [x, w])

        for tensor in pool(x, tf.range(4.0)):
            digest.update(tensor.numpy().tobytes())
        print(digest.hexdigest())
    """
    ways = [(1, True), (2, True), (5, True), (2, False)]
    digests = {python(code.format(threads=threads, jit=jit)) for threads, jit in ways}
    assert len(digests) == 1


def test_many_programs_at_once():
    """Threads that waited for each other would never finish here."""
    pool = tf.function(lambda x: tsp.soft_pool(x, 3, 2, "same"), jit_compile=True)
    x = tf.random.stateless_normal((4, 60, 60, 32), (1, 2))
    expected = pool(x).numpy()

    @tf.function
    def in_parallel(x):
        return tf.map_fn(lambda i: pool(i * x), tf.ones(64), parallel_iterations=64)

    assert (in_parallel(x).numpy() == expected).all()


def test_importing_is_quick():
    code = """
        import time
        start = time.perf_counter()
        import keras, tensorflow
        keras.layers, tensorflow.nn
        middle = time.perf_counter()
        import tf_softpool
        print((time.perf_counter() - middle) / (middle - start))
    """
    # A share of the time that TensorFlow takes, because machines differ.
    assert any(float(python(code)) < 0.1 for _ in range(2))
