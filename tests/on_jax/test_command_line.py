"""The command line where Keras runs on JAX."""

import json
import subprocess
import sys

import keras
import pytest

from tf_softpool_cli.names import POOLINGS


def tf_softpool(*arguments):
    """Runs the command line in a process whose environment names JAX, as this one's does."""
    command = [sys.executable, "-m", "tf_softpool_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_doctor_finds_all_well():
    run = tf_softpool("doctor", "--json")
    assert (run.returncode, run.stderr) == (0, "")
    states = {each["part"]: each["state"] for each in json.loads(run.stdout)["findings"]}
    assert {part for part, state in states.items() if state != "ok"} <= {"GPU", "XLA"}
    assert {"Python", "JAX", "Keras", "library", "SIMD", *POOLINGS} <= set(states)
    assert "TensorFlow" not in states


def test_info():
    run = tf_softpool("info", "--json")
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)["jax"]["available"]


def test_a_file_is_rewritten(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.MaxPooling2D()])
    model.save(tmp_path / "old.keras")
    run = tf_softpool(
        "replace", str(tmp_path / "old.keras"), str(tmp_path / "new.keras"), "--map", "max=soft"
    )
    assert run.returncode == 0, run.stderr
    assert type(keras.models.load_model(tmp_path / "new.keras").layers[-1]).__name__ == "SoftPooling2D"


@pytest.mark.parametrize("format", ["tf_saved_model", "onnx"])
def test_what_needs_tensorflow_says_so(format, tmp_path):
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.MaxPooling2D()]).save(tmp_path / "m.keras")
    run = tf_softpool("export", str(tmp_path / "m.keras"), str(tmp_path / "out"), "--format", format)
    assert run.returncode == 1
    assert "needs Keras on TensorFlow" in run.stderr
    assert not (tmp_path / "out").exists()
