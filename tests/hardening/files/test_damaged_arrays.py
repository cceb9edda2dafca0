"""Damaged `.npy` files, given to the C program in examples/serving_c.

It is compiled with sanitizers. What it takes for an array, NumPy must take for the same array.
"""

from random import Random

import array_damage
import numpy as np
import pytest
from byte_damage import BYTE_DAMAGE
from file_reader import Reader

# So many files are given to a process.
BATCH = 500


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return Reader(tmp_path_factory.mktemp("reader"))


def damaged(path, seed):
    """Writes a damaged file, chosen by a seed."""
    random = Random(seed)
    np.save(path, np.arange(32, dtype="float32").reshape(2, 4, 4))
    if seed % 2:
        path.write_bytes(random.choice(BYTE_DAMAGE)(path.read_bytes(), random))
    else:
        random.choice([*array_damage.RANDOM, *array_damage.HOSTILE])(path, random, path.parent)
    if not path.stat().st_size:
        path.write_bytes(b"\x93")


def test_damaged_arrays(reader, effort, tmp_path):
    said = set()
    for start in range(0, effort(500, 20_000), BATCH):
        paths = [tmp_path / f"{seed}.npy" for seed in range(start, start + BATCH)]
        for seed, path in enumerate(paths, start):
            damaged(path, seed)
        words = reader(paths)
        assert len(words) == BATCH
        said.update(words)
        for path in (path for path, word in zip(paths, words, strict=True) if word == "read"):
            assert_same(path)
        for path in tmp_path.iterdir():
            path.unlink()
    assert "read" in said
    assert len(said) > 5


def assert_same(path):
    """Checks that NumPy reads what the program read. The program knows fewer forms of a header."""
    try:
        theirs = np.load(path, allow_pickle=False)
    except ValueError as error:
        # `tensor_file.c`, and not the reader of headers, knows which sizes a type can have.
        if "is not a valid dtype" in str(error):
            return
        raise AssertionError(path) from error
    mine = np.load(f"{path}.copy")
    assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape), path
    assert mine.tobytes() == theirs.tobytes(), path
