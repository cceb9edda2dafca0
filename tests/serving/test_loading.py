"""Loading of exported models: missing packages, missing libraries, broken files and threads."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from served_models import PATHS, small

import tf_softpool as tsp
from tf_softpool.ops import native
from tf_softpool.serving.from_saved_model import export_saved_model
from tf_softpool.serving.served import Served, TensorInfo
from tf_softpool.serving.steps import Options

# A folder for each thread of this process.
TASKS = Path("/proc/self/task")


@pytest.mark.parametrize(("format", "module"), [("onnx", "tf2onnx"), ("openvino", "openvino")])
def test_a_missing_package_is_named(format, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'{module}.*pip install "tf_softpool\[{format}\]"'):
        tsp.export(small(), tmp_path / PATHS[format], format)


@pytest.mark.parametrize(
    ("format", "module"), [("onnx", "onnxruntime"), ("litert", "ai_edge_litert.interpreter")]
)
def test_without_the_runtime_nothing_is_compared(format, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    report = tsp.export(small(), tmp_path / PATHS[format], format)
    assert not report.checked
    assert "pip install" in report.notes[0]
    monkeypatch.undo()
    assert list(tsp.serving.load(tmp_path / PATHS[format]).inputs) == ["x"]


def test_a_native_model_says_what_it_needs(tmp_path, monkeypatch):
    tsp.export(small(), tmp_path / "model")
    note = (tmp_path / "model" / "assets.extra" / "tf_softpool.txt").read_text()
    assert "Softpool>SoftPool" in note
    assert "load_op_library" in note
    error = "it was built for TensorFlow 2.20.0, running 2.21.0. Reinstall it"
    monkeypatch.setattr(native, "load", lambda: native.Native(error=error))
    with pytest.raises(
        RuntimeError, match=r"(?s)Softpool>SoftPool.*built for TensorFlow 2.20.0.*portable=True"
    ):
        tsp.serving.load(tmp_path / "model")


@pytest.mark.parametrize("name", ["model.onnx", "model.tflite", "model.xml", "model", "model.txt"])
def test_what_is_no_model_is_not_loaded(name, tmp_path):
    with pytest.raises(FileNotFoundError):
        tsp.serving.load(tmp_path / name)
    (tmp_path / name).write_bytes(b"no model")
    with pytest.raises(ValueError, match=name):
        tsp.serving.load(tmp_path / name)


@pytest.mark.parametrize("format", PATHS)
def test_threads_get_their_own_answers(format, tmp_path):
    model = small()
    tsp.export(model, tmp_path / PATHS[format], format, check=False)
    served = tsp.serving.load(tmp_path / PATHS[format])
    inputs = [np.full((1 + i % 3, 8, 3), i, "float32") for i in range(64)]
    with ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(served, inputs)]
    for x, y in zip(inputs, answers, strict=True):
        np.testing.assert_allclose(y["output_0"], x[:, ::2], rtol=1e-6)


def loaded_with(threads, path):
    """Returns a model that has run, and how many threads the process got for it."""
    before = len([*TASKS.iterdir()])
    served = tsp.serving.load(path, threads)
    np.testing.assert_allclose(served(np.ones((2, 8, 3)))["output_0"], np.ones((2, 4, 3)), rtol=1e-6)
    return served, len([*TASKS.iterdir()]) - before


@pytest.mark.skipif(not TASKS.exists(), reason="only Linux lists the threads of a process there")
@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_a_runtime_starts_as_many_threads_as_it_is_given(format, tmp_path):
    tsp.export(small(), tmp_path / PATHS[format], format, check=False)
    models, started = zip(*(loaded_with(n, tmp_path / PATHS[format]) for n in (1, 4)), strict=True)
    assert started == (0, 3)
    assert len(models) == 2


def test_openvino_is_told_its_number_of_threads(tmp_path, monkeypatch):
    openvino, told = pytest.importorskip("openvino"), []

    class Core(openvino.Core):
        def compile_model(self, model, device, settings):
            told.append(settings.get("INFERENCE_NUM_THREADS"))
            return super().compile_model(model, device, settings)

    tsp.export(small(), tmp_path / "model.xml", "openvino", check=False)
    monkeypatch.setattr(openvino, "Core", Core)
    for threads in (None, 1, np.int64(2)):
        loaded_with(threads, tmp_path / "model.xml")
    assert told == [None, "1", "2"]


def test_a_saved_model_has_no_threads_of_its_own(tmp_path):
    tsp.export(small(), tmp_path / "model", check=False)
    with pytest.raises(ValueError, match=r"whole process.*tf\.config\.threading"):
        tsp.serving.load(tmp_path / "model", threads=1)


@pytest.mark.parametrize("threads", [0, -1, True, 1.0, "2", float("nan")])
def test_a_number_of_threads_is_a_whole_number_above_zero(threads, tmp_path):
    with pytest.raises(ValueError, match="`threads` must be"):
        tsp.serving.load(tmp_path / "model.onnx", threads)


class Echo(Served):
    """A model that returns its inputs."""

    def __init__(self, dtype):
        self.inputs = self.outputs = {"x": TensorInfo(dtype, (None,))}
        self.runtime = "none"

    def run(self, arrays):
        return arrays


@pytest.mark.parametrize(
    ("dtype", "given", "expected"),
    [
        ("float32", [1, 2.5], np.float32([1, 2.5])),
        ("bfloat16", [1.5], np.array([1.5], ml_dtypes.bfloat16)),
        ("uint8", [1, 255], np.uint8([1, 255])),
        ("bool", [True], np.array([True])),
        ("string", [b"ab\0\0"], np.array([b"ab\0\0"], object)),
        ("int32", [2**40], None),
        ("uint8", [-1], None),
        ("int32", [1.5], None),
        ("float32", [1j], None),
        ("bfloat16", ["1"], None),
        ("string", [1], None),
        ("float32", [[1], [2, 3]], None),
    ],
)
def test_numbers_stay_what_they_are(dtype, given, expected):
    if expected is None:
        with pytest.raises(ValueError, match="'x'"):
            Echo(dtype)(given)
        return
    found = Echo(dtype)({"x": given})["x"]
    assert found.dtype == expected.dtype
    assert list(found) == list(expected)


def _pipe(folder):
    (folder / "variables" / "variables.index").unlink()
    os.mkfifo(folder / "variables" / "variables.index")


def _device(folder):
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "zeros").symlink_to("/dev/zero")


def _other_folder(folder):
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "system").symlink_to("/usr")


@pytest.mark.parametrize("damage", [_pipe, _device, _other_folder])
def test_what_leads_out_of_a_folder_is_not_read(damage, tmp_path):
    """Reading a pipe or a device never ends. Neither loading nor exporting does so."""
    tsp.export(small(), tmp_path / "model", portable=True, check=False)
    damage(tmp_path / "model")
    with pytest.raises(ValueError, match="is not read"):
        tsp.serving.load(tmp_path / "model")
    with pytest.raises(ValueError, match="is not read"):
        export_saved_model(tmp_path / "model", tmp_path / "model.tflite", "litert", Options())
    assert not (tmp_path / "model.tflite").exists()
