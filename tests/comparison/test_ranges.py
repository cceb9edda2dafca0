"""Ranges of values."""

import numpy as np
import pytest

from tf_softpool.comparison.ranges import scale_of
from tf_softpool_cli.ranges import checked

_PICTURE = np.array([[[0.0], [0.25], [0.5], [1.0]]], "float32")
_MEAN, _DEVIATION = 0.4375, 0.36975497  # By hand: sqrt((0.4375^2 + 0.1875^2 + 0.0625^2 + 0.5625^2) / 4).


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("0..1", [0, 0.25, 0.5, 1]),
        ("0..255", [0, 63.75, 127.5, 255]),
        ("-1..1", [-1, -0.5, 0, 1]),
        ("10..12.5", [10, 10.625, 11.25, 12.5]),
        ("-1e3..-900", [-1000, -975, -950, -900]),
        ("standard", [(v - _MEAN) / _DEVIATION for v in (0, 0.25, 0.5, 1)]),
    ],
)
def test_there_and_back(name, expected):
    scale = scale_of(checked(name)[0], _PICTURE)
    there = scale.into(_PICTURE)
    assert there.dtype == np.float32
    np.testing.assert_allclose(there.ravel(), expected, rtol=1e-6, atol=1e-4 * max(map(abs, expected)) * 1e-2)
    np.testing.assert_allclose(scale.back(there), _PICTURE, atol=1e-6)


def test_a_picture_of_one_colour_has_a_standard_range():
    grey = np.full((2, 2, 3), 0.3, "float32")
    scale = scale_of("standard", grey)
    np.testing.assert_allclose(scale.into(grey), 0.0, atol=1e-6)
    np.testing.assert_allclose(scale.back(scale.into(grey)), grey, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0..1", ("0..1",)),
        (["0..1.0", "0..1", "+0.0..1e0", "standard"], ("0..1", "standard")),
        (("0.50..2.5e0",), ("0.5..2.5",)),
    ],
)
def test_names(given, expected):
    assert checked(given) == expected


@pytest.mark.parametrize(
    "name",
    ["", "1", "1..0", "0..0", "0...1", "a..b", "0..inf", "nan..1", "0..1e999", "1000..1000.5", 1, None],
)
def test_names_that_are_none(name):
    with pytest.raises(ValueError, match="A range must be"):
        checked([name])


def test_no_names():
    with pytest.raises(ValueError, match="`ranges` is empty"):
        checked([])
