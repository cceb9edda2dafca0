"""The parts of `make gpu-check` that need no card: what it counts, judges, prints and runs."""

import sys
import time

import gpu_check
import pytest
from gpu_rows import JOBS, Job, bytes_moved, missed, rows_of, table
from gpu_steps import ABSENT, FAILED, LATE, PASSED, Outcome, Step, last_line, run_all

SMALL = Job(2, (4, 6), 8, 2, 2)


def test_shapes():
    assert SMALL.shape() == (2, 4, 6, 8)
    assert SMALL.shape(SMALL.pooled) == (2, 2, 3, 8)
    assert Job(2, (7, 7), 3, 3, 2, "channels_first").shape() == (2, 3, 7, 7)
    assert Job(2, (7, 7), 3, 3, 2).pooled == (3, 3)
    assert len(set(map(str, JOBS))) == len(JOBS)


@pytest.mark.parametrize(
    ("name", "which", "tensors"),
    [
        ("soft", "forward", 1.25),
        ("soft", "backward", 2.25),
        ("sorted", "backward", 2.25),
        ("importance", "forward", 2.25),
        ("importance", "backward", 4.25),
    ],
)
def test_bytes(name, which, tensors):
    assert bytes_moved(name, which, SMALL, 4) == 4 * 384 * tensors


def rows(seconds, copy_rate=1e9):
    return list(rows_of(SMALL, "float32", "forward", seconds, copy_rate))


def test_rates_and_marks():
    # At the rate of a copy, 1920 bytes take 1.92 microseconds.
    (row,) = rows({"soft": 2e-6, "max": 3e-6})
    assert row["of_copy"] == pytest.approx(0.96)
    assert row["marks"] == {"85% of a copy": True, "not slower than max": True}
    (row,) = rows({"soft": 4e-6, "max": 3e-6})
    assert row["marks"] == {"85% of a copy": False, "not slower than max": False}
    assert len(missed([row])) == 2
    (row,) = rows({"importance": 9e-6, "max": 1e-6}, copy_rate=None)
    assert row["marks"] == {}


def test_table():
    text = table(rows({"soft": 2e-6, "sorted": 9e-6, "max": 3e-6}))
    assert text.startswith("### [2, 4, 6, 8] k2 s2, channels last")
    lines = text.splitlines()
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert "| 0.96 | 3 (0.67 x) |" in text
    assert lines[-1].endswith("| MISSED: 85% of a copy, not slower than max |")


def python(name, code, **options):
    options = {"limit": 20, "least": 0, **options}
    return Step(name, (sys.executable, "-c", code), **options)


def test_steps_run_whatever_became_of_those_before(tmp_path):
    steps = [
        python("fails", "print('no'); raise SystemExit(3)"),
        python("is late", "import time; time.sleep(60)", limit=0.5),
        python("cannot", "raise SystemExit(3)", wrong=(4,)),
        python("needs", "", needs=str(tmp_path / "nothing")),
        Step("is absent", ("no-such-program",), 1, 0),
        python("sees", "import os; print(os.environ['SEEN'])", environment={"SEEN": "it"}),
    ]
    start = time.monotonic()
    outcomes = list(run_all(steps, 100, tmp_path))
    assert time.monotonic() - start < 30
    assert [o.state for o in outcomes] == [FAILED, LATE, ABSENT, ABSENT, ABSENT, PASSED]
    assert [outcomes[i].detail for i in (0, 5)] == ["no", "it"]
    assert (tmp_path / "is-late.log").exists()


def test_steps_leave_time_for_later_ones(tmp_path):
    steps = [python("first", "import time; time.sleep(60)", limit=60), python("second", "", least=19.5)]
    first, second = run_all(steps, 20, tmp_path)
    assert first.state == LATE
    assert first.seconds < 5
    assert second.state == PASSED


def test_report():
    outcomes = [Outcome("build", PASSED, 3.0, "Built"), Outcome("tests", FAILED, 9.0, "1 failed", "why\nno")]
    result = {"torch": "2", "copy_rate": 1e9, "rows": rows({"soft": 4e-6, "max": 3e-6}), "errors": ["a job"]}
    text = gpu_check.report([("Card", "none")], outcomes, result)
    for part in (
        "| tests | FAILED | 9 | 1 failed |",
        "why\nno",
        "2 of 2 marks",
        "not measured: a job",
        "1 GB/s",
    ):
        assert part in text
    assert "Measurements" not in gpu_check.report([], outcomes, None)
    assert last_line("a\n==== b ====\n\n") == "b"
    assert [step.name for step in gpu_check.steps()][:2] == ["build", "tests"]
