"""Exported models, served by the C program in examples/serving_c, without Python and without our package.

CFLAGS="-fsanitize=address,undefined" in the environment also checks what the program itself reads, writes and
frees.
"""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_softpool as tsp

SOURCE = Path(__file__).parents[2] / "examples/serving_c"
LIBRARY = tsp.build_info()["library"]
# The source of a library that refers to a missing symbol, like one that was built for another TensorFlow.
FOREIGN = "void gone_from_tensorflow(void); void start(void) { gone_from_tensorflow(); }"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Builds the program once for all test processes, and returns its path."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    environment = {**os.environ, "CFLAGS": os.environ.get("CFLAGS", "") + " -Wall -Wextra -Werror"}
    with (folder / "serving_c.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (
            ["cmake", "-S", SOURCE, "-B", folder / "serving_c", f"-DPython3_EXECUTABLE={sys.executable}"],
            ["cmake", "--build", folder / "serving_c"],
        ):
            made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert made.returncode == 0, made.stdout + made.stderr
    return folder / "serving_c/softpool_predict"


@pytest.fixture
def predict(program):
    """Returns a function that runs the program in a folder.

    The program's environment has only an empty PATH and the options of sanitizers.
    """

    def run(folder, *arguments):
        command = [str(a) for a in (program, *arguments)]
        options = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        done = subprocess.run(
            command, cwd=folder, env={"PATH": "", **options}, capture_output=True, text=True, check=False
        )
        assert "Sanitizer" not in done.stderr
        assert "runtime error: " not in done.stderr
        return done

    return run


def every_pooling(rank):
    """Returns a model with two inputs of open sizes, and an output for each compiled pooling."""
    first = keras.Input((None,) * rank + (3,), name="first")
    second = keras.Input((None,) * rank + (4,), name="second")

    def pooling(name, *arguments, **keywords):
        return getattr(tsp.layers, f"{name}Pooling{rank}D")(*arguments, **keywords)

    start, center = tsp.layers.LeadingRank(0.4), tsp.layers.CenterTap()
    outputs = {
        "soft": pooling("Soft", 2)(first),
        "sorted": pooling("Sorted", 3, 1, "same", rank_initializer=start)(second),
        "detail": pooling("DetailPreserving", 2, 1, "same", variant="full")(first),
        "importance": pooling("LocalImportance", 3, 2, kernel_initializer=center)(second),
    }
    return keras.Model([first, second], outputs)


