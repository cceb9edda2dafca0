"""Finding and loading the compiled library, and the behaviour when that fails."""

import json
import warnings

import numpy as np
import pytest
import tensorflow as tf
from conftest import python

import tf_softpool as tsp
from tf_softpool.ops import native
from tf_softpool.ops.native.tensorflow import library as for_tensorflow


def test_the_library_loads_here():
    info = tsp.build_info()
    assert info["error"] is None
    assert info["simd_target"] in info["simd_targets"]
    assert for_tensorflow.loads_in(info["tensorflow_built"], info["tensorflow_running"])
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
    assert for_tensorflow.loads_in(built, running) == loads


def fake_libraries(folder, *tensorflows, content=b"not a library"):
    """Writes what an installation has that was built for some versions of TensorFlow."""
    (folder / "build.json").write_text(json.dumps({"version": "9.9"}))
    for version in tensorflows:
        skin = folder / f"tf{version.replace('.', '_')}"
        skin.mkdir()
        (skin / "build.json").write_text(json.dumps({"tensorflow": version}))
        (skin / for_tensorflow.OPS).write_bytes(content)
    return folder


def test_another_tensorflow_is_named(tmp_path):
    loaded = for_tensorflow.load(fake_libraries(tmp_path, "2.10.0", "2.3.0"))
    assert loaded.ops is loaded.library is None
    assert "built for TensorFlow 2.3.0, 2.10.0, running 2." in loaded.error
    assert "pip install" in loaded.error
    assert loaded.built == {"version": "9.9"}


def test_a_missing_library_is_named(tmp_path):
    loaded = for_tensorflow.load(tmp_path)
    assert loaded.ops is None
    assert str(tmp_path) in loaded.error


@pytest.mark.parametrize("text", ["", "{", "{}"])
def test_a_description_that_cannot_be_read_is_no_library(text, tmp_path):
    fake_libraries(tmp_path, "2.10.0")
    (tmp_path / "tf2_10_0" / "build.json").write_text(text)
    assert "no compiled library" in for_tensorflow.load(tmp_path).error


def test_a_broken_library_is_named(tmp_path):
    loaded = for_tensorflow.load(fake_libraries(tmp_path, tf.__version__))
    assert loaded.ops is None
    assert "could not load" in loaded.error


@pytest.mark.parametrize(
    ("running", "chosen"),
    [
        ("2.17.1", "2.18.1"),
        ("2.18.0", "2.18.1"),
        ("2.19.1", "2.19.0"),
        ("2.20.0", "2.20.0"),
        ("2.21.3", "2.21.0"),
        ("2.21.0-dev20260101", "2.21.0"),
    ],
)
def test_the_ops_of_the_running_tensorflow_are_chosen(running, chosen, tmp_path, monkeypatch):
    fake_libraries(tmp_path, "2.18.1", "2.19.0", "2.20.0", "2.21.0")
    monkeypatch.setattr(tf, "__version__", running)
    monkeypatch.setattr(tf, "load_op_library", lambda path: path)
    loaded = for_tensorflow.load(tmp_path)
    assert loaded.error is None
    assert loaded.built == {"version": "9.9", "tensorflow": chosen}
    assert (
        loaded.ops
        == str(loaded.library)
        == str(tmp_path / f"tf{chosen.replace('.', '_')}" / for_tensorflow.OPS)
    )


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
            library.FOLDER = Path("/nowhere/lib")
            import tf_softpool as tsp
            layer = tsp.layers.SoftPooling2D(2)
            x = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype("float32")
            y = [layer(x), tsp.soft_pool(x, 2)]
        ours = [w for w in caught if "tf_softpool" in str(w.message)]
        assert len(ours) == 1, [str(w.message) for w in ours]
        assert "/nowhere/lib" in str(ours[0].message), ours[0].message
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
