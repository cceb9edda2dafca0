"""What the command line says before TensorFlow is imported: soon, and without a word of other packages."""

import os
import re
import subprocess
import sys
import time

import keras
import pytest
from test_architecture import ROOT

import tf_softpool
import tf_softpool_cli
from tf_softpool.benchmark import rows
from tf_softpool.rewriting.policy.kinds import ADAPTIVE, GLOBAL, KINDS
from tf_softpool.serving import quantizing
from tf_softpool.serving.formats import FORMATS
from tf_softpool_cli import names, supported
from tf_softpool_cli.main import COMMANDS, main

# It is ten times as long as it takes on an idle machine, and a quarter of what TensorFlow's import takes.
_SECONDS = 1.0
_HEAVY = {"h5py", "keras", "numpy", "rich", "tensorflow", "tf_softpool"}
_COMMANDS = [command.__name__.rpartition(".")[2] for command in COMMANDS]

# Each with its exit code, and words that it prints: to stderr if the code is not 0.
LIGHT = [
    (["--help"], 0, "usage: tf-softpool"),
    (["--version"], 0, tf_softpool_cli.__version__),
    *(([command, "--help"], 0, f"usage: tf-softpool {command}") for command in _COMMANDS),
    ([], 2, "required: command"),
    (["nothing"], 2, "invalid choice"),
    (["replace", "model.keras"], 2, "required: --map"),
    (["replace", "model.keras", "out", "--map", "max"], 2, "not of the form OLD=NEW"),
    (["replace", "model.keras", "out", "--map", "maximum=soft"], 2, "unknown kind of pooling 'maximum'"),
    (["replace", "model.keras", "out", "--map", "max=soft", "--map", "max=lp"], 2, "twice for the same kind"),
    (["replace", "model.keras", "out", "--map", "max=soft", "--first", "-1"], 2, "--first"),
    (["replace", "model.keras", "--map", "max=soft"], 2, "OUT is needed"),
    (["replace", "absent.keras", "out", "--map", "max=soft"], 1, "There is no model at absent.keras."),
    (["replace", "model.keras", "taken", "--map", "max=soft"], 1, "taken already exists: give `--overwrite`"),
    (["replace", "", "out", "--map", "max=soft"], 1, "path of the model is empty"),
    (["export", "model.keras", "out", "--format", "pickle"], 2, "invalid choice: 'pickle'"),
    (["export", "absent.keras", "out"], 1, "There is no model at absent.keras."),
    (["export", "model.keras", "taken"], 1, "taken already exists: give `--overwrite`"),
    (["export", "model.keras", ""], 1, "path of OUT is empty"),
    (["export", "model.keras", "model.keras/out"], 1, "Not a directory"),
    (["export", "model.keras", "out", "--sample", "absent.npy"], 1, "absent.npy"),
    (["info", "absent.keras"], 1, "There is no model at absent.keras."),
    (["info", "--quiet", "--verbose"], 2, "not allowed with"),
    (["bench", "--threads", "0"], 2, "a whole number above 0"),
    (["bench", "--rows", "4x4"], 2, "invalid choice: '4x4'"),
    (["bench", "--seconds", "nan"], 2, "number of seconds"),
    (["compare"], 2, "required: IMAGE"),
    (["compare", "absent.png"], 1, "There is no picture at absent.png."),
    (["compare", ""], 1, "path of a picture is empty"),
    (["compare", "taken", "--poolings", "softer"], 2, "invalid choice: 'softer'"),
    (["compare", "taken", "--pool-size", "0"], 2, "a whole number above 0, got '0'"),
    (["compare", "taken", "--pool-size", "2", "2", "2", "2"], 2, "at most three numbers"),
    (["compare", "taken", "--range", "1..0"], 2, "A range must be"),
    (["compare", "taken", "--range", "0..1", "nan..1"], 2, "A range must be"),
    (["compare", "taken", "--seed", "-1"], 2, "from 0 to 2^31 - 1"),
    (["compare", "taken", "--seed", str(2**31)], 2, "from 0 to 2^31 - 1"),
    (["compare", "taken", "--sheet", "out.doc"], 2, "must end with .pdf, .png, .svg, .webp"),
    (["compare", "taken", "--html", "out.png"], 2, "must end with .html, .htm"),
    (["compare", "taken", "--sheet", "taken.png"], 1, "taken.png already exists: give `--overwrite`"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    (folder / "model.keras").write_text("")
    (folder / "taken").write_text("")
    (folder / "taken.png").write_text("")
    return folder


def process(arguments, folder, **options):
    options = {"capture_output": True, "text": True, "check": False, **options}
    # argparse itself hides that a stream without a buffer cannot be written.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment = {**inherited, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, **options)


@pytest.mark.parametrize(("arguments", "code", "words"), LIGHT, ids=lambda each: str(each)[:60])
def test_it_is_said_without_tensorflow(arguments, code, words, folder):
    """As the script does it. The process prints which of the heavy packages it has imported."""
    program = (
        "import atexit, sys\n"
        f"heavy = {sorted(_HEAVY)}\n"
        "atexit.register(lambda: print('imported:', *(each for each in heavy if each in sys.modules)))\n"
        "from tf_softpool_cli.script import main\n"
        "sys.exit(main())"
    )
    run = process(["-c", program, *arguments], folder)
    assert run.returncode == code
    assert words in (run.stderr if code else run.stdout)
    assert run.stdout.endswith("imported:\n")
    assert "Traceback" not in run.stderr
    if not code:
        assert run.stderr == ""


@pytest.mark.parametrize("module", ["tf_softpool", "tf_softpool_cli"])
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["replace", "--help"], ["replace"], ["info", "absent.keras"]]
)
def test_it_is_said_soon(arguments, module, folder):
    taken = []
    for _ in range(3):
        start = time.monotonic()
        process(["-m", module, *arguments], folder)
        taken.append(time.monotonic() - start)
    assert min(taken) < _SECONDS


