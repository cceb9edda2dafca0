"""Exporting leaves no files of the converters and runtimes, and tells their makers nothing.

ONNX Runtime and OpenVINO report their use, and keep an identifier of the user, unless they are told not to.
"""

import importlib.util

import pytest
from conftest import python

# A process reports once, so one is enough for all formats.
CODE = """
import sys

reached = []

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        reached.append((event, arguments[1:]))

sys.addaudithook(watch)
import keras
import tf_softpool as tsp

model = keras.Sequential([keras.Input((4, 1), name="x"), tsp.layers.SoftPooling1D(2)])
for format, path in {exports!r}.items():
    assert tsp.export(model, path, format).runtime
print(reached)
"""
FORMATS = {"onnx": ("onnxruntime", "model.onnx"), "openvino": ("openvino", "model.xml"),
           "litert": ("ai_edge_litert", "model.tflite")}  # fmt: skip
# Files that Keras and Matplotlib keep for themselves.
KNOWN = ("home/.keras/keras.json", "cache/matplotlib/")


def test_exports(tmp_path):
    names = {format: name for format, (module, name) in FORMATS.items() if importlib.util.find_spec(module)}
    if not names:
        pytest.skip("no format's runtime is installed")
    for folder in ("home", "temporary", "cache"):
        (tmp_path / folder).mkdir()
    said = python(
        CODE.format(exports={format: str(tmp_path / "out" / name) for format, name in names.items()}),
        HOME=str(tmp_path / "home"),
        TMPDIR=str(tmp_path / "temporary"),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        # TensorFlow makes modules of functions, which Python would compile into files.
        PYTHONDONTWRITEBYTECODE="1",
        # Settings of an automated build would hide what a user's process does.
        **dict.fromkeys(("CI", "TF_BUILD", "ORT_DISABLE_TELEMETRY"), ""),
    )
    assert said.splitlines()[-1] == "[]"
    files = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert {f"out/{name}" for name in names.values()} <= set(files)
    assert [file for file in files if not file.startswith(("out/", *KNOWN))] == []
