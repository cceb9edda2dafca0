"""The command `tf-softpool replace`, called in this process, and once in a terminal."""

import json
import os
import pty
import signal
import subprocess
import sys

import keras
import pytest

from tf_softpool.cli import replace
from tf_softpool.writing import complete_or_absent
from tf_softpool_cli.main import main

L = keras.layers


@pytest.fixture
def model(tmp_path):
    network = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            L.Conv2D(2, 3, name="conv"),
            L.MaxPooling2D(name="conv1_pool"),
            L.MaxPooling2D(1, name="late_pool"),
            L.GlobalAveragePooling2D(name="mean"),
        ]
    )
    network.save(tmp_path / "in.keras")
    return tmp_path / "in.keras"


def out_of(path):
    return path.with_name("out.keras")


def poolings(path):
    return {layer.name: type(layer).__name__ for layer in keras.models.load_model(path).layers}


def test_it_replaces(model, capsys):
    code = main(
        ["replace", str(model), str(out_of(model)), "--map", "max=soft", "--map", "global_average=soft"]
    )
    assert code == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["layer", "was", "is", "why", "not", "note"]
    assert lines[1].split() == ["conv1_pool", "MaxPooling2D", "SoftPooling2D"]
    assert lines[4] == "3 replaced, 0 skipped"
    assert lines[5].startswith("2 variables carried over (56 parameters)")
    assert not err
    assert poolings(out_of(model))["mean"] == "GlobalSoftPooling2D"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--where", "conv*"], ["conv1_pool"]),
        (["--where", "conv*", "--where", "late*"], ["conv1_pool", "late_pool"]),
        (["--first", "1"], ["conv1_pool"]),
        (["--last", "1"], ["late_pool"]),
    ],
)
def test_options_reach_the_function(model, capsys, options, names):
    assert main(["replace", str(model), "--dry-run", "--json", "--map", "max=soft", *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [f["path"] for f in report["findings"] if f["action"] == "replaced"] == names
    assert report["dry_run"]
    assert [f.name for f in model.parent.iterdir()] == [model.name]


def test_nothing_to_replace_has_its_own_code(model, capsys):
    assert main(["replace", str(model), str(out_of(model)), "--map", "average=soft"]) == 3
    out, err = capsys.readouterr()
    assert (out + err).count("No pooling was replaced") == 1
    assert "No pooling was replaced" in err
    assert not out_of(model).exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}/none", "{out}", "--map", "max=soft"], "no model at"),
        (["", "{out}", "--map", "max=soft"], "path of the model is empty"),
        (
            ["{model}", "/proc/out.keras", "--map", "max=soft"],
            "written here: No such file or directory: '/proc/o",
        ),
        (["{model}", "{model}", "--map", "max=soft"], "overwrite"),
        (["{model}", "{model}", "--map", "max=soft", "--overwrite"], "which is read"),
        (["{model}", "{folder}/out.txt", "--map", "max=soft"], "ends in one of"),
        (["{model}", "{out}", "--map", "max=soft", "--import", "no_such_module"], "no_such_module"),
    ],
)
def test_errors(model, capsys, arguments, message):
    names = {"model": model, "out": out_of(model), "folder": model.parent}
    assert main(["replace", *(a.format(**names) for a in arguments)]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert message in err
    assert "Traceback" not in err
    assert [f.name for f in model.parent.iterdir()] == [model.name]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["replace"],
        ["replace", "in", "out"],
        ["replace", "in", "--map", "max=soft"],
        ["replace", "in", "out", "--map", "max"],
        ["replace", "in", "out", "--map", "max=soft", "--first", "many"],
        ["replace", "in", "out", "--map", "max=soft", "--first", "-1"],
        ["replace", "in", "out", "--map", "maximum=soft"],
        ["replace", "in", "out", "--map", "max=soft", "--map", "max=average"],
    ],
)
def test_bad_usage(capsys, arguments):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_modules_beside_the_command(model, capsys, monkeypatch):
    monkeypatch.chdir(model.parent)
    (model.parent / "broken_module.py").write_text("1 / 0")
    assert main(["replace", str(model), "--dry-run", "--map", "max=soft", "--import", "broken_module"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_working_directory_that_is_removed(model, capsys, monkeypatch):
    (model.parent / "gone").mkdir()
    monkeypatch.chdir(model.parent / "gone")
    (model.parent / "gone").rmdir()
    assert main(["replace", str(model), "--dry-run", "--map", "max=soft"]) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_stopped_from_outside_leaves_nothing(model, monkeypatch, number):
    def stopped(request):
        with complete_or_absent(request.out, False, request.path) as place:
            place.write_text("half")
            os.kill(os.getpid(), number)

    monkeypatch.setattr(replace, "rewrite_file", stopped)
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    # Under `nohup` it would be ignored, and stay so.
    signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(SystemExit) as exit_:
            main(["replace", str(model), str(out_of(model)), "--map", "max=soft"])
    finally:
        for each, former in before.items():
            signal.signal(each, former)
    assert exit_.value.code == 128 + number
    assert [f.name for f in model.parent.iterdir()] == [model.name]


def test_in_a_terminal(model):
    """A progress bar appears, then the table, but nothing of TensorFlow's, and the process exits with 0."""
    command = [
        sys.executable,
        "-m",
        "tf_softpool",
        "replace",
        str(model),
        str(out_of(model)),
        "--map",
        "max=soft",
    ]
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    environment |= {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        text = b""
        # Reading from a terminal whose other side is closed gives an error instead of an end of file.
        while True:
            try:
                text += os.read(ours, 10_000)
            except OSError:
                break
    os.close(ours)
    assert process.returncode == 0
    for word in ("checking", "━", "3/4", "SoftPooling2D", "2 replaced, 1 skipped"):
        assert word in text.decode()
    assert "oneDNN" not in text.decode()
