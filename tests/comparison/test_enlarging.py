"""Pooled pictures, enlarged."""

import numpy as np
import pytest

from tf_softpool.comparison.enlarging import ENLARGINGS, check_enlarge, enlarged

_SMALL = np.random.default_rng(0).random((3, 4, 5, 2)).astype("float32")


@pytest.mark.parametrize("enlarge", ["nearest", "area"])
@pytest.mark.parametrize("factors", [(2, 3), (2, 2, 3), (1, 2, 3), (1, 1, 1)])
def test_whole_factors_repeat_values(enlarge, factors):
    small = _SMALL if len(factors) == 3 else _SMALL[0]
    expected = small
    for axis, factor in enumerate(factors):
        expected = expected.repeat(factor, axis)
    np.testing.assert_allclose(enlarged(small, factors, enlarge), expected, rtol=2e-6)


def linear(x, factor, axis):
    """Interpolates along an axis. The places of values are the middles of their cells."""
    n = x.shape[axis]
    places = np.clip((np.arange(n * factor) + 0.5) / factor - 0.5, 0, n - 1)
    return np.apply_along_axis(lambda line: np.interp(places, np.arange(n), line), axis, x)


@pytest.mark.parametrize("factors", [(2, 3), (3, 2, 2), (1, 2, 2)])
def test_bilinear_goes_along_each_axis(factors):
    small = _SMALL if len(factors) == 3 else _SMALL[0]
    expected = small.astype(float)
    for axis, factor in enumerate(factors):
        expected = linear(expected, factor, axis)
    np.testing.assert_allclose(enlarged(small, factors, "bilinear"), expected, atol=1e-6)


def test_bicubic_overshoots_and_is_clipped():
    edge = np.zeros((4, 4, 1), "float32")
    edge[:, 2:] = 1.0
    found = enlarged(edge, (4, 4), "bicubic")
    assert found.min() == 0.0
    assert found.max() == 1.0
    # Keys's kernel with a = -0.5, at a distance of 1/8 to the left of the middle of the edge.
    near = sum(_keys(d) for d in (0.625, 1.625))
    assert found[8, 7, 0] == pytest.approx(near, abs=1e-6)
    grey = np.full((3, 2, 2, 1), 0.3, "float32")
    np.testing.assert_allclose(enlarged(grey, (2, 2, 2), "bicubic"), 0.3, atol=1e-6)


def _keys(d):
    return 1.5 * d**3 - 2.5 * d**2 + 1 if d < 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2


@pytest.mark.parametrize("enlarge", ["", "lanczos3", "Nearest", None])
def test_unknown_ways(enlarge):
    with pytest.raises(ValueError, match=f"must be one of {', '.join(ENLARGINGS)}, got {enlarge!r}"):
        check_enlarge(enlarge)
