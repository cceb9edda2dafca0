"""Sentences that say what comparisons over seeds show."""

import pytest
from experiments import paired, verdicts
from experiments.experiment import Results

# A difference with the same sign and size for all seeds is certain, one that changes its sign is not.
BASE = [0.50, 0.61, 0.55, 0.58, 0.53]
ABOVE = [0.601, 0.709, 0.65, 0.68, 0.632]
BELOW = [0.40, 0.512, 0.45, 0.479, 0.43]
NEAR = [0.51, 0.60, 0.56, 0.57, 0.53]


def results(**values):
    return Results("probe", {"seeds": 5}, {name: [{"a": a} for a in each] for name, each in values.items()})


def difference(setting, gap, corrected):
    margin = 0.01 if gap else 0.0
    return paired.Difference(setting, "max", 0.8 + gap, 0.01, gap, margin, corrected, corrected)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([("soft", -0.02, 0.3)], "No difference to max survives the correction."),
        (
            [("soft", -0.02, 0.01), ("sum", 0.01, 0.3)],
            "Compared with max after the correction, below it: soft (-2.00). "
            "No other difference survives it.",
        ),
        (
            [("soft", -0.02, 0.01), ("sum", 0.01, 0.01), ("S3", 0.03, 0.0)],
            "Compared with max after the correction, above it: S3 (+3.00), sum (+1.00); "
            "below it: soft (-2.00). Every difference survives it.",
        ),
        (
            [(f"p{i}", -i / 100, 0.01) for i in range(1, 6)],
            "Compared with max after the correction, below it: 5 settings, from p1 (-1.00) to p5 (-5.00). "
            "Every difference survives it.",
        ),
    ],
)
def test_verdicts(others, said):
    found = [difference("max", 0.0, 1.0), *(difference(*each) for each in others)]
    assert verdicts.verdict(found) == said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"x": NEAR}, "No difference to max survives the correction."),
        (
            {"x": NEAR, "y": ABOVE, "z": BELOW},
            "Compared with max after the correction, above it: y (+0.100); below it: z (-0.100). "
            "No other difference survives it.",
        ),
    ],
)
def test_the_notes_say_what_holds(settings, words):
    style = {"scale": 1.0, "digits": 3, "pairs": "clips"}
    table = verdicts.comparison("accuracy", results(max=BASE, **settings), "a", "max", **style)
    assert table.notes.startswith(words + " p: paired t-test over the clips")
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
    assert list(runs.only(("c", "d", "a")).runs) == ["c", "a"]
