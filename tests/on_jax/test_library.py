"""The library for JAX: what it needs, and what is said if it cannot be used."""

import json
import shutil
import subprocess
import sys
import textwrap
import warnings

import jax
import numpy as np
import pytest

import tf_softpool as tsp
from tf_softpool.ops import native
from tf_softpool.ops.native.jax import library
from tf_softpool.ops.native.library import FOLDER

LIBRARY = FOLDER / "libtf_softpool_jax.so"
BUILT = json.loads((FOLDER / "build.json").read_text())


def python(code):
    """Runs code in a new process with JAX, and returns what it prints."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_it_needs_nothing_of_tensorflow():
    needed = subprocess.run(["ldd", LIBRARY], capture_output=True, text=True, check=True).stdout
    symbols = subprocess.run(["nm", "-DC", LIBRARY], capture_output=True, text=True, check=True).stdout
    assert "tensorflow" not in (needed + symbols).replace("tf_softpool", "").lower()
    exported = {line.split()[-1] for line in symbols.splitlines() if " T " in line}
    assert exported - {"tf_softpool_jax_cuda"} == {"tf_softpool_jax_api_version", "tf_softpool_jax_cpu"}


@pytest.mark.parametrize(
    ("built", "said"),
    [
        (None, "there is no compiled library in"),
        ({}, "it was built without the library for JAX"),
        ({"jax_missing": "nobody wanted it"}, "nobody wanted it"),
        ({"jax_missing": "", "jax_headers": "JAX 9.9"}, "could not be loaded"),
    ],
)
def test_what_is_missing_is_named(built, said, tmp_path):
    if built is not None:
        (tmp_path / "build.json").write_text(json.dumps(built))
        (tmp_path / LIBRARY.name).write_bytes(b"not a library")
    loaded = library.load(tmp_path)
    assert loaded.ops is loaded.library is None
    assert said in loaded.error
    assert loaded.running == jax.__version__


def test_newer_headers_than_those_of_jax_are_refused(monkeypatch):
    """JAX could not start its backends afterwards, so nothing may be registered."""
    registered = []
    monkeypatch.setattr(library, "_VERSION", library.re.compile(r"#define XLA_FFI_API_(?:MAJOR|MINOR) (0)"))
    monkeypatch.setattr(jax.ffi, "register_ffi_target", lambda *args, **kwargs: registered.append(args))
    loaded = library.load(FOLDER)
    assert f"built with the headers of {BUILT['jax_headers']}" in loaded.error
    assert "JAX " + jax.__version__ in loaded.error
    assert not registered


def test_what_jax_refuses_is_named(monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("not today")

    monkeypatch.setattr(jax.ffi, "register_ffi_target", refuse)
    assert "refused it: not today" in library.load(FOLDER).error


def test_a_platform_without_kernels_is_named(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert library.load(FOLDER).error == "it has no kernels for tpu, on which JAX computes"


def test_one_warning_and_the_same_numbers_without_the_library(tmp_path):
    shutil.copy(FOLDER / "build.json", tmp_path)
    said = python(
        f"""
        import os, pathlib, sys, warnings
        os.environ["KERAS_BACKEND"] = "jax"
        sys.modules["tensorflow"] = None
        from tf_softpool.ops.native import library
        library.FOLDER = pathlib.Path({str(tmp_path)!r})
        import numpy as np
        import tf_softpool as tsp
        x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            y = [tsp.soft_pool(x, 2), tsp.soft_pool(x, 2)]
        (one,) = [each for each in caught if "tf_softpool" in str(each.message)]
        assert "could not be loaded" in str(one.message), one.message
        assert not tsp.build_info()["jax"]["available"]
        print(np.asarray(y[1]).ravel().tolist())
        """
    )
    expected = tsp.soft_pool(np.arange(16, dtype="float32").reshape(1, 4, 4, 1), 2)
    np.testing.assert_allclose(json.loads(said), np.ravel(expected), rtol=1e-6)


def test_importing_starts_no_backend_and_types_are_those_of_jax():
    """Programs that run on several machines must connect them before JAX's backends start."""
    said = python(
        """
        import os, sys
        os.environ.update(KERAS_BACKEND="jax", JAX_ENABLE_X64="0")
        sys.modules["tensorflow"] = None
        import numpy as np
        import tf_softpool as tsp
        from jax._src import xla_bridge
        before = xla_bridge.backends_are_initialized()
        y = tsp.soft_pool(np.ones((1, 4, 2), "float32"), 2)
        print(before, y.dtype, tsp.soft_pool(np.ones((1, 4, 2)), 2).dtype)
        """
    )
    # Without 64 bits, JAX makes float32 of NumPy's float64.
    assert said == "False float32 float32"


def test_arguments_that_an_op_lacks_are_named():
    function = native.load().ops.softpool_soft_pool
    x = np.ones((1, 4, 2), "float32")
    windows = {"ksize": [2], "strides": [2], "padding": "VALID"}
    assert function(input=x, **windows).shape == (1, 2, 2)
    with pytest.raises(TypeError, match=r"Softpool>SoftPool has missing or unknown arguments: input, x\."):
        function(x=x, **windows)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"padding": "FULL"}, "padding must be one of"),
        ({"gradient": "none"}, "gradient must be one of"),
        ({"ksize": [0]}, "ksize"),
        ({"ksize": [9]}, "ksize"),
        ({"strides": [-1]}, "strides"),
        ({"strides": [2, 2]}, "strides"),
    ],
)
def test_a_wrong_call_is_an_error(wrong, said):
    """A program can say anything, so the handler checks it again."""
    from tf_softpool.ops.native.jax import calls
    from tf_softpool.ops.native.jax.gradients import SIGNATURES

    attributes = {
        "ksize": [2],
        "strides": [2],
        "padding": "VALID",
        "data_format": "NHWC",
        "gradient": "exact",
    }
    pairs = {k: tuple(v) if isinstance(v, list) else v for k, v in {**attributes, **wrong}.items()}
    call = calls.Call(SIGNATURES["Softpool>SoftPool"], tuple(pairs.items()), True)
    function = jax.ffi.ffi_call(calls.TARGET, jax.ShapeDtypeStruct((1, 2, 2), "float32"))
    with pytest.raises(Exception, match=said):
        jax.block_until_ready(function(np.ones((1, 4, 2), "float32"), **call.in_program()))


def test_loading_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert native.load().error is None
