"""The command `tf-softpool export`."""

import json

import keras
import numpy as np
import pytest

import tf_softpool as tsp
from tf_softpool_cli.main import main


@pytest.fixture
def source(tmp_path):
    first, second = keras.Input((8, 3), name="zebra"), keras.Input((8, 3), name="ant")
    model = keras.Model([first, second], tsp.layers.SoftPooling1D(2)(first - 2 * second))
    model.save(tmp_path / "model.keras")
    return str(tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("out", "options", "format", "portable"),
    [
        ("native", [], "tf_saved_model", False),
        ("portable", ["--portable"], "tf_saved_model", True),
        ("model.onnx", [], "onnx", True),
        ("model.tflite", ["--format", "litert"], "litert", True),
    ],
)
def test_formats(source, tmp_path, capsys, out, options, format, portable):
    assert main(["export", source, str(tmp_path / out), "--json", *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["format"], report["portable"], report["passed"]) == (format, portable, True)
    assert report["largest_difference"] < 1e-6
    assert sorted(tsp.serving.load(tmp_path / out).inputs) == ["ant", "zebra"]


def test_a_sample(source, tmp_path, capsys):
    arrays = {name: np.ones((1, 8, 3), "float32") for name in ("ant", "zebra")}
    np.savez(tmp_path / "sample.npz", **arrays)
    command = ["export", source, str(tmp_path / "model"), "--sample", str(tmp_path / "sample.npz")]
    assert main(command) == 0
    assert "of 1.0e+00" in capsys.readouterr().out
    np.save(tmp_path / "sample.npy", np.ones((1, 8, 3), "float32"))
    assert main([*command[:-1], str(tmp_path / "sample.npy"), "--overwrite"]) == 1
    assert "`--sample` must fit" in capsys.readouterr().err
    np.savez(tmp_path / "sample.npz", ant=arrays["ant"])
    assert main([*command, "--overwrite"]) == 1
    assert "zebra" in capsys.readouterr().err
    (tmp_path / "sample.npz").write_text("no sample")
    assert main([*command, "--overwrite"]) == 1
    err = capsys.readouterr().err
    assert "is not a .npy or .npz file" in err
    assert "pickle" not in err


def test_what_differs_has_an_exit_code_of_its_own(tmp_path, capsys):
    layer = keras.layers.Lambda(lambda x: x + __import__("tensorflow").random.normal((1,)))
    model = keras.Sequential([keras.Input((8, 3)), layer])
    model.save(tmp_path / "random.keras")
    command = ["export", str(tmp_path / "random.keras"), str(tmp_path / "out"), "--unsafe"]
    assert main(command) == 3
    assert "DIFFERS" in capsys.readouterr().out
    assert main([*command, "--no-check", "--overwrite"]) == 0
    assert main([*command[:-1], "--overwrite"]) == 1
    assert "`--unsafe`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "out", "message"),
    [
        ("absent.keras", "out", "no model at"),
        ("model.keras", "model.keras/out", "model.keras"),
        ("folder", "out", "is neither a Keras file nor a SavedModel"),
        ("model.keras", "folder", "exists"),
    ],
)
def test_errors(source, tmp_path, capsys, model, out, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("")
    assert main(["export", str(tmp_path / model), str(tmp_path / out)]) == 1
    assert message in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "model.keras"]


def test_usage(source, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["export", source])
    with pytest.raises(SystemExit, match="2"):
        main(["export", source, "out", "--format", "pickle"])


@pytest.mark.parametrize("names", [("0_a", "class"), ("arg_0_a", "class"), ("arg_0_a", "arg_class")])
def test_a_sample_has_the_old_names_or_the_new_ones(names, tmp_path, capsys):
    first, second = keras.Input((8, 3), name="0_a"), keras.Input((8, 3), name="class")
    keras.Model([first, second], first - 2 * second).save(tmp_path / "model.keras")
    np.savez(tmp_path / "sample.npz", **{name: np.ones((1, 8, 3)) for name in names})
    command = ["export", str(tmp_path / "model.keras"), str(tmp_path / "model.onnx")]
    assert main([*command, "--sample", str(tmp_path / "sample.npz")]) == 0
    out = capsys.readouterr().out
    assert "The input 'class' is called 'arg_class' in the exported model." in out
    assert "of 1.0e+00" in out


def test_a_saved_model(tmp_path, capsys):
    x = keras.Input((8, 8, 3), name="x")
    model = keras.Model(x, keras.layers.MaxPooling2D()(x))
    tsp.export(model, tmp_path / "source", check=False)
    tsp.export(keras.Model(x, tsp.layers.SoftPooling2D()(x)), tmp_path / "native", check=False)
    np.savez(tmp_path / "sample.npz", x=np.ones((1, 8, 8, 3)))
    command = ["export", str(tmp_path / "source"), str(tmp_path / "model.tflite")]
    assert main([*command, "--sample", str(tmp_path / "sample.npz"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["format"], report["checked"], report["passed"]) == ("litert", True, True)
    assert main(command) == 1
    assert "give `--overwrite`" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "native"), str(tmp_path / "model.onnx")]) == 1
    assert "with `--portable`" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "source"), str(tmp_path / "copy")]) == 1
    assert "is a SavedModel already" in capsys.readouterr().err
