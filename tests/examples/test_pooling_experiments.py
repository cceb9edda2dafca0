"""Experiments that train networks with many poolings: tiny runs, and tables of made-up results."""

import dataclasses
import io

import from_scratch
import keras
import numpy as np
import progressive
import pytest
import replaced
from experiments import columns, command, data, fashion
from experiments.experiment import Results
from rich.console import Console

TINY = {"seeds": 2, "epochs": 1, "pictures": 64, "tests": 100, "measured": 0}


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    """Takes the place of Fashion-MNIST, which is large and may be missing: squares of two sizes."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 200).astype("int32")
    x = random.uniform(0, 0.2, (200, 28, 28, 1)).astype("float32")
    x[y == 1, 4:24, 4:24] += 0.8
    monkeypatch.setattr(data, "fashion_mnist", lambda: (x, y, x[:100], y[:100]))
    fashion._weights.cache_clear()


def run(experiment, settings, folder):
    quietly = Console(file=io.StringIO())
    found = command.run(experiment, TINY, folder, settings, quietly)
    command.show(experiment, found, folder, quietly)
    assert (folder / "picture.png").stat().st_size > 10_000
    return found


def made_up(experiment, values, seeds=5, spread=1e-4):
    """Returns results in which a setting's numbers are given, and seeds differ a little."""
    random = np.random.default_rng(0)
    noise = random.normal(size=(len(values), seeds)) * spread
    runs = {
        setting: [
            {name: number + noise[i, seed] for name, number in numbers.items()} for seed in range(seeds)
        ]
        for i, (setting, numbers) in enumerate(values.items())
    }
    effort = {**experiment.short, "seeds": seeds}
    return Results(experiment.name, effort, runs, {"seconds": 1})


def test_from_scratch_runs(tmp_path):
    found = run(from_scratch.EXPERIMENT, ["soft"], tmp_path)
    assert list(found.runs) == ["max", "soft"]
    for runs in found.runs.values():
        assert all(0 <= each["accuracy all"] <= 1 and each["ms"] > 0 for each in runs)
        # With one epoch, all lengths of training are the same.
        assert [each["accuracy gained"] for each in runs] == [0, 0]


@pytest.mark.parametrize(
    ("epochs", "scored"), [(8, [2, 4, 8]), (20, [5, 10, 20]), (3, [1, 2, 3]), (1, [1, 1, 1])]
)
def test_lengths_of_training(epochs, scored):
    assert list(from_scratch.epochs_of({"epochs": epochs}).values()) == scored


def scratch(accuracies, early=None):
    early = early or accuracies
    return made_up(
        from_scratch.EXPERIMENT,
        {
            name: {
                "accuracy quarter": early[name],
                "accuracy half": early[name],
                "accuracy all": accuracies[name],
                "accuracy gained": accuracies[name] - early[name],
                "cross entropy quarter": 1.0,
                "cross entropy half": 1.0,
                "cross entropy all": 1.0,
                "cross entropy gained": 0.0,
                "ms": 2.0,
            }
            for name in accuracies
        },
    )


SOFTPOOL = {name: top / 100 for name, top in from_scratch.PAPERS["SoftPool's paper, ResNet18"].items()}
REVERSED = {name: 1 - top for name, top in SOFTPOOL.items()}
THREE = {name: SOFTPOOL[name] for name in ("max", "soft", "Lp")}


@pytest.mark.parametrize(
    ("accuracies", "early", "correlation", "said"),
    [
        (SOFTPOOL, None, "+1.00", "survive the correction: SoftPool's paper, ResNet18, 2 epochs (+1.00)"),
        (
            REVERSED,
            None,
            "-1.00",
            "the correction: SoftPool's paper, ResNet18, 2 epochs (-1.00, the reverse order)",
        ),
        (SOFTPOOL, REVERSED, "-1.00", "after 2 and after 8 epochs correlate by -1.00"),
        # Three poolings have six orders only, which prove nothing.
        (THREE, None, "+1.00", "No correlation survives the correction"),
    ],
)
def test_orders_of_papers(accuracies, early, correlation, said):
    table = from_scratch.tables(scratch(accuracies, early))[-1]
    row = table.rows[0]
    assert (row[0], row[1], row[2]) == ("SoftPool's paper, ResNet18", "2", str(len(accuracies)))
    assert row[3] == correlation
    assert said in table.notes


def test_the_papers_have_the_best_pooling_that_they_claim():
    best = {paper: max(rows, key=rows.get) for paper, rows in from_scratch.PAPERS.items()}
    assert best == {
        "SoftPool's paper, ResNet18": "soft",
        "DPP's paper, VGG": "DPP full sym",
        "DPP's paper, NIN": "S3DPP lite sym",
        "DPP's paper, ResNet": "S3DPP lite sym",
    }
    assert "S3DPP lite sym" not in from_scratch.PAPERS["DPP's paper, VGG"]
    names = {name for rows in from_scratch.PAPERS.values() for name in rows}
    assert names <= set(from_scratch.EXPERIMENT.settings)


def test_replaced_runs(tmp_path):
    found = run(replaced.EXPERIMENT, ["mixed"], tmp_path)
    assert found.values("mixed", "replaced") == [2, 2]
    # Mixed pooling starts as max pooling, and all settings of a seed start with the same network.
    assert found.values("mixed", "cross entropy before") == pytest.approx(
        found.values("max", "cross entropy before"), rel=1e-5
    )


