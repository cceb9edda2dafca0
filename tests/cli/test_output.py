"""What the command line prints, whatever it prints to: our own lines and nothing else."""

import io
import json
import os
import pty
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from rich.table import Table
from terminals import shown_in

import tf_softpool as tsp
from tf_softpool.cli import replace
from tf_softpool_cli.main import main
from tf_softpool_cli.tables import plain_text

L = keras.layers


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Returns a folder with two models of names that are not ASCII. TensorFlow can trace only `größe`.

    They are compiled and trained, because TensorFlow then prints more.
    """
    folder = tmp_path_factory.mktemp("models")
    for name, pool in (("größe", "pool"), ("pöol", "pöol")):
        x = keras.Input((8, 8, 3), name="größe")
        y = L.Dense(2)(L.Flatten()(L.MaxPooling2D(name=pool)(L.Conv2D(2, 3)(x))))
        model = keras.Model(x, y)
        model.compile("adam", "mse", metrics=["mae"], run_eagerly=True)
        model.fit(np.zeros((2, 8, 8, 3)), np.zeros((2, 2)), verbose=0)
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
    return folder


# Each with its exit code, and a word that it prints to stdout, or to stderr if it fails.
COMMANDS = [
    (["replace", "{0}/pöol.keras", "{0}/out.keras", "--overwrite", "--map", "max=soft"], 0, "pöol"),
    (["replace", "{0}/pöol.keras", "--dry-run", "--json", "--map", "max=soft"], 0, "replaced"),
    (["replace", "{0}/pöol.keras", "--dry-run", "--map", "average=soft"], 3, "pöol"),
    (["replace", "{0}/pöol.keras", "{0}/größe", "--map", "max=soft"], 1, "größe"),
    (["export", "{0}/größe.keras", "{0}/out", "--overwrite"], 0, "größe"),
    (["export", "{0}/pöol.keras", "{0}/out", "--overwrite"], 1, "pöol"),
    (["info", "{0}/pöol.h5"], 0, "pöol"),
    (["info", "{0}/größe"], 1, "größe"),
]


def filled(arguments, folder):
    return [argument.format(folder) for argument in arguments]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize(("arguments", "code", "word"), COMMANDS)
def test_any_encoding(arguments, code, word, encoding, folder, monkeypatch):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert main(filled(arguments, folder)) == code
    monkeypatch.undo()
    out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)
    assert word.encode(encoding, "backslashreplace").decode(encoding) in (err if code == 1 else out)
    assert bool(err) == (code == 1)


class Full(io.StringIO):
    """A stream that cannot be written."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


FULL = OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("stdout", "stderr"), [(None, None), (Full(FULL), Full(FULL)), (Full(BrokenPipeError()), io.StringIO())]
)
@pytest.mark.parametrize(("arguments", "code"), [c[:2] for c in COMMANDS if "info" not in c[0]])
def test_a_stream_that_cannot_be_written(arguments, code, stdout, stderr, folder, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "stderr", stderr)
    assert main(filled(arguments, folder)) == code


def test_a_result_that_is_not_printed_is_told(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Full(FULL))
    assert main(["info"]) == 1
    assert "the result cannot be printed" in capsys.readouterr().err


def test_what_libraries_print_is_dropped(folder, monkeypatch, capfd):
    def noisy(request):
        print("a library in Python")
        os.write(1, b"a library in C++\n")
        os.write(2, b"a library in C++\n")
        warnings.warn("a library's warning", stacklevel=1)
        return tsp.replace_pooling_in_file(request.path, None, {"max": "soft"}, dry_run=True)

    monkeypatch.setattr(replace, "rewrite_file", noisy)
    command = ["replace", str(folder / "pöol.keras"), "--dry-run", "--map", "max=soft"]
    assert main(command) == 0
    out, err = capfd.readouterr()
    assert "pöol" in out
    assert "library" not in out + err
    assert main([*command, "--verbose"]) == 0
    out, err = capfd.readouterr()
    assert (out.count("library"), err.count("library")) == (2, 1)
    os.write(1, b"afterwards\n")
    assert capfd.readouterr().out == "afterwards\n"


def process(arguments, folder, environment=None, **options):
    """Runs the command line in a process of its own."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    return subprocess.run(
        [sys.executable, "-m", "tf_softpool", *filled(arguments, folder)],
        env={**variables, **(environment or {})},
        check=False,
        **options,
    )


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["export", "{0}/größe.h5", "{0}/a.onnx", "--json"], {"PYTHONIOENCODING": "ascii"}),
        (["export", "{0}/größe.keras", "{0}/a.xml", "--json"], {"LC_ALL": "C"}),
    ],
)
def test_a_process_prints_nothing_else(arguments, environment, folder):
    run = process(arguments, folder, environment, capture_output=True)
    assert run.stderr == b""
    assert run.returncode == 0
    assert json.loads(run.stdout)


def test_a_dumb_terminal(folder):
    """There is no progress bar, no escape sequence, and no line of TensorFlow's."""
    ours, theirs = pty.openpty()
    arguments = ["export", "{0}/größe.keras", "{0}/a.tflite"]
    run = process(arguments, folder, {"TERM": "dumb", "COLUMNS": "150"}, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = shown_in(ours)
    assert run.returncode == 0
    assert b"\x1b" not in text
    words = [line.split()[0] for line in text.decode().splitlines()]
    assert words == [f"{folder}/a.tflite:", "input", "output", "largest", "output_0:", "The"]


def test_tables_are_text_in_notebooks_too(monkeypatch):
    table = Table("layer", "was")
    table.add_row("pool", "MaxPooling2D")
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert ["│", "pool", "│", "MaxPooling2D", "│"] in [
        line.split() for line in plain_text(table).splitlines()
    ]
