"""An interrupt of a real export at several moments: it leaves nothing behind, or the whole export."""

import os
import signal
import subprocess
import sys
import time

import keras
import pytest
from child_process import heed_signals
from test_architecture import ROOT

import tf_softpool as tsp

INTERRUPTED = "tf-softpool: error: interrupted: nothing was written\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    x = y = keras.Input((64, 64, 3))
    for filters in (8, 16, 32):
        y = tsp.layers.SoftPooling2D(2)(keras.layers.Conv2D(filters, 3, padding="same")(y))
    keras.Model(x, y).save(folder / "model.keras")
    return folder / "model.keras"


def export(model, out, temporary):
    """Starts an export in a process group of its own, as a shell does."""
    return subprocess.Popen(
        [sys.executable, "-m", "tf_softpool", "export", str(model), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        start_new_session=True,
        preexec_fn=heed_signals,
    )


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    """Returns the seconds that the whole export takes."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "temporary").mkdir()
    start = time.monotonic()
    with export(model, folder / "model.onnx", folder / "temporary") as running:
        running.communicate()
    assert running.returncode == 0
    assert not list((folder / "temporary").iterdir())
    return time.monotonic() - start


@pytest.mark.each_value
@pytest.mark.parametrize("share", [0.03, 0.4, 0.6, 0.75, 0.9])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left(number, share, model, whole, tmp_path):
    out, temporary = tmp_path / "out" / "model.onnx", tmp_path / "temporary"
    temporary.mkdir()
    with export(model, out, temporary) as running:
        time.sleep(share * whole)
        os.killpg(running.pid, number)
        _, err = running.communicate(timeout=60)
    assert not list(temporary.iterdir())
    if out.exists():
        assert [path.name for path in out.parent.iterdir()] == ["model.onnx"]
        tsp.serving.load(out)
        return
    assert not out.parent.exists()
    assert running.returncode == -number
    # Python itself says more while it starts, which is no longer so after a few hundredths of a second.
    assert err == (INTERRUPTED if number == signal.SIGINT else "")
