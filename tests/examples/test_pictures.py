"""Pictures pooled by every pooling."""

import io
import math

import numpy as np
import pictures as example
import pytest
from experiments import command
from experiments.experiment import Results
from rich.console import Console

EFFORT = {"seeds": 1, "side": 20, "seconds": 1}
POOLINGS = (*example.OURS, "average", "max", example.LIP, example.S3DPP)


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    monkeypatch.setattr(example, "NAMES", ("astronaut", "text", "coffee"))
    monkeypatch.setattr(example.data, "photographs", list)
    example.pictures.cache_clear()


def test_pictures_are_the_middle_of_larger_ones():
    shown = example.pictures(20)
    assert list(shown) == ["astronaut", "text", "coffee"]
    assert shown["astronaut"].shape == (20, 20, 3)
    picture = np.arange(5 * 4).reshape(5, 4)
    assert example._middle(picture, 2).tolist() == [[5, 6], [9, 10]]
    assert example._middle(picture, 9).tolist() == picture.tolist()


@pytest.mark.parametrize("k", example.SIZES)
def test_runs_score_every_pooling_on_every_picture(k):
    run = example.run(f"k={k}, nearest", 0, EFFORT)
    scores = example.scores_of(Results("", EFFORT, {"one": [run]}), "one")
    assert {score["picture"] for score in scores} == {"astronaut", "text", "coffee"}
    named = {score["pooling"] for score in scores}
    assert {
        name.removesuffix("_draw").removesuffix("_expect").removesuffix("_infer") for name in named
    } == set(POOLINGS)
    # The mean of a window has the smallest squared error.
    for picture in ("astronaut", "text", "coffee"):
        own = {(s["pooling"], s["range"]): s["PSNR"] for s in scores if s["picture"] == picture}
        assert max(own.values()) <= own["average", "any"] + 1e-3
    assert {s["range"] for s in scores if s["pooling"] == "soft"} == set(example.RANGES)


def score(pooling, range_, picture, value, way=None):
    return {
        "picture": picture,
        "pooling": pooling,
        "range": range_,
        "SSIM": value,
        "PSNR": None if value == 1 else 30 * value,
        "way": way,
    }


def made(soft):
    """Returns results in which average pooling has about 0.5, max pooling 0.3, and SoftPool more or less."""
    scores = []
    for i, picture in enumerate(("astronaut", "text", "coffee", "a photograph")):
        scores += [score("average", "any", picture, 0.5 + 0.002 * i), score("max", "any", picture, 0.3)]
        for range_, gain in zip(example.RANGES, soft, strict=True):
            scores.append(score("soft", range_, picture, 0.5 + 0.0021 * i + gain, way=abs(gain)))
    runs = {setting: [example.packed(scores)] for setting in example.SETTINGS[:-1]}
    return Results("", {**EFFORT, "side": 80}, runs)


@pytest.mark.parametrize(
    ("soft", "first", "above_average"),
    [((-0.1, -0.1, -0.1), 0, 0), ((0.1, -0.1, -0.1), 18, 6), ((0.1, 0.1, 0.1), 54, 18)],
)
def test_the_words_follow_the_numbers(soft, first, above_average):
    means, firsts, tests, ways = example.tables(made(soft))
    assert [row[0] for row in means.rows] == ["average", "max", "soft"]
    assert means.rows[0][1:3] == ["0.503 / 15.09", "0.714 / 51.2"]
    assert f"SoftPool is first in {first} of 54." in firsts.notes
    assert (
        f"above average pooling in {above_average} of 18 settings, and above max pooling in 18" in tests.notes
    )
    assert [row[:2] for row in ways.rows] == [
        [f"{group}, {range_}", "10%"]
        for group in ("scikit-image", "photographs")
        for range_ in example.RANGES
    ]


def test_pictures_that_stay_as_they_are_have_no_psnr():
    scores = [
        score("average", "any", "a", 1),
        score("average", "any", "b", 0.5),
        score("average", "any", "c", 0.6),
    ]
    found = example.by_picture(
        Results("", EFFORT, {"k=2, nearest": [example.packed(scores)]}), "k=2, nearest", "PSNR"
    )
    assert found.values("average", "value") == [15, 18]


def test_latency_table():
    times = [
        {"pooling": name, "pass": which, "ms": ms * factor, "of max": ms}
        for name, ms in (("max", 1.0), ("average", 0.5), ("soft", 2.0))
        for which, factor in (("forward", 1), ("forward + backward", 3))
    ]
    (table,) = example.tables(Results("", EFFORT, {example.LATENCY: [{"times": times}]}))
    assert table.rows == [
        ["average", "0.50", "0.50", "1.50", "0.50", "9 / 49"],
        ["max", "1.00", "1.00", "3.00", "1.00", "91 / 152"],
        ["soft", "2.00", "2.00", "6.00", "2.00", "31 / 156"],
    ]


def test_the_command_and_the_picture(tmp_path):
    found = command.run(example.EXPERIMENT, EFFORT, tmp_path, ["k=5, bicubic"], Console(file=io.StringIO()))
    assert all(math.isfinite(each["SSIM"]) for each in example.scores_of(found, "k=5, bicubic"))
    example.draw(made((0.1, 0.2, 0.3)), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
