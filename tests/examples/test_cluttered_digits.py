"""Digits among clutter, and what the example says about them."""

import cluttered_digits
import numpy as np
import pytest
from experiments import clutter, command, data
from experiments.experiment import Results


def test_fields_are_those_of_the_seed():
    first = clutter.fields(20, 3)
    clutter.fields.cache_clear()
    again, other = clutter.fields(20, 3), clutter.fields(20, 4)
    assert [each.shape for each in first] == [(20, 32, 32, 1), (20,), (1000, 32, 32, 1), (1000,)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    # Tests are the same for all seeds.
    assert all(np.array_equal(a, b) for a, b in zip(first[2:], other[2:], strict=True))
    assert (first[0].min(), first[0].max()) == (0, 1)


def test_no_digit_of_the_tests_is_trained_with():
    labels = data.mnist_digits()[1]
    _, train_y, _, test_y = clutter.fields(4000, 0)
    counts = np.bincount(np.concatenate([train_y, test_y]))
    assert counts.tolist() == np.bincount(labels).tolist() == [500] * 10


@pytest.mark.parametrize("which", range(0, 5000, 600))
def test_the_digit_is_there_untouched(which):
    digits, _ = data.mnist_digits()
    made, (row, column) = clutter.field(digits[which], digits[10:40], np.random.default_rng(which))
    rows, columns = (np.flatnonzero(digits[which].any(axis)) for axis in (1, 0))
    ink = digits[which][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    place = made[row : row + ink.shape[0], column : column + ink.shape[1]]
    assert np.array_equal(place[ink > 0], ink[ink > 0])
    assert (made > 0).sum() > (ink > 0).sum()


def test_without_others_there_is_the_digit_alone():
    digits, _ = data.mnist_digits()
    made, _ = clutter.field(digits[7], digits[:0], np.random.default_rng(0))
    assert made.sum() == pytest.approx(digits[7].sum())


def test_clutter_is_no_whole_digit():
    digits, _ = data.mnist_digits()
    rng = np.random.default_rng(0)
    for digit in digits[::250]:
        piece = clutter.piece_of(digit, rng)
        assert piece.shape == (6, 6)
        assert 0 < piece.sum() < 0.9 * digit.sum()


@pytest.mark.parametrize(
    ("level", "curve", "epochs"),
    [
        (1.0, [2.0, 1.5, 0.5], 2.5),
        (1.0, [2.0, 1.0], 2.0),
        (1.0, [2.0, 1.5], 3.0),
        (np.log(10) / 2, [0.0], 0.5),
        (5.0, [2.0, 1.0], 0.0),
    ],
)
def test_epochs_until_a_level(level, curve, epochs):
    assert cluttered_digits.epochs_to(level, curve) == pytest.approx(epochs)


def made_up():
    """Raw weights are better than softmax by nearly as much for all seeds, and max is between them."""
    noise = [0.0, 0.01, -0.01, 0.02, -0.02]
    gaps = [0.001, -0.001, 0.0, 0.001, -0.001]
    gains = {"max": 0.0, "softmax of 3": -0.05, "raw weights of 3": 0.05}

    def run(gain, each, gap):
        better = 2 * gain * (1 + 10 * gap)
        accuracy = 0.8 + each + better / 2
        curve = [2.0 - better, 1.5 - better, 1.0 - better]
        weights = [[0.9, 0.2, -0.1], [0.5, 0.3, 0.1]]
        return {
            **{"accuracy": accuracy, "entropy": curve[-1], "early": curve[1]},
            **{"accuracies": [0.1, 0.5, accuracy], "entropies": curve, "weights": weights if gain else []},
        }

    runs = {
        name: [run(gain, *both) for both in zip(noise, gaps, strict=True)] for name, gain in gains.items()
    }
    return Results("cluttered_digits", {"seeds": 5}, runs)


def test_tables_answer_the_questions():
    found = {table.title: table for table in cluttered_digits.tables(made_up())}
    notes = {title: table.notes for title, table in found.items()}
    assert notes["Is any pooling better than max? Accuracy at the end"].startswith(
        "Compared with max after the correction, above it: raw weights of 3 (+5.00); "
        "below it: softmax of 3 (-5.00)."
    )
    assert notes["Is softmax better than raw weights? Accuracy, 3 ranks"].startswith(
        "Compared with raw after the correction, below it: softmax (-10.00). Every difference survives it."
    )
    assert notes["Is softmax better than raw weights? Cross entropy, 3 ranks"].startswith(
        "Compared with raw after the correction, above it: softmax (+"
    )
    assert found["Is softmax better than raw weights? Accuracy, mean of 2, 3 and 4 ranks"].rows == []
    # Max is at 1.5 early. Raw weights are at 1.4 there, and at 1.9 before.
    speed = found["Is convergence faster? Epochs until a level of cross entropy"]
    assert [row[1] for row in speed.rows] == ["2.00 ± 0.00", "2.20 ± 0.00", "1.80 ± 0.00"]
    assert "The level is 1.500" in speed.notes
    assert found["What raw weights learn"].rows == [
        ["raw weights of 3, pooling 1", "+0.90 +0.20 -0.10", "5 of 5"],
        ["raw weights of 3, pooling 2", "+0.50 +0.30 +0.10", "0 of 5"],
    ]


def test_it_runs(tmp_path, eagerly):
    settings = ["max", "raw weights of 3"]
    small = ["--seeds", "2", "--epochs", "1", "--pictures", "64", "--out", str(tmp_path)]
    command.main(cluttered_digits.EXPERIMENT, [*small, "--settings", *settings])
    assert (tmp_path / "cluttered_digits" / "picture.png").stat().st_size > 10_000
