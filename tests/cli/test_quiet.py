"""The capture of what libraries print, in processes that do not load TensorFlow and so take no time."""

import os
import signal
import subprocess
import sys

import pytest
from test_architecture import PACKAGE

START = f"""
import os, runpy, signal, sys
quiet = runpy.run_path({str(PACKAGE / "quiet.py")!r})
beginning = quiet["Beginning"]()
os.write(2, b"noise while packages are imported\\n")
print("more noise")
"""
WORK = (
    START
    + """
beginning.end()
with quiet["captured"](beginning.capture) as streams:
    print("noise in Python")
    print("noise in Python", file=sys.stderr)
    os.write(1, b"noise in C++\\n")
    os.write(2, b"noise in C++\\n")
    print("a result", file=streams.stdout, flush=True)
    print("a message: größe", file=streams.stderr, flush=True)
print("afterwards")
"""
)


def heed_interrupts():
    """A process in the background of a shell ignores interrupts, and so do the processes that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def process(code, environment=None, **options):
    options = {"capture_output": True, "check": False, "preexec_fn": heed_interrupts, **options}
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **(environment or {})}, **options)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("utf-8", "a message: größe"), ("latin-1", "a message: größe"), ("ascii", r"a message: gr\xf6\xdfe")],
)
def test_only_our_lines_are_printed(encoding, message):
    run = process(WORK, {"PYTHONIOENCODING": encoding})
    assert run.returncode == 0
    assert run.stdout.decode() == "a result\nafterwards\n"
    assert run.stderr.decode(encoding) == f"{message}\n"


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_streams_that_are_closed(closed):
    def close():
        for number in closed:
            os.close(number)

    run = process(WORK, preexec_fn=close)
    assert run.returncode == 0
    assert run.stdout.decode() == ("" if 1 in closed else "a result\nafterwards\n")
    assert run.stderr.decode() == ("" if 2 in closed else "a message: größe\n")


@pytest.mark.parametrize(
    ("death", "code"),
    [
        ("os.abort()", -signal.SIGABRT),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
        ("os._exit(7)", 7),
    ],
)
@pytest.mark.parametrize("when", [START, WORK])
def test_a_process_that_dies_leaves_its_last_words(when, death, code):
    words = "".join(f"line {i}\\n" for i in range(100))
    run = process(f"{when}\nbeginning.capture.start()\nos.write(2, b'{words}')\nsys.stdout.flush()\n{death}")
    assert run.returncode == code
    lines = run.stderr.decode().splitlines()
    start = lines.index("tf-softpool: error: the process died. Its last lines:")
    assert lines[start + 1 :] == [f"line {i}" for i in range(80, 100)]


def test_a_failed_import_is_told():
    run = process(f"{START}\nimport no_such_module")
    assert run.returncode == 1
    assert "ModuleNotFoundError: No module named 'no_such_module'\n" in run.stderr.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_packages_are_imported(number):
    run = process(f"{START}\nos.kill(os.getpid(), {int(number)})\nimport time\ntime.sleep(30)")
    said = "tf-softpool: error: interrupted: nothing was written\n"
    assert run.returncode == -number
    assert run.stderr.decode() == (said if number == signal.SIGINT else "")


def test_a_signal_that_is_ignored_stays_so():
    code = f"{START}\nos.kill(os.getpid(), signal.SIGHUP)\nbeginning.end()"
    assert process(code, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)).returncode == 0


def test_an_interrupt_reaches_the_process_alone():
    """A terminal sends it to the guard too, which goes on until the process has ended."""
    code = f"{WORK}\nimport time\nprint('ready', flush=True)\ntime.sleep(30)"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    ) as running:
        while running.stdout.readline() != b"ready\n":
            pass
        os.killpg(running.pid, signal.SIGINT)
        error = running.stderr.read().decode()
    assert error.endswith("KeyboardInterrupt\n")
    assert "died" not in error
