"""Options and variables that change what is printed, such as --quiet and NO_COLOR, and completion."""

import os
import pty
import re
import shutil
import subprocess
import sys

import keras
import pytest
from terminals import shown_in
from test_architecture import ROOT

from tf_softpool.cli import replace
from tf_softpool_cli import completion
from tf_softpool_cli.main import COMMANDS, main

_COMMANDS = [command.__name__.rpartition(".")[2] for command in COMMANDS]


@pytest.fixture
def model(tmp_path):
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.MaxPooling2D()])
    network.save(tmp_path / "model.keras")
    return str(tmp_path / "model.keras")


def test_quiet_prints_no_warnings(model, capsys):
    command = ["replace", model, f"{model}.out.keras", "--map", "average=soft"]
    assert main(command) == 3
    out, err = capsys.readouterr()
    assert "No pooling was replaced" in err
    assert "No pooling was replaced" not in out
    assert main([*command, "--quiet"]) == 3
    out, err = capsys.readouterr()
    assert err == ""
    assert "No pooling was replaced" in out


def test_quiet_prints_errors(model, capsys):
    assert main(["info", f"{model}.absent", "--quiet"]) == 1
    assert "no model at" in capsys.readouterr().err


def in_terminal(program, **environment):
    """Runs a program in a terminal, and returns what that shows, with its escape sequences."""
    ours, theirs = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    variables |= {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment}
    with subprocess.Popen([sys.executable, "-c", program], stdout=theirs, stderr=theirs, env=variables):
        os.close(theirs)
        return shown_in(ours).decode()


def doctor(*options):
    """Returns a program that runs `tf-softpool doctor` as if nothing were installed."""
    return (
        "import sys, time\n"
        "from tf_softpool_cli import installed, main, script\n"
        "from tf_softpool_cli.doctor import environment\n"
        "installed.is_there = lambda package: time.sleep(0.2)\n"
        f"sys.argv = ['tf-softpool', 'doctor', *{options}]\n"
        "sys.exit(script.main())"
    )


_COLOR = re.compile(r"\x1b\[[0-9;]*3[0-9]")
_BAR = "\x1b[?25l"


@pytest.mark.parametrize(
    ("options", "environment", "has_color", "has_bar"),
    [
        ([], {}, True, True),
        ([], {"NO_COLOR": "1"}, False, True),
        (["--quiet"], {}, True, False),
        (["--quiet"], {"NO_COLOR": "1"}, False, False),
        (["--json"], {"NO_COLOR": "1"}, False, True),
        ([], {"TERM": "dumb"}, False, False),
    ],
)
def test_colors_and_bars(options, environment, has_color, has_bar):
    text = in_terminal(doctor(*options), **environment)
    assert "not installed" in text
    assert bool(_COLOR.search(text)) == has_color
    assert (_BAR in text) == has_bar


def test_a_narrow_terminal():
    text = in_terminal(doctor("--quiet"), COLUMNS="20", NO_COLOR="1")
    assert "Traceback" not in text
    (line,) = (line for line in text.splitlines() if line.startswith("Keras  "))
    assert line.split() == ["Keras", "problem", "it", "is", "not", "installed"]


def test_a_stream_that_is_no_terminal_gets_no_bar(model, capsys, monkeypatch):
    """Programs that set FORCE_COLOR want colours in a file, and not a bar."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["info", model]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("option", ["--quiet", "--verbose"])
@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_has_them(command, option, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert option in capsys.readouterr().out


def test_verbose_shows_why_an_import_failed(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tf_softpool.cli.info", None)
    assert main(["info", "--verbose"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "tf-softpool: error: tf_softpool cannot be imported" in err
    assert main(["info"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_an_interrupt_is_told_and_passed_on(model, monkeypatch, capsys):
    def interrupted(request):
        raise KeyboardInterrupt

    monkeypatch.setattr(replace, "rewrite_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main(["replace", model, "--dry-run", "--map", "max=soft"])
    assert capsys.readouterr().err == "tf-softpool: error: interrupted: nothing was written\n"


# Words of a command line, the last of which is to be completed, and what it can become.
COMPLETED = [
    (["rep"], {"replace"}),
    ([""], set(_COMMANDS)),
    (["bench", "--rows", ""], {"2x2", "3x3", "stride-1", "global"}),
    (["export", "--format", "on"], {"onnx"}),
    (["info", "model.k"], {"model.keras"}),
    (["replace", "model.keras", "--dry"], {"--dry-run"}),
]


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("shtab")
    return subprocess.run(
        [sys.executable, "-m", "tf_softpool_cli", "--print-completion", "bash"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), *sys.path)))},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(("words", "expected"), COMPLETED)
def test_bash_completes(words, expected, script, model):
    line = " ".join(f"'{word}'" for word in ["tf-softpool", *words])
    ask = f"COMP_WORDS=({line}); COMP_CWORD={len(words)}; _shtab_tf_softpool; echo ${{COMPREPLY[@]}}"
    run = subprocess.run(
        ["bash", "-c", f"{script}\n{ask}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=os.path.dirname(model),
    )
    assert expected <= set(run.stdout.split())


@pytest.mark.parametrize("shell", completion.PATHS)
def test_a_script_for_each_shell(shell, capsys):
    shtab = pytest.importorskip("shtab")
    assert shtab.FILE[shell] == completion.PATHS[shell]
    with pytest.raises(SystemExit) as exit_:
        main(["--print-completion", shell])
    assert exit_.value.code in (0, None)
    assert "detail_preserving" in capsys.readouterr().out


def test_without_shtab(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit) as exit_:
        main(["--print-completion", "bash"])
    assert exit_.value.code == 1
    assert 'pip install "tf_softpool[completion]"' in capsys.readouterr().err
