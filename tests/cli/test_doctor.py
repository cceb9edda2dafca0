"""The command `tf-softpool doctor`, in this environment and in others that are not well."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_architecture import ROOT

from tf_softpool.cli import examination
from tf_softpool_cli import backend, installed, supported
from tf_softpool_cli.doctor import environment
from tf_softpool_cli.doctor.findings import ABSENT, OK, PROBLEM
from tf_softpool_cli.main import main
from tf_softpool_cli.names import POOLINGS

# What rich is made of. Environments of these tests have nothing else.
_PACKAGES = ("rich", "markdown_it", "mdurl", "pygments")
_GOOD = {"tensorflow-cpu": "2.21.0", "keras": "3.15.1"}


def test_this_environment_is_well(capsys):
    assert main(["doctor", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert found["well"]
    states = {each["part"]: each["state"] for each in found["findings"]}
    assert {part for part, state in states.items() if state != OK} <= {"GPU", "XLA"}
    assert {"Python", "TensorFlow", "Keras", "library", "SIMD", "XLA", "GPU", *POOLINGS} <= set(states)
    assert all(set(each) == {"part", "state", "what", "mend"} for each in found["findings"])


def test_a_library_that_is_absent(tmp_path):
    for package in ("tf_softpool", "tf_softpool_cli"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.so*", "*.json"))
    run = subprocess.run(
        [sys.executable, "-m", "tf_softpool", "doctor", "--json"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (1, "")
    findings = json.loads(run.stdout)["findings"]
    (problem,) = (each for each in findings if each["state"] == PROBLEM)
    assert problem["part"] == "library"
    assert str(tmp_path) in problem["what"]
    assert problem["mend"].startswith("pip install --force-reinstall")
    assert {"XLA", "GPU"} <= {each["part"] for each in findings if each["state"] == ABSENT}
    assert not {each["part"] for each in findings} & set(POOLINGS)


def install(folder, distribution, version, code=""):
    """Writes what pip would: a package, and the folder that says which distribution it is of."""
    package = "tensorflow" if distribution.startswith("tensorflow") else distribution
    (folder / package).mkdir(exist_ok=True)
    if code is not None:
        (folder / package / "__init__.py").write_text(code)
    about = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (about / "top_level.txt").write_text(f"{package}\n")


@pytest.fixture
def place(tmp_path):
    """Returns a folder that is all that a process finds packages in, apart from our own."""
    for name in _PACKAGES:
        if spec := importlib.util.find_spec(name):
            (tmp_path / name).symlink_to(Path(spec.origin).parent)
    return tmp_path


def process(place, *arguments):
    return subprocess.run(
        [sys.executable, "-S", "-m", "tf_softpool_cli", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(place), str(ROOT)))},
        capture_output=True,
        text=True,
        check=False,
    )


# What is installed, each with the part that has the problem, what is said about it, and how to mend it.
UNWELL = [
    ({"keras": "3.15.1"}, "TensorFlow", "not installed", 'pip install "tf_softpool[tensorflow-cpu]"'),
    ({"tensorflow-cpu": "2.21.0"}, "Keras", "not installed", 'pip install "keras>=3.5,<3.16"'),
    ({**_GOOD, "keras": "2.15.0"}, "Keras", "2.15.0, but", 'pip install "keras>=3.5,<3.16"'),
    ({**_GOOD, "keras": "3.99.0"}, "Keras", "3.99.0, but", 'pip install "keras>=3.5,<3.16"'),
    (
        {**_GOOD, "tensorflow-cpu": "2.17.1"},
        "TensorFlow",
        "tested with 2.18 to 2.21",
        'pip install "tensorflow-cpu>=2.18,<2.22"',
    ),
    (
        {**_GOOD, "tensorflow": "2.20.0"},
        "TensorFlow",
        "tensorflow 2.20.0 and tensorflow-cpu 2.21.0 are installed over each other",
        'pip uninstall -y tensorflow tensorflow-cpu && pip install "tensorflow>=2.18,<2.22"',
    ),
]


@pytest.mark.parametrize(("versions", "part", "what", "mend"), UNWELL)
def test_what_is_missing_or_wrong(versions, part, what, mend, place):
    for distribution, version in versions.items():
        install(place, distribution, version)
    run = process(place, "doctor", "--json")
    assert run.returncode == 1
    assert run.stderr == ""
    found = {each["part"]: each for each in json.loads(run.stdout)["findings"]}
    assert found[part]["state"] == PROBLEM
    assert what in found[part]["what"]
    assert found[part]["mend"] == mend
    text = process(place, "doctor").stdout
    assert f"{part}: run  {mend}" in text
    # Other versions than the tested ones may work, so the rest is checked beside them too.
    assert ("The rest is checked when" in text) == (what == "not installed")
    assert ("import of tf_softpool" in found) == (what != "not installed")


UNWELL_ELSEWHERE = [
    ("jax", {}, "JAX", "not installed, and Keras is told to run on it", 'pip install "tf_softpool[jax]"'),
    ("jax", {"jax": "0.4.38"}, "JAX", "0.4.38, but", 'pip install "jax>=0.6,<0.11"'),
    ("torch", {}, "PyTorch", "not installed, and Keras is told to run on it", "pip install torch"),
]


@pytest.mark.parametrize("by", ["variable", "file"])
@pytest.mark.parametrize(("name", "versions", "part", "what", "mend"), UNWELL_ELSEWHERE)
def test_another_framework(name, versions, part, what, mend, by, place, tmp_path, monkeypatch):
    for distribution, version in {"keras": "3.15.1", **versions}.items():
        install(place, distribution, version)
    if by == "variable":
        monkeypatch.setenv("KERAS_BACKEND", name)
    else:
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        (tmp_path / "keras.json").write_text(json.dumps({"backend": name}))
    run = process(place, "doctor", "--json")
    assert (run.returncode, run.stderr) == (1, "")
    found = {each["part"]: each for each in json.loads(run.stdout)["findings"]}
    assert "TensorFlow" not in found
    assert (found[part]["state"], found[part]["mend"]) == (PROBLEM, mend)
    assert what in found[part]["what"]
    assert ("import of tf_softpool" in found) == bool(versions)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"backend": 3}', '{"backend": "numpy"}'])
def test_settings_of_keras_that_name_no_framework(text, monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text(text)
    assert backend.framework().name == "TensorFlow"


def test_a_folder_that_an_uninstallation_left_is_no_tensorflow(place):
    install(place, "keras", "3.15.1")
    (place / "tensorflow").mkdir()
    assert "TensorFlow is not installed" in process(place, "info").stderr


# What an import of TensorFlow does, each with what is found.
BROKEN = [
    ("raise ImportError('libfoo.so is absent')", "ImportError: libfoo.so is absent"),
    ("import os; os.abort()", "ended by SIGABRT"),
    (
        "import os, sys; print('last words', file=sys.stderr, flush=True); os._exit(3)",
        "ended with 3. last words",
    ),
]


@pytest.mark.parametrize(("code", "what"), BROKEN)
def test_a_tensorflow_that_cannot_be_imported(code, what, place):
    install(place, "tensorflow-cpu", "2.21.0", code)
    install(place, "keras", "3.15.1")
    run = process(place, "doctor", "--json")
    assert run.returncode == 1
    assert run.stderr == ""
    *_, last = json.loads(run.stdout)["findings"]
    assert (last["part"], last["state"]) == ("import of tensorflow", PROBLEM)
    assert what in last["what"]
    assert last["mend"].startswith("pip install --force-reinstall")


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ({"keras": "3.15.1"}, ("TensorFlow is not installed", 'pip install "tf_softpool[tensorflow]"')),
        ({"tensorflow": "2.21.0"}, ("Keras is not installed", 'pip install "keras>=3.5,<3.16"')),
        ({**_GOOD, "keras": "3.4.1"}, ("Keras 3.4.1 is too old", 'pip install "keras>=3.5,<3.16"')),
    ],
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["info"],
        ["bench"],
        ["replace", "{0}/model.keras", "{0}/out", "--map", "max=soft"],
        ["export", "{0}/model.keras", "{0}/out"],
    ],
)
def test_every_command_says_what_it_needs(arguments, versions, words, place):
    for distribution, version in versions.items():
        install(place, distribution, version)
    (place / "model.keras").write_text("")
    run = process(place, *(argument.format(place) for argument in arguments))
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("tf-softpool: error: ")
    assert run.stderr.count("\n") == 1
    for word in words:
        assert word in run.stderr


@pytest.mark.parametrize(
    ("version", "state"), [("3.9.1", PROBLEM), ("3.10.0", OK), ("3.13.9", OK), ("3.14.0", PROBLEM)]
)
def test_the_version_of_python(version, state, monkeypatch):
    monkeypatch.setattr("platform.python_version", lambda: version)
    found = next(environment.findings())
    assert (found.part, found.state) == ("Python", state)
    assert bool(found.mend) == (state == PROBLEM)


def test_what_is_promised_is_what_is_installed():
    assert supported.TENSORFLOW.has(next(iter(installed.providers_of("tensorflow").values())))


# Changes to what `build_info` says, each with a part and what is found about it.
INFOS = [
    ({"error": "there is no compiled library"}, "library", PROBLEM, "there is no compiled library"),
    ({"keras_backend": "torch"}, "Keras's backend", PROBLEM, "runs on torch"),
    ({"xla": {"available": False, "reason": "no headers"}}, "XLA", ABSENT, "no headers"),
    ({"cuda": {"available": False, "reason": "TensorFlow sees no GPU"}}, "GPU", ABSENT, "sees no GPU"),
    ({"cuda": {"available": True, "devices": 2, "toolkit": "12.5"}}, "GPU", OK, "2 in use, CUDA 12.5"),
]


@pytest.mark.parametrize(("changes", "part", "state", "what"), INFOS)
def test_what_the_library_says(changes, part, state, what, monkeypatch):
    info = {**examination.build_info(), **changes}
    monkeypatch.setattr(examination, "_info", lambda: info)
    names = {"library", "XLA", "GPU"}
    found = [each for name, check in examination.checks().items() if name in names for each in check()]
    (finding,) = (each for each in found if each.part == part)
    assert finding.state == state
    assert what in finding.what
    assert bool(finding.mend) == (state == PROBLEM)


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("index", [0, 1])
def test_a_pooling_that_computes_something_else_is_found(name, index, monkeypatch):
    """The first result is the values, and the second the gradient of the input."""
    results, calls = examination._results, []

    def wrong(layer):
        found = results(layer)
        calls.append(layer)
        if len(calls) == 1:
            found[index] = found[index] * 1.01
        return found

    monkeypatch.setattr(examination, "_results", wrong)
    (finding,) = examination.checks()[name]()
    assert (finding.part, finding.state) == (name, PROBLEM)
    assert "differ" in finding.what
