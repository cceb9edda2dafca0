"""Videos and heads pooled in 3D."""

import functools
import io

import numpy as np
import pytest
import video_and_volume as example
from experiments import command
from experiments.experiment import Results
from rich.console import Console

EFFORT = {"seeds": 1, "frames": 12, "side": 12}


brain = functools.cache(lambda heads=example.data.heads: [next(heads())])


@pytest.fixture(autouse=True)
def few_volumes(monkeypatch):
    """Leaves out the volumes that take long to read."""
    monkeypatch.setattr(example.data, "heads", brain)
    short = {
        name: path for name, path in example.data.clips().items() if name in ("bikes", "carphone_pristine")
    }
    monkeypatch.setattr(example.data, "clips", lambda: short)
    example.volumes.cache_clear()


def test_the_seed_decides_the_parts():
    first = example.volumes.__wrapped__(0, 6, 12)
    again, other = example.volumes.__wrapped__(0, 6, 12), example.volumes.__wrapped__(1, 6, 12)
    assert {"bikes", "brain"} <= set(first)
    for name, volume in first.items():
        assert volume.shape == ((12, 12, 12, 1) if name in ("brain", "head") else (6, 12, 12, 3))
        assert 0 <= volume.min() <= volume.max() <= 1
        assert np.array_equal(volume, again[name])
    assert not np.array_equal(first["bikes"], other["bikes"])


@pytest.mark.parametrize("setting", example.SETTINGS)
@pytest.mark.parametrize("k", example.SIZES)
def test_pooled_volumes_keep_their_size_and_constants(setting, k):
    volume = np.full((6, 12, 6, 2), 0.25, "float32")
    back = example.pooled(volume, setting, k, 0)
    assert back.shape == volume.shape
    # Mixtures of equal values are those values.
    np.testing.assert_allclose(back, 0.25, rtol=1e-5)


def test_average_and_max_are_those_of_numpy():
    volume = np.random.default_rng(0).random((4, 4, 6, 1)).astype("float32")
    blocks = volume.reshape(2, 2, 2, 2, 3, 2, 1)
    for setting, reduce in (("average", np.mean), ("max", np.max)):
        small = reduce(blocks, axis=(1, 3, 5))
        expected = np.kron(small, np.ones((2, 2, 2, 1)))
        np.testing.assert_allclose(example.pooled(volume, setting, 2, 0), expected, rtol=1e-6)


def test_on_larger_values_soft_pooling_is_near_max_pooling():
    volume = np.random.default_rng(0).random((6, 6, 6, 1)).astype("float32")
    near = {name: example.pooled(volume, name, 3, 0) for name in ("average", "max", "soft", "soft on 0..255")}
    assert abs(near["soft"] - near["average"]).max() < 0.5 * abs(near["max"] - near["average"]).max()
    assert abs(near["soft on 0..255"] - near["max"]).mean() < 0.01


def test_runs_tables_and_picture(tmp_path, monkeypatch):
    found = command.run(
        example.EXPERIMENT, EFFORT, tmp_path, ["average", "max", "soft"], Console(file=io.StringIO())
    )
    *tables, first = example.tables(found)
    assert [table.title for table in tables] == [
        f"{measure}, windows {k}x{k}x{k}" for k in (2, 3) for measure in ("PSNR", "SSIM")
    ]
    # The mean of a window has the smallest squared error.
    count = len(found.runs["max"][0]["scores"])
    assert first.rows[0][1] == f"average {count} of {count}"
    monkeypatch.setattr(example, "DRAWN_VOLUMES", ("bikes", "brain"))
    example.draw(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_the_mean_of_the_parts_is_tested():
    def run(*values):
        return {"scores": {name: {"2": {"PSNR": value}} for name, value in zip("ab", values, strict=True)}}

    made = Results("", {}, {"average": [run(20, 30), run(22, 36)], "soft": [run(1, 2), run(2, 4)]})
    assert example.by_volume(made, 2, "PSNR").values("average", "value") == [21, 33]
    assert example._first(example.by_volume(made, 2, "PSNR")) == ["average 2 of 2", "0 of 2", "", ""]
