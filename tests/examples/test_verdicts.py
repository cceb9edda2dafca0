"""Sentences that say what comparisons over seeds show."""

import pytest
from experiments import verdicts
from experiments.experiment import Results

# A difference with the same sign and size for all seeds is certain, one that changes its sign is not.
BASE = [0.50, 0.61, 0.55, 0.58, 0.53]
ABOVE = [0.601, 0.709, 0.65, 0.68, 0.632]
BELOW = [0.40, 0.512, 0.45, 0.479, 0.43]
NEAR = [0.51, 0.60, 0.56, 0.57, 0.53]


def results(**values):
    return Results("probe", {"seeds": 5}, {name: [{"a": a} for a in each] for name, each in values.items()})


@pytest.mark.parametrize(
    ("settings", "better", "words"),
    [
        ({"x": NEAR}, "higher", "The difference is not significant."),
        ({"x": ABOVE}, "higher", "The difference is significant: x (better)."),
        ({"x": ABOVE}, "lower", "The difference is significant: x (worse)."),
        ({"x": NEAR, "y": NEAR}, "higher", "None of the 2 differences survives the correction."),
        (
            {"x": NEAR, "y": ABOVE, "z": BELOW},
            "higher",
            "2 of 3 differences survive the correction: y (better), z (worse).",
        ),
        ({"y": BELOW, "z": NEAR}, "lower", "1 of 2 differences survives the correction: y (better)."),
    ],
)
def test_the_notes_say_what_holds(settings, better, words):
    table = verdicts.comparison("accuracy", results(max=BASE, **settings), "a", "max", better)
    assert table.notes.startswith(words + " p: paired")
    assert [row[0] for row in table.rows] == ["max", *settings]


@pytest.mark.parametrize(
    "values", [{"soft": BASE, "sum": NEAR}, {"max": BASE}, {"max": [0.5], "soft": [0.6]}, {}]
)
def test_without_a_pair_there_is_no_table(values):
    table = verdicts.comparison("accuracy", results(**values), "a", "max")
    assert table.rows == []
    assert table.notes == "A comparison needs max, another setting and two seeds."


def test_groups_are_averaged_for_each_seed():
    runs = results(a=[1.0, 2.0], b=[3.0, 6.0], c=[5.0, 1.0])
    found = verdicts.averaged(runs, "a", {"both": ("a", "b"), "one": ("c",), "missing": ("a", "d")})
    assert {name: found.values(name, "a") for name in found.runs} == {"both": [2.0, 4.0], "one": [5.0, 1.0]}
    assert list(verdicts.only(runs, ("c", "d", "a")).runs) == ["c", "a"]
