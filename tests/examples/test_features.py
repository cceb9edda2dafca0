"""Networks that are looked into."""

import io

import features as example
import keras
import numpy as np
import pytest
from experiments import command
from experiments.experiment import Results
from rich.console import Console

EFFORT = {"seeds": 1, "epochs": 1, "train": 128, "test": 120, "steps": 2}


def apart(distance):
    """Returns features of ten classes, twelve of each, with a distance between their centers."""
    labels = np.repeat(np.arange(10), 12)
    noise = np.random.default_rng(0).normal(size=(len(labels), 10))
    return np.eye(10)[labels] * distance + noise, labels


def test_classes_that_lie_apart_are_compact():
    far, _ = example.compactness(*apart(40), 0)
    near, points = example.compactness(*apart(1), 0)
    assert far["purity"] == far["rand index"] == 1
    assert far["silhouette"] > 0.8
    assert points.shape == (120, 2)
    for name in ("silhouette", "silhouette in t-SNE", "purity", "rand index"):
        assert near[name] < far[name]


def test_grad_cam_is_the_gradient_times_the_map():
    model = example.network("soft")
    pictures, labels = np.random.default_rng(0).random((3, 28, 28, 1)).astype("float32"), np.array([0, 4, 9])
    # Behind the mean over positions is one dense layer, whose kernel is the gradient.
    maps = np.asarray(example.up_to(model, example.LAST)(pictures))
    kernel = np.asarray(model.layers[-1].kernel)[:, labels].T
    expected = np.maximum((maps * kernel[:, None, None]).sum(-1), 0)
    found = example.grad_cam(model, pictures, labels)
    scale = np.maximum(expected.max(axis=(1, 2), keepdims=True), 1e-8)
    np.testing.assert_allclose(found, expected / scale, atol=1e-4)


@pytest.mark.parametrize("pooling", example.POOLINGS)
def test_the_ascent_raises_the_channels(pooling):
    keras.utils.set_random_seed(0)
    model = example.network(pooling)
    random = np.random.default_rng(1)
    x, y = random.random((20, 28, 28, 1)).astype("float32"), np.tile(np.arange(10), 2)
    maps = example.up_to(model, example.LAST)
    few, many = (example.maximized(model, x, y, steps) for steps in (1, 30))
    assert many.shape == (10, 28, 28)
    assert 0 <= many.min() <= many.max() <= 1
    assert np.asarray(maps(many[..., None])).mean() > np.asarray(maps(few[..., None])).mean()


def test_likeness_is_a_correlation():
    labels = np.arange(10)
    pictures = np.random.default_rng(0).random((10, 28, 28, 1))
    assert example.likeness(pictures[..., 0], pictures, labels) == pytest.approx(1)
    assert example.likeness(-pictures[..., 0], pictures, labels) == pytest.approx(-1)
    assert example.likeness(np.zeros((10, 28, 28)), pictures, labels) == 0


def test_runs_tables_and_picture(tmp_path):
    found = command.run(example.EXPERIMENT, EFFORT, tmp_path, console=Console(file=io.StringIO()))
    # One seed is no test.
    assert example.tables(found) == []
    (run,) = found.runs["soft"]
    assert set(example.MEASURES) <= set(run)
    assert np.shape(run["maps"]) == (example.LOOKED_AT, 49)
    example.draw(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def made(shift, maps, **others):
    """Returns five runs whose measures are a little higher than those of others."""
    values = [dict.fromkeys(example.MEASURES, 0.5 + 0.01 * i + shift) for i in range(5)]
    return [{**each, "maps": maps(i), **others} for i, each in enumerate(values)]


@pytest.mark.parametrize(
    ("shift", "said"),
    [(0.0, "No difference survives the correction."), (0.1, "higher with SoftPool: accuracy")],
)
def test_the_words_follow_the_numbers(shift, said):
    def turning(i):
        return [np.roll([1.0, 0.0, 0.0, 0.0, 0.0], i).tolist()] * 2

    results = Results("", {"seeds": 5}, {"max": made(0, turning), "soft": made(shift, turning)})
    measures, maps = example.tables(results)
    assert [row[1] for row in measures.rows] == ["0.520"] * len(example.MEASURES)
    assert said in measures.notes
    # The maps of one seed are equal, and those of two seeds are not.
    assert [row[1].split()[0] for row in maps.rows] == ["1.000", "-0.250"]
    assert "less than another seed does" in maps.notes
