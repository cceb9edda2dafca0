"""What poolings learn, and what the example says about it."""

import json

import learned_parameters
import numpy as np
import pytest
from experiments import command
from experiments.experiment import Results


@pytest.mark.parametrize(
    ("setting", "start"),
    [
        ("sorted", {f"weight of rank {i}": 0.25 for i in (1, 2, 3, 4)}),
        (
            "sorted, near max",
            {"weight of rank 1": 0.9, **{f"weight of rank {i}": 0.1 / 3 for i in (2, 3, 4)}},
        ),
        ("DPP symmetric", dict.fromkeys(("alpha", "alpha, low", "alpha, high"), 1.0)),
        ("Lp", {"p": 2.0}),
        ("Lp from 4", {"p": 4.0}),
        ("mixed from 0.9", {"share of max": 0.9}),
    ],
)
def test_parameters_at_the_start(setting, start):
    layer = learned_parameters.POOLINGS[setting]()
    layer.build((None, 8, 8, 3))
    found = learned_parameters.parameters(layer)
    assert {name: found[name] for name in start} == pytest.approx(start)


def test_of_channels_the_median_counts():
    layer = learned_parameters.POOLINGS["DPP asymmetric"]()
    layer.build((None, 8, 8, 3))
    layer.log_lambda.assign(np.log([1.0, 2.0, 7.0]))
    found = learned_parameters.parameters(layer)
    assert [found[f"lambda{end}"] for end in ("", ", low", ", high")] == pytest.approx([2.0, 1.2, 6.0])


def made_up():
    """p rises from 2 or falls from 4 to about 3 in the first layer, and goes nowhere in others."""

    def run(start, first, noise):
        rising = {"p": [start, (start + first) / 2, first, first, first + noise]}
        return {"curves": [rising, {"p": [start] * 4 + [start + noise]}, {"p": [start] * 5}]}

    noise = [0.01, -0.01, 0.02, -0.02, 0.001]
    runs = {
        "Lp": [run(2.0, 3.0, each) for each in noise],
        "Lp from 4": [run(4.0, 3.0, each) for each in reversed(noise)],
    }
    return Results("learned_parameters", {"seeds": 5}, runs)


def test_tables_say_what_moved():
    ends, starts = learned_parameters.tables(made_up())
    assert ends.title == "What networks learn: p"
    assert [[*row[:5], row[6]] for row in ends.rows] == [
        ["Lp, pooling 1", "p", "2.00", "3.00 ± 0.02", "", "up"],
        ["Lp from 4, pooling 1", "p", "4.00", "3.00 ± 0.02", "", "down"],
        ["Lp, pooling 2", "p", "2.00", "2.00 ± 0.02", "", "not shown"],
        ["Lp from 4, pooling 2", "p", "4.00", "4.00 ± 0.02", "", "not shown"],
        ["Lp, pooling 3", "p", "2.00", "2.00 ± 0.00", "", "not shown"],
        ["Lp from 4, pooling 3", "p", "4.00", "4.00 ± 0.00", "", "not shown"],
    ]
    assert [(row[2], row[4], row[6]) for row in starts.rows] == [
        ("+2.00", "0%", "not shown to differ"),
        ("+2.00", "100%", "apart"),
        ("+2.00", "100%", "apart"),
    ]
    assert starts.notes.startswith("2 of 3 pairs are still apart at the end")


def test_it_runs(tmp_path, eagerly):
    settings = ["sorted", "DPP symmetric"]
    small = ["--seeds", "2", "--epochs", "2", "--pictures", "64", "--out", str(tmp_path)]
    command.main(learned_parameters.EXPERIMENT, [*small, "--settings", *settings])
    assert (tmp_path / "learned_parameters" / "picture.png").stat().st_size > 10_000
    kept = json.loads((tmp_path / "learned_parameters" / "results.json").read_text())["runs"]
    curves = kept["sorted"][0]["curves"]
    assert [len(layer["weight of rank 1"]) for layer in curves] == [3, 3, 3]
    assert curves[0]["weight of rank 1"][0] == 0.25 != curves[0]["weight of rank 1"][2]
