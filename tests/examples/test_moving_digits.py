"""Digits that a program moves, and networks that read them."""

import io

import moving_digits as example
import numpy as np
import pytest
from experiments import command, data
from experiments.experiment import Results
from rich.console import Console

EFFORT = {"seeds": 1, "epochs": 1, "train": 32, "test": 16}


def test_the_seed_decides_the_clips():
    x, y = example.clips(6, 3)
    again, same = example.clips(6, 3)
    other, _ = example.clips(6, 4)
    assert x.shape == (6, example.FRAMES, 28, 28, 1)
    assert np.array_equal(x, again)
    assert all(np.array_equal(y[name], same[name]) for name in example.MEASURES)
    assert not np.array_equal(x, other)


@pytest.mark.parametrize("direction", range(len(example.DIRECTIONS)))
def test_digits_move_in_their_direction(direction, monkeypatch):
    monkeypatch.setattr(example, "NOISE", 0.0)
    monkeypatch.setattr(example, "DIRECTIONS", (example.DIRECTIONS[direction],) * 8)
    x, _ = example.clips(4, 0)
    mass = x[..., 0] / x.sum(axis=(2, 3, 4))[..., None, None]
    places = np.arange(28)
    centers = np.stack([mass.sum(axis=3) @ places, mass.sum(axis=2) @ places], axis=-1)
    steps = (centers[:, -1] - centers[:, 0]) / (example.FRAMES - 1)
    low, high = example.SPEEDS
    wanted = np.array(example.DIRECTIONS[0])
    assert np.array_equal(np.sign(np.rint(steps * 10)), np.tile(wanted, (4, 1)))
    # Positions are rounded to whole pixels.
    speeds = abs(steps[:, wanted != 0])
    assert (speeds > low - 1 / 7).all()
    assert (speeds < high + 1 / 7).all()


def test_no_digit_is_to_train_and_to_test_with(monkeypatch):
    monkeypatch.setattr(example, "NOISE", 0.0)
    digits, _ = data.mnist_digits()
    seen = []
    monkeypatch.setattr(data, "mnist_digits", lambda: (digits, np.arange(len(digits))))
    for test in (False, True):
        _, y = example.clips(2000, 0, test)
        seen.append(set(y["digit"].tolist()))
    assert seen[0] & seen[1] == set()
    assert len(seen[1]) > 500


def test_runs_tables_and_picture(tmp_path):
    found = command.run(example.EXPERIMENT, EFFORT, tmp_path, ["max", "soft"], Console(file=io.StringIO()))
    for run in (run for runs in found.runs.values() for run in runs):
        assert 0 <= run["both"] <= min(run["digit"], run["direction"])
        assert len(run["losses"]) == 1
    # One seed is no test.
    assert example.tables(found) == []
    example.draw(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000


@pytest.mark.parametrize(("spread", "is_wide"), [(0.001, False), (0.2, True)])
def test_the_tables_say_what_the_runs_can_show(spread, is_wide):
    def runs(*values):
        return [{"digit": v, "direction": 0.5, "both": v / 2, "losses": [1.0]} for v in values]

    made = Results("", {"seeds": 3}, {"max": runs(0.5, 0.51, 0.52), "soft": runs(0.6, 0.61 + spread, 0.62)})
    digit, direction, both = example.tables(made)
    assert ("above it: soft (+10.03)" in digit.notes) != is_wide
    assert "No difference to max survives the correction." in direction.notes
    assert "the motion is synthetic" in both.notes
    assert ("neither confirm nor refute" in both.notes) == is_wide