def test_networks_are_trained_once_and_always_alike():
    made = []

    def make():
        made.append("network")
        return fashion.network(lambda: keras.layers.MaxPooling2D(2))

    first = fashion.trained(make, 3, TINY).get_weights()
    again = fashion.trained(make, 3, TINY).get_weights()
    # One network was trained, and two got its weights.
    assert len(made) == 3
    fashion._weights.cache_clear()
    anew = fashion.trained(make, 3, TINY).get_weights()
    other = fashion.trained(make, 4, TINY).get_weights()
    for a, b, c, d in zip(first, again, anew, other, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        assert not np.array_equal(a, d)


@pytest.mark.parametrize(
    ("soft", "spread", "said"),
    [
        (0.82, 1e-4, "SoftPool without training also gains: +2.0"),
        (0.78, 1e-4, "SoftPool without training loses, and does not gain: -2.0"),
        (0.80, 1e-2, "the difference of SoftPool without training does not survive the correction"),
    ],
)
def test_what_is_said_of_softpool(soft, spread, said):
    names = [
        f"{when}{noise}" for when in ("before", "after") for noise in ("", ", noise 0.15", ", noise 0.3")
    ]
    values = {"max": dict.fromkeys(names, 0.8), "soft": dict.fromkeys(names, soft)}
    accuracies, noisy = replaced.tables(made_up(replaced.EXPERIMENT, values, spread=spread))
    assert said in accuracies.notes
    assert [len(row) for row in noisy.rows] == [6, 6]


def seven_poolings():
    """Returns a network that is quick to trace, with seven poolings."""
    layers = keras.layers
    poolings = [layers.MaxPooling2D(2), *(layers.AveragePooling2D(3, 1, padding="same") for _ in range(6))]
    return keras.Sequential(
        [keras.Input(fashion.SHAPE), *poolings, layers.Flatten(), layers.Dense(10, activation="softmax")]
    )


def test_progressive_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(progressive, "network", seven_poolings)
    found = run(progressive.EXPERIMENT, ["last 3"], tmp_path)
    assert found.values("original", "replaced") == [0, 0]
    assert found.values("last 3", "replaced") == [3, 3]


@pytest.mark.parametrize(
    ("setting", "soft"),
    [
        ("original", ""),
        ("first 1", "1"),
        ("first 4", "1 m1 m2 m3"),
        ("last 2", "m5 m6"),
        ("all 7", "1 m1 m2 m3 m4 m5 m6"),
    ],
)
def test_poolings_of_the_small_inception_network(setting, soft):
    model, _ = progressive.replaced(progressive.network(), setting)
    names = [layer.name for layer in model.layers if type(layer).__name__ == "SoftPooling2D"]
    short = [name.replace("mixed", "m").replace("_pool", "").replace("pool", "") for name in names]
    assert sorted(short) == soft.split()


def test_rewritten_networks_are_measured():
    found = progressive.rewrite_and_measure(seven_poolings, [0, 2, 7], TINY)
    assert found["replaced"] == [0, 2, 7]
    assert found["same weights"] == found["same shapes"] == [1, 1, 1]
    assert all(
        low <= middle <= high
        for low, middle, high in zip(*map(found.get, ("ratio low", "ratio", "ratio high")), strict=True)
    )


@pytest.mark.slow
def test_inception_v3_has_the_poolings_of_the_table():
    model = keras.applications.InceptionV3(weights=None, classes=10, input_shape=(75, 75, 3))
    for count, _ in progressive.PAPER.values():
        if count:
            _, report = progressive.tsp.replace_pooling(model, progressive.SOFT, first=count)
            assert len(report.replaced) == count
    assert len(progressive.tsp.replace_pooling(model, progressive.SOFT, dry_run=True).replaced) == 13


@pytest.mark.parametrize(
    ("slope", "spread", "said"),
    [
        (0.01, 1e-4, "from the first, without training: accuracy rises; from the last, without"),
        (-0.01, 1e-4, "from the first, without training: accuracy falls; from the last, without"),
        (0.0, 1e-2, "No trend survives the correction"),
    ],
)
def test_trends(slope, spread, said):
    counts = {setting: int(setting.split()[1]) if " " in setting else 0 for setting in progressive.SMALL}
    values = {
        setting: {"before": 0.8 + slope * count, "after": 0.8 + slope * count}
        for setting, count in counts.items()
    }
    _, trends = progressive.tables(made_up(progressive.EXPERIMENT, values, spread=spread))
    assert said in trends.notes
    assert trends.rows[0][1].startswith(f"{100 * slope:+.2f}"[:4] if slope else ("+", "-"))


@pytest.mark.parametrize(
    ("replaced_poolings", "said"), [(None, "Every copy has"), (3, "NOT as they should be")]
)
def test_the_table_of_inception_v3(replaced_poolings, said):
    counts = [count for count, _ in progressive.PAPER.values()]
    ones = dict.fromkeys(
        ("same weights", "same shapes", "original ms", "ms", "ratio", "ratio low", "ratio high"), [1.0] * 8
    )
    made = [replaced_poolings or count for count in counts]
    table = progressive._large({**ones, "asked": counts, "replaced": made, "processors": 1})
    assert said in table.notes
    assert [row[1] for row in table.rows] == ["0", "1", "2", "5", "6", "10", "11", "13"]


def test_columns():
    values = {"max": {"early": 0.5, "late": 0.7}, "soft": {"early": 0.5, "late": 0.8}}
    found = made_up(dataclasses.replace(replaced.EXPERIMENT), values, spread=0)
    table = columns.table(found, "t", ("mean", "late"), {"a": "early", "b": "late"}, "max", more={"n": len})
    assert table.header == ["setting", "mean", "a, minus max", "b, minus max", "n"]
    assert table.rows == [
        ["soft", "80.00 ± 0.00", "+0.00 ± 0.00", "+10.00 ± 0.00 *", 4],
        ["max", "70.00 ± 0.00", "", "", 3],
    ]
    assert "a: No difference to max survives the correction. b: Compared with max" in table.notes
