"""The command `tf-softpool bench`."""

import json
import os
import subprocess
import sys

import pytest
from test_architecture import ROOT

from tf_softpool.benchmark import rows
from tf_softpool.benchmark.cases import PASSES
from tf_softpool.cli import bench
from tf_softpool_cli.main import main
from tf_softpool_cli.names import POOLINGS

_MACHINE = {
    "processor",
    "cores",
    "threads",
    "simd_target",
    "load",
    "system",
    "python",
    "tensorflow",
    "keras",
    "tf_softpool",
}
_ROW = {"row", "case", "pooling", "which", "milliseconds", "of_max", "of_average"}


@pytest.fixture
def small(monkeypatch):
    """Makes all tensors small."""
    cases = {"2x2": rows.Case((1, 4, 4, 2), 2, 2), "global": rows.Case((1, 4, 4, 2), 4, 4)}
    monkeypatch.setattr(rows, "ROWS", cases)
    monkeypatch.setattr(bench, "ROWS", cases)


def test_what_it_measures(small, capsys):
    assert main(["bench", "--seconds", "0", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert set(found["machine"]) == _MACHINE
    assert all(set(each) == _ROW for each in found["rows"])
    measured = {(each["row"], each["pooling"], each["which"]) for each in found["rows"]}
    for which in PASSES:
        names = {pooling for row, pooling, its in measured if row == "2x2" and its == which}
        assert names == {"max", "average", *POOLINGS}
        names = {pooling for row, pooling, its in measured if row == "global" and its == which}
        assert names == {"max", "average", *POOLINGS} - {"gated", "s3"}
    for each in found["rows"]:
        assert each["milliseconds"] > 0
        assert each["of_max"] == 1.0 or each["pooling"] != "max"
        assert each["of_average"] == 1.0 or each["pooling"] != "average"


def test_a_table(small, capsys):
    assert main(["bench", "--seconds", "0", "--rows", "2x2", "--poolings", "soft", "lp"]) == 0
    about, versions, head, *lines = capsys.readouterr().out.splitlines()
    assert "AVX" in about or "NEON" in about or "SSE" in about
    assert "TensorFlow" in versions
    assert head.split()[:2] == ["row", "pooling"]
    assert [line.split()[0] for line in lines] == ["2x2", "average", "soft", "lp"]
    assert lines[0].split()[1] == "max"


def test_a_process_has_the_threads_it_is_given():
    command = ["bench", "--threads", "1", "--rows", "global", "--poolings", "sum", "--seconds", "0", "--json"]
    run = subprocess.run(
        [sys.executable, "-m", "tf_softpool", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0
    assert run.stderr == b""
    assert json.loads(run.stdout)["machine"]["threads"] == 1


def test_threads_that_cannot_be_set(capsys):
    """TensorFlow has computed in this process."""
    assert main(["bench", "--threads", "1"]) == 1
    assert "after initialization" in capsys.readouterr().err