@pytest.mark.parametrize(
    "rank", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_every_pooling(rank, predict, tmp_path):
    m = every_pooling(rank)
    tsp.export(m, tmp_path / "model")
    random, sizes = np.random.default_rng(rank), (9, 11, 8)[:rank]
    # There is one image of each magnitude.
    magnitudes = np.reshape([1, 1e3, 1e30, 1e-30], (4,) + (1,) * (rank + 1))
    x = [(random.normal(size=(4, *sizes, c)) * magnitudes).astype("float32") for c in (3, 4)]
    for name, values in zip(("first", "second"), x, strict=True):
        np.save(tmp_path / f"{name}.npy", values)
    names = m.output.keys()
    outputs = [argument for name in names for argument in ("-o", f"{name}={name}_out.npy")]
    done = predict(
        tmp_path, "model", "-l", LIBRARY, "-i", "second=second.npy", "-i", "first=first.npy", *outputs
    )
    assert done.returncode == 0, done.stderr
    expected = m.predict(x, verbose=0)
    for name in names:
        y = np.load(tmp_path / f"{name}_out.npy")
        assert y.dtype == np.float32
        assert y.shape == expected[name].shape
        assert np.isfinite(y).all()
        error = np.abs(y.astype("float64") - expected[name]) / magnitudes
        assert error.max() <= 1e-6, (name, error.max())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Writes good and bad models and files, and returns their folder."""
    folder = tmp_path_factory.mktemp("serving_c")
    image, text = keras.Input((8, 8, 3), name="image"), keras.Input((None, 5), name="text")
    pooled = tsp.layers.SoftPooling2D(2)(image), tsp.layers.SoftPooling1D(2)(text)
    tsp.export(keras.Model([image, text], pooled), folder / "two")
    tsp.export(keras.Model(image, pooled[0]), folder / "portable", portable=True)
    tf.saved_model.save(tf.Module(), str(folder / "nameless"))
    graph = (folder / "two/saved_model.pb").read_bytes()
    for name, changed in (
        ("foreign_op", graph.replace(b"Softpool>SoftPool", b"Someones>SoftPool")),
        ("cut", graph[:-10]),
    ):
        (folder / name).mkdir()
        (folder / name / "saved_model.pb").write_bytes(changed)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    arrays = {"image": x, "double": x.astype("float64"), "small": x[:, 1:], "flat": x[0]}
    arrays |= {"text": x[:, :, 0, :1] * np.ones(5, "float32"), "short": np.zeros((1, 1, 5), "float32")}
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    (folder / "cut.npy").write_bytes((folder / "image.npy").read_bytes()[:-1])
    (folder / "text.txt").write_text("no numbers\n")
    (folder / "foreign.c").write_text(FOREIGN)
    subprocess.run(["cc", "-shared", "-fPIC", "foreign.c", "-o", "foreign.so"], cwd=folder, check=True)
    return SimpleNamespace(path=folder, **arrays)


def test_says_what_a_model_takes_and_gives(folder, predict):
    told = predict(folder.path, "two", "-l", LIBRARY).stdout
    assert told == (
        "inputs:\n  image: float32 (?, 8, 8, 3)\n  text: float32 (?, ?, 5)\n"
        "outputs:\n  output_0: float32 (?, 4, 4, 3)\n  output_1: float32 (?, ?, 5)\n"
    )


@pytest.mark.parametrize("library", [[], ["-l", ""], ["-l", "-"]])
def test_a_portable_model_needs_no_library(library, folder, predict):
    done = predict(folder.path, "portable", *library, "-i", "image.npy", "-o", "./y=1.npy")
    assert done.returncode == 0, done.stderr
    expected = tsp.soft_pool(folder.image, 2)
    np.testing.assert_allclose(np.load(folder.path / "y=1.npy"), expected, rtol=1e-5, atol=1e-6)


def test_a_single_output(folder, predict):
    inputs = ["-i", "text=text.npy", "-i", "image=image.npy"]
    done = predict(folder.path, "two", "-l", LIBRARY, *inputs, "-o", "output_1=y.npy")
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(folder.path / "y.npy"), tsp.soft_pool(folder.text, 2), rtol=1e-6)


IMAGE, TEXT, OUT = "-i image=image.npy", "-i text=text.npy", "-o output_0=y.npy"
ERRORS = {
    "": "Usage: ",
    "two -z": "Usage: ",
    "two y.npy": "unexpected argument y.npy: name files after -i or -o",
    f"two {IMAGE}": "-i is given without -o: name a file",
    "none": "cannot load the model none: Could not find SavedModel",
    "cut": "cannot load the model cut: ",
    "nameless": 'cannot serve nameless with "serving_default": it has no such signature',
    "two": r"Op type not registered 'Softpool>SoftPool'\. .* library with -l, .* portable=True",
    "foreign_op": r"Op type not registered 'Someones>SoftPool' .* library that has this op",
    "two -l none.so": "cannot load the library none.so: No such file or directory",
    "two -l foreign.c": "cannot load the library foreign.c: (?!.*another TensorFlow)",
    "two -l foreign.so": "undefined symbol: gone_from_tensorflow.* likely built for another TensorFlow "
    rf"than the {re.escape(tf.__version__)} that runs here\. Build it for this one, or .*portable=True",
    f"two -l {LIBRARY} {IMAGE} {OUT}": 'input "text" is not given: add -i text=FILE.npy',
    f"two -l {LIBRARY} {IMAGE} {IMAGE} {OUT}": 'input "image" is given twice',
    f"two -l {LIBRARY} -i x=image.npy {OUT}": 'no input "x". The model has "image", "text"',
    f"two -l {LIBRARY} -i image.npy {OUT}": r'which input is image.npy for\? The model has "image", "text"',
    f"two -l {LIBRARY} {IMAGE} {TEXT} -o y=y.npy": 'no output "y". The model has "output_0", "output_1"',
    f"two -l {LIBRARY} -i text=short.npy {IMAGE} -o output_1=y.npy": "cannot run the model: ksize 2 is",
    "portable -i double.npy -o y.npy": r'"image" takes float32 \(\?, 8, 8, 3\), but double.npy has float64',
    "portable -i small.npy -o y.npy": r"but small.npy has float32 \(2, 7, 8, 3\)",
    "portable -i flat.npy -o y.npy": r"but flat.npy has float32 \(8, 8, 3\)",
    "portable -i cut.npy -o y.npy": "cannot read cut.npy: it is cut short",
    "portable -i text.txt -o y.npy": "cannot read text.txt: it is not a .npy file",
    "portable -i two -o y.npy": "cannot read two: Is a directory",
    "portable -i none.npy -o y.npy": "cannot read none.npy: No such file or directory",
    "portable -i image.npy -o none/y.npy": "cannot write none/y.npy: No such file or directory",
    "portable -i image.npy -o /dev/full": "cannot write /dev/full: No space left on device",
}


@pytest.mark.parametrize("arguments", ERRORS)
def test_errors(arguments, folder, predict):
    failed = predict(folder.path, *arguments.split())
    assert failed.returncode == 1, failed.stderr
    assert not failed.stdout
    assert re.search(ERRORS[arguments], failed.stderr), failed.stderr