@pytest.mark.parametrize(
    "options",
    [["-m", "tf_softpool"], ["-mtf_softpool"], ["-Bm", "tf_softpool"], ["-X", "utf8", "-m", "tf_softpool"]],
)
def test_a_module_that_is_run_is_handed_over(options, folder):
    """Python's own options stay: it lists what it imports, TensorFlow not among it."""
    run = process(["-X", "importtime", *options, "info", "-m.keras"], folder)
    assert run.returncode == 2
    run = process(["-X", "importtime", *options, "info", "tf_softpool"], folder)
    assert run.returncode == 1
    assert "There is no model at tf_softpool." in run.stderr
    imported = set(re.findall(r"\| +([\w.]+)$", run.stderr, re.MULTILINE))
    assert "tf_softpool_cli.main" in imported
    assert not imported & (_HEAVY - {"tf_softpool"})


@pytest.mark.parametrize(
    "program",
    [
        "import tf_softpool; print('goes on')",
        "import sys; sys.argv = ['tf-softpool']; import tf_softpool; print('goes on')",
    ],
)
def test_an_import_is_not_handed_over(program, folder):
    assert process(["-c", program], folder).stdout == "goes on\n"


def test_another_module_that_imports_the_package_is_not_handed_over(tmp_path):
    package = tmp_path / "my_tf_softpool"
    package.mkdir()
    (package / "__init__.py").write_text("import tf_softpool")
    (package / "__main__.py").write_text("print('goes on')")
    assert process(["-m", "my_tf_softpool"], tmp_path).stdout == "goes on\n"


def test_the_names_are_those_of_the_package():
    assert tuple(KINDS) == names.KINDS
    assert {name: module.SUFFIX for name, module in FORMATS.items()} == names.FORMATS
    assert quantizing.INT8 == names.INT8
    windows = [kind for kind in KINDS if not kind.startswith((GLOBAL, ADAPTIVE))]
    assert tuple(windows) == ("max", "average", *names.POOLINGS)
    assert tuple(names.ROWS) == tuple(rows.ROWS)
    assert tf_softpool.__version__ == tf_softpool_cli.__version__


@pytest.mark.parametrize(
    ("versions", "version", "has"),
    [
        (supported.TENSORFLOW, "2.18.0", True),
        (supported.TENSORFLOW, "2.21.1", True),
        (supported.TENSORFLOW, "2.17.1", False),
        (supported.TENSORFLOW, "2.22.0rc1", False),
        (supported.KERAS, keras.__version__, True),
        (supported.KERAS, "3.4.9", False),
        (supported.PYTHON, "3.10.0", True),
        (supported.PYTHON, "3.14.0", False),
        (supported.PYTHON, "4", False),
    ],
)
def test_versions(versions, version, has):
    assert versions.has(version) == has


@pytest.mark.parametrize(
    ("arguments", "to"), [(["--help"], "closed"), (["--help"], "/dev/full"), (["--version"], "/dev/full")]
)
def test_a_stdout_that_cannot_be_written(arguments, to, folder):
    if to == "closed":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open(to, os.O_WRONLY)
    run = process(
        ["-m", "tf_softpool", *arguments],
        folder,
        capture_output=False,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    if to == "closed":
        assert (run.returncode, run.stderr) == (0, "")
    else:
        assert run.returncode == 1
        assert run.stderr.startswith("tf-softpool: error: stdout cannot be written: ")
        assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["größe.keras", b"\xff.keras"])
def test_any_name(name, folder):
    run = process(["-m", "tf_softpool", "info", name], folder, env={"PYTHONIOENCODING": "ascii"})
    assert run.returncode == 1
    assert run.stderr.startswith("tf-softpool: error: There is no model at ")


def test_what_is_checked_before_is_checked_after_too(tmp_path, monkeypatch, capsys):
    """The package says the same, if a file is removed meanwhile."""
    model, out = tmp_path / "model.keras", tmp_path / "out"
    out.write_text("")
    rule = ["--map", "max=soft"]
    commands = [["info", str(model)], ["replace", str(model), str(tmp_path / "other.keras"), *rule]]
    before = []
    for command in commands:
        assert main(command) == 1
        before.append(capsys.readouterr().err)
    for check in ("check_model", "check_out"):
        for command in ("info", "replace"):
            monkeypatch.setattr(f"tf_softpool_cli.commands.{command}.{check}", lambda *_: None, raising=False)
    for command, said in zip(commands, before, strict=True):
        assert main(command) == 1
        assert capsys.readouterr().err == said
