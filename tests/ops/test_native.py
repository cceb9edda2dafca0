"""Finding and loading the compiled library, and the behaviour when that fails."""

import json
import warnings

import numpy as np
import pytest
from conftest import python

import tf_softpool as tsp
from tf_softpool.ops import native
from tf_softpool.ops.native import library


def test_the_library_loads_here():
    info = tsp.build_info()
    assert info["error"] is None
    assert info["simd_target"] in info["simd_targets"]
    assert library._minor(info["tensorflow_built"]) == library._minor(info["tensorflow_running"])
    json.dumps(info)


@pytest.mark.parametrize(
    ("built", "running", "loads"),
    [
        ("2.21.0", "2.21.0", True),
        ("2.21.0", "2.21.1", True),
        ("2.21.0", "2.20.0", False),
        ("2.20.0", "2.19.0", False),
        ("2.17.0", "2.19.1", True),
        ("2.17.0", "2.16.2", False),
        ("3.21.0", "2.21.0", False),
    ],
)
def test_which_versions_load_in_which(built, running, loads):
    assert library.loads_in(built, running) == loads


def fake_library(folder, tensorflow, content=b"not a library"):
    """Writes a library's two files, as an installation might have them."""
    (folder / "build.json").write_text(json.dumps({"tensorflow": tensorflow}))
    path = folder / "libtf_softpool_ops.so"
    path.write_bytes(content)
    return path


def test_another_tensorflow_is_named(tmp_path):
    loaded = library._load(fake_library(tmp_path, "2.3.0"))
    assert loaded.ops is None
    assert "built for TensorFlow 2.3.0, running 2." in loaded.error
    assert "pip install" in loaded.error


def test_a_missing_library_is_named(tmp_path):
    loaded = library._load(tmp_path / "libtf_softpool_ops.so")
    assert loaded.ops is None
    assert str(tmp_path) in loaded.error


def test_a_broken_library_is_named(tmp_path):
    import tensorflow as tf

    loaded = library._load(fake_library(tmp_path, tf.__version__))
    assert loaded.ops is None
    assert "could not load" in loaded.error


def test_one_warning_and_the_same_numbers_without_the_library():
    out = python(
        """
        import warnings
        from pathlib import Path
        import numpy as np
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            from tf_softpool.ops import native
            from tf_softpool.ops.native import library
            native.load.cache_clear()
            library._load.__defaults__ = (Path("/nowhere/lib.so"),)
            import tf_softpool as tsp
            layer = tsp.layers.SoftPooling2D(2)
            x = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype("float32")
            y = [layer(x), tsp.soft_pool(x, 2)]
        ours = [w for w in caught if "tf_softpool" in str(w.message)]
        assert len(ours) == 1, [str(w.message) for w in ours]
        assert "/nowhere/lib.so" in str(ours[0].message), ours[0].message
        assert layer.supports_jit
        assert tsp.build_info()["library"] is None
        print(np.asarray(y[0]).tolist() == np.asarray(y[1]).tolist(), np.asarray(y[0]).ravel().tolist())
        """
    )
    same, numbers = out.split(" ", 1)
    assert same == "True"
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype("float32")
    np.testing.assert_allclose(json.loads(numbers), np.ravel(tsp.soft_pool(x, 2)), rtol=1e-6)


def test_results_do_not_depend_on_the_number_of_threads():
    code = """
        import hashlib, numpy as np, tensorflow as tf
        tf.config.threading.set_intra_op_parallelism_threads({threads})
        import tf_softpool as tsp
        digest = hashlib.sha256()
        x = np.random.default_rng(0).normal(size=(3, 67, 71, 35)).astype("float32")
        x.flat[::1001] = 1e-41  # a subnormal number, which some threads may flush to zero
        for pool, strides in ((2, 2), (3, 2), (5, 5)):
            v = tf.constant(x)
            with tf.GradientTape() as tape:
                tape.watch(v)
                y = tsp.soft_pool(v, pool, strides, "same")
            digest.update(y.numpy().tobytes() + tape.gradient(y, v).numpy().tobytes())
        print(digest.hexdigest())
    """
    assert python(code.format(threads=1)) == python(code.format(threads=2))


def test_portable_is_per_thread_and_nests():
    import threading

    from tf_softpool.ops.dispatch import is_forced

    seen = []
    with tsp.portable():
        with tsp.portable():
            pass
        assert is_forced()
        thread = threading.Thread(target=lambda: seen.append(is_forced()))
        thread.start()
        thread.join()
    assert seen == [False]
    assert not is_forced()


def test_importing_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert native.load().ops is not None
