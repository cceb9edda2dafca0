"""Measures, computed by hand or by the formula in the paper on SSIM."""

import math

import numpy as np
import pytest

from tf_softpool.comparison import measures

_RANDOM = np.random.default_rng(0)
_A = _RANDOM.random((12, 15, 3)).astype("float32")
_B = np.clip(_A + 0.2 * _RANDOM.standard_normal(_A.shape), 0, 1).astype("float32")


def ssim(a, b):
    """Returns the structural similarity of one channel: the mean over all windows of 7x7 inside.

    Wang et al.: K1 = 0.01, K2 = 0.03, and variances of samples, which are divided by their number minus 1.
    """
    found = []
    for y in range(a.shape[0] - 6):
        for x in range(a.shape[1] - 6):
            p, q = (each[y : y + 7, x : x + 7].ravel().astype(float) for each in (a, b))
            (vp, c), (_, vq) = np.cov(p, q)
            above = (2 * p.mean() * q.mean() + 0.01**2) * (2 * c + 0.03**2)
            found.append(above / ((p.mean() ** 2 + q.mean() ** 2 + 0.01**2) * (vp + vq + 0.03**2)))
    return np.mean(found)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_the_mean_over_channels(channels):
    a, b = _A[..., :channels], _B[..., :channels]
    expected = np.mean([ssim(a[..., c], b[..., c]) for c in range(channels)])
    assert measures.nearness(a, b).ssim == pytest.approx(expected, abs=1e-5)


def test_of_clips_it_is_the_mean_over_frames():
    a, b = np.stack([_A, _B, _A]), np.stack([_B, _B, 1 - _A])
    found = measures.nearness(a, b)
    each = [measures.nearness(*pair) for pair in zip(a, b, strict=True)]
    assert found.ssim == pytest.approx(np.mean([one.ssim for one in each]))
    # The second frames are equal, and their PSNR is infinite.
    assert found.psnr == pytest.approx((each[0].psnr + each[2].psnr) / 2)
    assert measures.nearness(a, a) == (1.0, math.inf)


@pytest.mark.parametrize(
    ("difference", "expected"), [(1.0, 0.0), (0.1, 20.0), (0.5, 6.0206), (1e-6, math.inf), (0.0, math.inf)]
)
def test_psnr(difference, expected):
    a = np.zeros((2, 2, 1), "float32")
    assert measures.psnr_of(a, a + np.float32(difference)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("small", "expected"), [([0.5, 0.5], 0.0), ([1.0, 1.0], 1.0), ([0.75, 0.75], 0.5), ([0.0, 0.5], -0.5)]
)
def test_the_way_to_the_maximum(small, expected):
    average, largest = np.array([0.5, 0.5]), np.array([1.0, 1.0])
    assert measures.way_of(np.array(small), average, largest) == pytest.approx(expected)


def test_there_is_no_way_if_average_and_maximum_are_equal():
    grey = np.full((4, 4, 3), 0.3, "float32")
    assert measures.way_of(grey, grey, np.nextafter(grey, np.float32(1))) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 3.0], 2.0), ([1.0, math.inf], 1.0), ([math.inf], math.inf), ([], math.inf)],
)
def test_means_of_finite_values(values, expected):
    assert measures.mean_of_finite(values) == expected
