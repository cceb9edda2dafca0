"""One network, trained in several modes."""

import io

import keras
import numpy as np
import pytest
import training_modes as example
from experiments import command
from experiments.experiment import Results
from rich.console import Console

EFFORT = {"seeds": 2, "epochs": 1, "train": 64, "test": 32}


@pytest.mark.parametrize(
    ("mode", "first", "said"),
    [
        (example.PLAIN, [0.0, 0.0], "yes: equal"),
        (example.DISTURBED, [1e-6, 2e-6], "yes"),
        (example.XLA, [5e-7, 1e-6], "yes"),
        (example.XLA, [5e-7, 3e-6], "no"),
        (example.MIRRORED, [2e-6, 1e-7], "no"),
        ("mixed_bfloat16", [2.0**-8, 2.0**-7], "2.0 x bfloat16's"),
        ("mixed_float16", [2.0**-11, 0.0], "1.0 x float16's"),
    ],
)
def test_what_rounding_explains(mode, first, said):
    assert example.within_rounding(mode, first, [1e-6, 2e-6]) == said


def test_differences_are_relative_to_what_was_learned():
    start, plain = [np.zeros(3), np.ones(1)], [np.array([3.0, 0, 0]), np.array([5.0])]
    other = [np.array([3.0, 0, 1]), np.array([5.0])]
    assert example.relative(other, plain, start) == pytest.approx(1 / 5)
    assert example.relative(plain, plain, start) == 0


def test_disturbed_weights_differ_in_the_last_bit():
    weights = [np.array([0.5, -2.0, 3.0], "float32")]
    (disturbed,) = example._disturbed(weights, 0)
    assert disturbed.dtype == np.float32
    assert (disturbed != weights[0]).all()
    np.testing.assert_allclose(disturbed, weights[0], rtol=2.0**-23)


@pytest.mark.parametrize(
    ("pooling", "mode"), [("max", example.PLAIN), ("soft", example.XLA), ("soft", "mixed_bfloat16")]
)
def test_modes_begin_alike_and_leave_no_trace(pooling, mode):
    before = keras.mixed_precision.dtype_policy()
    made = example.compare(f"{pooling}, {mode}", 0, EFFORT)
    assert keras.mixed_precision.dtype_policy() == before
    assert made["first"] < {example.PLAIN: 1e-7, example.XLA: 1e-4, "mixed_bfloat16": 0.2}[mode]
    assert (mode == example.PLAIN) == (made["first"] == 0)


@pytest.mark.slow
def test_two_devices_split_each_batch(tmp_path):
    setting = f"soft, {example.MIRRORED}"
    console = Console(file=io.StringIO())
    found = command.run(example.EXPERIMENT, EFFORT, tmp_path, [setting], console)
    assert all(0 < first < 1e-4 for first in found.values(setting, "first"))
    assert example.tables(found) == []
    # The process that trains has two devices, and stays for the next run.
    assert example._worker().submit(example._devices).result() == ["/device:CPU:0", "/device:CPU:1"]


def runs(*accuracies, first=1e-7):
    made = {"first": first, "last": 0.01, "losses": [2.0, 1.0], "step": 0.002}
    return [{"accuracy": each, **made} for each in accuracies]


def test_tables_and_picture(tmp_path):
    found = Results(
        "",
        {"seeds": 3},
        {
            "soft, plain": runs(0.5, 0.6, 0.7, first=0.0),
            "soft, disturbed": runs(0.5, 0.6, 0.7, first=1e-6),
            "soft, mixed_bfloat16": runs(0.4, 0.501, 0.6, first=2.0**-6),
        },
    )
    differences, accuracies = example.tables(found)
    assert [row[2] for row in differences.rows] == ["yes: equal", "yes", "4.0 x bfloat16's"]
    assert [row[5] for row in differences.rows] == ["2.0"] * 3
    assert "below it: mixed_bfloat16 (-9.97)" in accuracies.notes
    example.draw(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
