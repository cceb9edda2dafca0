"""The second step of S3Pool: which positions are kept and how often, and the average at inference."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from cases import DATA_FORMATS, Case
from conftest import run
from standard import assert_frequencies, values

from tf_softpool.ops import s3_pool
from tf_softpool.ops.portable import sampling

seed_of = keras.random.SeedGenerator


# The stride, the size of a grid, and the size of the last grid.
GRIDS = [(2, 2, 0), (2, 2, 1), (2, 4, 3), (2, 4, 1), (3, 6, 5), (3, 3, 2), (2, 6, 4), (1, 3, 2)]


@pytest.mark.parametrize(("stride", "grid", "rest"), GRIDS)
def test_picks(stride, grid, rest):
    seed = seed_of(0)
    draw = tf.function(
        lambda length: sampling.picks(length, stride, grid, seed),
        input_signature=[tf.TensorSpec([], tf.int32)],
    )
    grids = 4000
    chosen = draw(grids * grid + rest).numpy()
    assert len(chosen) == -(-(grids * grid + rest) // stride)
    assert (np.diff(chosen) > 0).all()
    # One call draws from many whole grids. The last grid, which is smaller, is drawn many times.
    kept, kept_of_rest = grid // stride, -(-rest // stride)
    parts = chosen[: grids * kept].reshape(grids, kept) - grid * np.arange(grids)[:, None]
    assert_uniform(parts, grid, kept)
    ends = np.array([draw(grid + rest).numpy()[kept:] - grid for _ in range(1000)])
    assert_uniform(ends, rest, kept_of_rest)


def assert_uniform(parts, size, kept):
    """Checks that `kept` of `size` positions are chosen, and that every choice is equally likely."""
    choices = list(itertools.combinations(range(size), kept))
    assert parts.shape[1] == kept
    counts = [(parts == choice).all(axis=1).sum() for choice in choices]
    assert sum(counts) == len(parts)
    assert_frequencies(counts, [1 / len(choices)] * len(choices))


def test_a_length_shorter_than_a_grid():
    for length in range(1, 8):
        chosen = sampling.picks(length, 2, 8, seed_of(length)).numpy()
        assert len(chosen) == math.ceil(length / 2)
        assert (np.diff(chosen) > 0).all()
        assert 0 <= chosen[0] <= chosen[-1] < length


@pytest.mark.parametrize("data_format", DATA_FORMATS)
@pytest.mark.parametrize("mode", ["eager", "dynamic"])
def test_all_images_and_channels_keep_the_same_positions(mode, data_format):
    rows, columns = 100 * np.arange(7, dtype="float32")[:, None], np.arange(9, dtype="float32")
    x = np.broadcast_to((rows + columns)[None, :, :, None], (3, 7, 9, 2))
    x = np.moveaxis(x, -1, 1) if data_format == "channels_first" else x
    seed = seed_of(0)
    y = run(mode, lambda x: s3_pool.downsample(x, (2, 3), (4, 3), data_format, seed), x)
    y = np.asarray(y) if data_format == "channels_last" else np.moveaxis(y, 1, -1)
    assert y.shape == (3, 4, 3, 2)
    assert (y == y[:1, :, :, :1]).all()
    kept = y[0, :, :, 0]
    assert (kept // 100 == kept[:, :1] // 100).all()
    assert (kept % 100 == kept[:1] % 100).all()
    assert (np.diff(kept[:, 0] // 100) > 0).all()
    assert (np.diff(kept[0] % 100) > 0).all()


@pytest.mark.parametrize(
    ("dtype", "mode", "data_format"),
    [
        ("float16", "eager", "channels_last"),
        ("float32", "dynamic", "channels_first"),
        ("float64", "dynamic", "channels_last"),
    ],
)
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 2), (5, 20)])
def test_average_of_cells(strides, mode, dtype, data_format):
    x = values(Case((7, 8), (1, 1), (1, 1)), data_format, dtype)
    y = run(mode, lambda x: s3_pool.downsample(x, strides, strides, data_format), x)
    last = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
    cells = [range(0, n, s) for n, s in zip((7, 8), strides, strict=True)]
    expected = np.array(
        [
            [last[:, i : i + strides[0], j : j + strides[1]].astype("float64").mean((1, 2)) for j in cells[1]]
            for i in cells[0]
        ]
    ).transpose(2, 0, 1, 3)
    expected = np.moveaxis(expected, -1, 1) if data_format == "channels_first" else expected
    assert y.dtype == dtype
    tolerance = {"float16": 1e-3, "float32": 1e-6, "float64": 1e-13}[dtype]
    np.testing.assert_allclose(np.asarray(y, "float64"), expected, rtol=tolerance, atol=5 * tolerance)


@pytest.mark.parametrize(
    ("grid_size", "strides", "message"),
    [
        (3, (2, 2), "must be a multiple of the strides"),
        ((4, 3), (2, 2), "must be a multiple of the strides"),
        (1, (2, 2), "must be a multiple of the strides"),
        (0, (2, 2), "`grid_size` must be an integer or 2 integers"),
        ((4, 4, 4), (2, 2), "`grid_size` must be an integer or 2 integers"),
        (2.0, (2, 2), "`grid_size` must be an integer or 2 integers"),
    ],
)
def test_bad_grids(grid_size, strides, message):
    with pytest.raises(ValueError, match=message):
        sampling.check_grid_size(grid_size, strides)
