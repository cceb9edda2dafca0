"""What a process of the command line prints and leaves behind, with a command that loads no TensorFlow.

So these tests take no time.
"""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from child_process import heed_signals
from test_architecture import ROOT

INTERRUPTED = "tf-softpool: error: interrupted: nothing was written\n"


def program(importing="", working="", command="info"):
    """Returns a program that runs a command, with what this does while it is imported and while it works."""
    lines = [
        "import os, signal, sys, tempfile, time",
        "from tf_softpool_cli import main, script",
        "def run(options, terminal):",
        "    with tempfile.TemporaryDirectory() as folder:",
        "        print('noise in Python')",
        "        print('noise in Python', file=sys.stderr)",
        r"        os.write(1, b'noise in C++\n')",
        r"        os.write(2, b'noise in C++\n')",
        textwrap.indent(working, " " * 8),
        "    terminal.show('a result')",
        "    terminal.error('a message: größe')",
        "    return 0",
        "def imported(options):",
        r"    os.write(2, b'noise while packages are imported\n')",
        "    print('more noise')",
        textwrap.indent(importing, " " * 4),
        "    return run",
        "main._imported, main.require_backend = imported, lambda: None",
        f"sys.argv = ['tf-softpool', {command!r}]",
        "code = script.main()",
        "print('afterwards')",
        "sys.exit(code)",
    ]
    return "\n".join(lines)


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def process(code, more=None, **options):
    options = {"capture_output": True, "check": False, "preexec_fn": heed_signals, **options}
    return subprocess.run([sys.executable, "-c", code], env=environment(**(more or {})), **options)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("utf-8", "a message: größe"), ("latin-1", "a message: größe"), ("ascii", r"a message: gr\xf6\xdfe")],
)
def test_only_our_lines_are_printed(encoding, message):
    run = process(program(), {"PYTHONIOENCODING": encoding})
    assert run.returncode == 0
    assert run.stdout.decode() == "a result\nafterwards\n"
    assert run.stderr.decode(encoding) == f"tf-softpool: error: {message}\n"


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_streams_that_are_closed(closed):
    def close():
        for number in closed:
            os.close(number)

    run = process(program(), preexec_fn=close)
    assert run.returncode == 0
    assert run.stdout.decode() == ("" if 1 in closed else "a result\nafterwards\n")
    assert ("größe" in run.stderr.decode()) == (2 not in closed)
    assert "noise" not in run.stderr.decode()


@pytest.mark.parametrize(
    ("death", "code"),
    [
        ("os.abort()", -signal.SIGABRT),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
        ("os._exit(7)", 7),
    ],
)
@pytest.mark.parametrize("when", ["importing", "working"])
def test_a_process_that_dies_leaves_its_last_words(when, death, code, tmp_path):
    words = "".join(f"line {i}\\n" for i in range(100))
    dying = program(**{when: f"os.write(2, b'{words}')\nsys.stdout.flush()\n{death}"})
    run = process(dying, {"TMPDIR": str(tmp_path)})
    assert run.returncode == code
    lines = run.stderr.decode().splitlines()
    start = lines.index("tf-softpool: error: the process died. Its last lines:")
    assert lines[start + 1 :] == [f"line {i}" for i in range(80, 100)]
    assert list(tmp_path.iterdir()) == []


def test_a_failed_import_is_told():
    code = """
    import sys
    from tf_softpool_cli import main, script
    main.require_backend = lambda: None
    sys.modules["tf_softpool.cli.info"] = None
    sys.argv = ["tf-softpool", "info"]
    sys.exit(script.main())
    """
    run = process(textwrap.dedent(code))
    assert run.returncode == 1
    (line,) = run.stderr.decode().splitlines()
    assert "tf_softpool cannot be imported: ModuleNotFoundError: " in line
    assert "`tf-softpool doctor`" in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("when", ["importing", "working"])
def test_a_signal_leaves_nothing(when, number, tmp_path):
    code = program(**{when: f"os.kill(os.getpid(), {int(number)})\ntime.sleep(30)"})
    run = process(code, {"TMPDIR": str(tmp_path)})
    assert run.returncode == -number
    assert run.stderr.decode() == (INTERRUPTED if number == signal.SIGINT else "")
    assert b"a result" not in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_impatient_user_does_not_stop_the_removal(tmp_path):
    """The second interrupt arrives while the first one removes what was begun."""
    again = "os.kill(os.getpid(), signal.SIGINT)\n"
    working = f"try:\n    {again}    time.sleep(30)\nfinally:\n    {again}    time.sleep(0.1)"
    run = process(program(working=working), {"TMPDIR": str(tmp_path)})
    assert run.returncode == -signal.SIGINT
    assert run.stderr.decode() == INTERRUPTED
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_after_the_result_is_written_does_not_deny_it():
    working = "terminal.has_written = True\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(30)"
    assert process(program(working=working)).stderr == b"tf-softpool: error: interrupted\n"


def test_a_signal_that_is_ignored_stays_so():
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    hang_up = "os.kill(os.getpid(), signal.SIGHUP)"
    assert process(program(hang_up, hang_up), **ignore).returncode == 0


@pytest.mark.parametrize("when", ["importing", "working"])
def test_an_interrupt_of_the_whole_terminal(when):
    """A terminal sends it to the guard too, which goes on until the process has ended."""
    code = program(**{when: "os.write(ready, b'.')\ntime.sleep(30)"})
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", f"ready = {writing}\n{code}"],
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=[writing],
        env=environment(),
        preexec_fn=heed_signals,
    ) as running:
        os.close(writing)
        os.read(reading, 1)
        os.killpg(running.pid, signal.SIGINT)
        error = running.stderr.read().decode()
    os.close(reading)
    assert running.returncode == -signal.SIGINT
    assert error == INTERRUPTED


def test_a_guard_keeps_no_stream_open():
    """Whoever reads stdout sees its end when the process closes it, even if the process goes on."""
    working = "os.close(1)\nterminal.show('a result')\nstreams = terminal._results.file\nstreams.close()"
    with subprocess.Popen(
        [sys.executable, "-c", program(working=f"{working}\nos.closerange(3, 200)\ntime.sleep(20)")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as running:
        assert running.stdout.read() == b"a result\n"
        assert running.poll() is None
        running.kill()
