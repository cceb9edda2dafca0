"""McNemar's test: the SoftPool paper's numbers, and pairs of networks."""

import math

import mcnemar
import numpy as np
import pytest
from experiments import command, printed_significance, store
from experiments.experiment import Results
from experiments.softpool_paper import GAINS, NETWORKS, PICTURES

BY_NAME = {each.name: each for each in NETWORKS}


@pytest.mark.parametrize(
    ("first", "second", "chi_squared"),
    # By hand: (|first - second| - 1)^2 / (first + second).
    [(30, 10, 361 / 40), (10, 30, 361 / 40), (5, 4, 0.0), (3795, 3011, 783**2 / 6806), (0, 0, 0.0)],
)
def test_chi_squared(first, second, chi_squared):
    found, p = printed_significance.chi_squared_and_p(first, second)
    assert found == pytest.approx(chi_squared)
    # With one degree of freedom, p is that of a normal variable beyond the root of chi-squared.
    assert p == pytest.approx(math.erfc(math.sqrt(chi_squared / 2)))


def test_counts_are_of_all_pictures():
    assert len(NETWORKS) == 13
    for each in NETWORKS:
        assert each.both + each.soft_only + each.original_only + each.neither == PICTURES
        if each.table == 2:
            top_1, _, cells = GAINS[each.name]
            assert (each.original, each.soft) == (top_1, cells[2][0])


def test_what_the_paper_prints_and_what_follows():
    assert all(map(printed_significance.chi_squared_follows, NETWORKS))
    assert [each.name for each in NETWORKS if not printed_significance.p_follows(each)] == [
        "ResNeXt101 32x8d"
    ]
    wide, three = BY_NAME["wide-ResNet50"], BY_NAME["InceptionV3"]
    assert {each.name for each in NETWORKS if each.sums != each.totals} == {wide.name, three.name}
    assert (wide.sums[2], wide.totals[2]) == (36638 + 2636, 38781)
    assert (three.sums[0], three.totals[0]) == (36341 + 3029, 14874)
    # 34097 + 2253 and 34097 + 3836 of 50,000.
    assert printed_significance.accuracies(BY_NAME["DenseNet121"]) == pytest.approx((72.7, 75.866))
    assert printed_significance.wrong_gains() == [
        ("ResNet50", "from scratch, top-1", 1.17, 1.20),
        ("DenseNet121", "pre-trained, top-1", 0.57, 0.62),
        ("DenseNet161", "from scratch, top-1", 0.93, 1.07),
        ("ResNeXt50 32x4d", "from scratch, top-5", 0.67, -0.33),
        ("ResNeXt101 32x8d", "pre-trained, top-1", 0.58, -0.42),
    ]


def test_tables_of_the_paper():
    tests, accuracies, gains = printed_significance.printed_tables()
    assert tests.notes.startswith("13 of 13 printed chi-squared and 12 printed p follow")
    assert [(row[0], row[5]) for row in tests.rows if row[5]] == [
        ("ResNeXt101 32x8d", "p"),
        ("wide-ResNet50", "sums"),
        ("InceptionV3", "sums"),
    ]
    assert "0.5 points: ResNet34, DenseNet121, ResNeXt101 32x8d." in accuracies.notes
    assert gains.notes.startswith("5 of 44 printed gains differ")


def made_up(apart, other):
    """Three networks of max that disagree in `apart` of 1,000 pictures, and three of SoftPool in `other`."""

    def right(count, first):
        found = np.ones(1000, bool)
        found[first : first + count] = False
        return {"right": "".join("1" if each else "0" for each in found), "accuracy": found.mean()}

    return Results(
        "mcnemar",
        {"seeds": 3},
        {
            "max": [right(100, 0), right(100 + apart, 0), right(100 + 2 * apart, 0)],
            "SoftPool": [right(100 + other, 0) for _ in range(3)],
        },
    )


@pytest.mark.parametrize(
    ("apart", "other", "same", "pooling", "words"),
    [
        (50, 200, 3, 6, "So a small p shows that two networks differ, and not that their poolings"),
        (0, 200, 0, 6, "So in these runs, a small p is rare if pooling is the same."),
        # 0, 1 or 2 pictures apart; chi-squared of 5 pictures on one side is 16/5, so p is .07.
        (1, 5, 0, 0, "So in these runs, a small p is rare if pooling is the same."),
    ],
)
def test_words_about_pairs(apart, other, same, pooling, words):
    table = next(each for each in mcnemar.tables(made_up(apart, other)) if "pairs" in each.title)
    assert [row[3] for row in table.rows[:2]] == [f"{same} of 3", f"{pooling} of 6"]
    assert table.notes.startswith(f"The test calls {same} of 3 pairs of max networks different")
    assert words in table.notes


def test_it_runs(tmp_path, eagerly):
    small = ["--seeds", "2", "--epochs", "1", "--tuning", "1", "--pictures", "64", "--tested", "100"]
    settings = ["--settings", mcnemar.MAX, mcnemar.SOFT_ON]
    command.main(mcnemar.EXPERIMENT, [*small, *settings, "--out", str(tmp_path)])
    assert (tmp_path / "mcnemar" / "picture.png").stat().st_size > 10_000
    kept = store.load(tmp_path / "mcnemar" / "results.json")
    for each in (run for runs in kept.runs.values() for run in runs):
        assert len(each["right"]) == 100
        assert each["right"].count("1") / 100 == each["accuracy"]
