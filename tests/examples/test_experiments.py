"""What experiments share: runs that are kept, tests over seeds, tables."""

import dataclasses
import io
import json

import numpy as np
import pytest
from experiments import command, paired, printing, store
from experiments.experiment import Experiment, Results, Table
from rich.console import Console
from scipy import stats
from statsmodels.stats.multitest import multipletests

EFFORT = {"seeds": 3, "epochs": 2}


def experiment(run, settings=("max", "soft")):
    def draw(results, path):
        path.write_text(" ".join(results.runs))

    def tables(results):
        return [paired.table("accuracy", paired.differences(results, "accuracy", "max"))]

    return Experiment("probe", "A probe.", settings, EFFORT, {"seeds": 5, "epochs": 9}, run, tables, draw)


def results(**accuracies):
    runs = {name: [{"accuracy": each} for each in values] for name, values in accuracies.items()}
    return Results("probe", EFFORT, runs, {"seconds": 1})


def test_runs_are_made_once_and_go_on_after_an_interrupt(tmp_path):
    made = []

    def run(setting, seed, effort):
        if len(made) == 3 and "interrupted" not in made:
            made.append("interrupted")
            raise KeyboardInterrupt
        made.append((setting, seed))
        return {"accuracy": seed / 10}

    probe = experiment(run)
    with pytest.raises(KeyboardInterrupt):
        command.run(probe, EFFORT, tmp_path, console=Console(file=io.StringIO()))
    found = command.run(probe, EFFORT, tmp_path, console=Console(file=io.StringIO()))
    assert made == [("max", 0), ("soft", 0), ("max", 1), "interrupted", ("soft", 1), ("max", 2), ("soft", 2)]
    assert found.values("soft", "accuracy") == [0.0, 0.1, 0.2]
    assert [run["seed"] for run in found.runs["max"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("effort", "again", "count"),
    [
        (EFFORT, False, 6),
        (EFFORT, True, 12),
        ({**EFFORT, "seeds": 4}, False, 8),
        ({**EFFORT, "seeds": 2}, False, 6),
        ({**EFFORT, "epochs": 3}, False, 12),
    ],
)
def test_kept_runs_serve_the_same_effort_only(tmp_path, effort, again, count):
    made = []
    probe = experiment(lambda setting, seed, effort: made.append(setting) or {"accuracy": 0.5})
    for numbers, anew in ((EFFORT, False), (effort, again)):
        command.run(probe, numbers, tmp_path, console=Console(file=io.StringIO()), again=anew)
    assert len(made) == count


@pytest.mark.parametrize(
    ("chosen", "made"),
    [
        (None, ["max 0", "soft 0", "sum 0", "max 1", "soft 1"]),
        (["soft"], ["max 0", "soft 0", "max 1", "soft 1"]),
        (["sum"], ["max 0", "sum 0", "max 1"]),
    ],
)
def test_baselines_always_run_and_some_settings_run_once(tmp_path, chosen, made):
    order = []
    probe = dataclasses.replace(
        experiment(lambda setting, seed, effort: order.append(f"{setting} {seed}") or {}),
        settings=("max", "soft", "sum"),
        always=("max",),
        once=("sum",),
    )
    quietly = Console(file=io.StringIO())
    found = command.run(probe, {**EFFORT, "seeds": 2}, tmp_path, chosen, quietly)
    assert order == made
    assert list(found.only(["sum", "max"]).runs) == [each for each in ("sum", "max") if each in found.runs]


def test_the_seed_decides_what_is_random(tmp_path):
    import keras

    probe = experiment(lambda setting, seed, effort: {"accuracy": float(keras.random.normal(()))})
    found = command.run(probe, EFFORT, tmp_path, console=Console(file=io.StringIO()))
    assert found.values("max", "accuracy") == found.values("soft", "accuracy")
    assert len(set(found.values("max", "accuracy"))) == 3


def test_the_command_prints_and_writes(tmp_path, capsys):
    probe = experiment(lambda setting, seed, effort: {"accuracy": seed / 8, "epochs": effort["epochs"]})
    command.main(probe, ["--seeds", "2", "--epochs", "7", "--out", str(tmp_path)])
    assert "accuracy" in capsys.readouterr().out
    kept = store.load(tmp_path / "probe" / "results.json")
    assert kept.effort == {"seeds": 2, "epochs": 7}
    assert kept.values("soft", "epochs") == [7, 7]
    assert (tmp_path / "probe" / "picture.png").read_text() == "max soft"
    assert "| soft |" in (tmp_path / "probe" / "tables.md").read_text()


@pytest.mark.parametrize(
    "arguments", [["--seeds", "0"], ["--seeds", "1"], ["--epochs", "x"], ["--settings", "median"], ["--no"]]
)
def test_bad_arguments(arguments, tmp_path):
    with pytest.raises(SystemExit) as caught:
        command.main(experiment(None), [*arguments, "--out", str(tmp_path)])
    assert caught.value.code == 2


def test_missing_data_is_an_error_of_one_line(tmp_path, capsys):
    def run(setting, seed, effort):
        raise command.data.MissingDataError("apt-get install it")

    with pytest.raises(SystemExit) as caught:
        command.main(experiment(run), ["--out", str(tmp_path)])
    assert caught.value.code == 1
    assert "error: apt-get install it" in capsys.readouterr().err


def test_differences_are_those_of_a_paired_test():
    base, other, third = [0.1, 0.4, 0.3, 0.8], [0.2, 0.45, 0.42, 0.85], [0.5, 0.1, 0.2, 0.9]
    found = paired.differences(results(max=base, soft=other, sum=third), "accuracy", "max")
    soft, total = stats.ttest_rel(other, base), stats.ttest_rel(third, base)
    assert [each.setting for each in found] == ["max", "soft", "sum"]
    assert found[1].p == pytest.approx(soft.pvalue)
    low, high = soft.confidence_interval(0.95)
    assert (found[1].difference - found[1].margin, found[1].difference + found[1].margin) == pytest.approx(
        (low, high)
    )
    # Holm: the smallest of two is doubled, and the other is no smaller than that.
    assert found[1].corrected == pytest.approx(2 * soft.pvalue)
    assert found[2].corrected == pytest.approx(max(2 * soft.pvalue, total.pvalue))
    assert (found[0].difference, found[0].p, found[0].corrected) == (0, 1, 1)
    assert found[0].deviation == pytest.approx(np.std(base, ddof=1))


@pytest.mark.parametrize(
    "ps", [[], [0.04], [0.5, 0.9], [0.04, 0.01, 0.03, 0.02], [0.01, 0.0, 0.01, 1.0, 0.2]]
)
def test_holms_correction(ps):
    expected = multipletests(ps, method="holm")[1] if ps else []
    assert paired.holm(ps) == pytest.approx(list(expected))


def test_equal_runs_prove_nothing():
    (_, same) = paired.differences(results(max=[0.1, 0.2], soft=[0.1, 0.2]), "accuracy", "max")
    assert (same.difference, same.p, same.is_significant) == (0, 1, False)


def test_one_seed_is_no_test():
    with pytest.raises(ValueError, match="two seeds, got 1"):
        paired.differences(results(max=[0.1], soft=[0.2]), "accuracy", "max")


def test_tables():
    table = Table("of things", ["name", "a|b"], [["x", "1"], ["y", "2|3"]], "A note.")
    assert printing.markdown(table).splitlines() == [
        "**of things**",
        "",
        "| name | a\\|b |",
        "| --- | ---: |",
        "| x | 1 |",
        "| y | 2\\|3 |",
        "",
        "A note.",
    ]
    text = io.StringIO()
    Console(file=text, width=60).print(printing.for_terminal(table))
    assert "2|3" in text.getvalue()
    # A narrow terminal breaks what a wide one shows in a line, and leaves nothing out.
    narrow = io.StringIO()
    row = ["a_name_that_is_long", "0.123456789"]
    Console(file=narrow, width=20).print(printing.for_terminal(Table("wide", ["name", "value"], [row])))
    shown = "".join(narrow.getvalue().split())
    assert "…" not in shown
    assert all(digit in shown for digit in "0123456789")


def test_results_survive_a_file(tmp_path):
    before = results(max=[0.1, 0.2], soft=[0.3, 0.4])
    store.save(before, tmp_path / "results.json")
    assert store.load(tmp_path / "results.json") == before


def test_no_run_holds_what_json_lacks(tmp_path):
    kept = store.Store(tmp_path, EFFORT, "1.0")
    with pytest.raises(ValueError, match="JSON"):
        kept.keep("max", 0, {"accuracy": float("nan")})
    assert kept.find("max", 0) is None
    kept.keep("max", 0, {"accuracy": 0.5})
    assert json.loads(json.dumps(kept.find("max", 0))) == {"accuracy": 0.5}
