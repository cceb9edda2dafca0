"""How near an enlarged picture is to its original."""

import math
from collections.abc import Iterable
from importlib import import_module
from typing import NamedTuple

import numpy as np

from tf_softpool.packages import require

# The side of the window in which scikit-image compares structures, its default.
SSIM_WINDOW = 7
METRIC = (
    f"SSIM of scikit-image in windows of {SSIM_WINDOW}x{SSIM_WINDOW} with equal weights, the mean over "
    "channels; PSNR for values from 0 to 1"
)

# Pictures that differ by less are equal, because scaling to a range and back rounds.
_ROUNDING = 1e-5


class Nearness(NamedTuple):
    """How near two pictures are.

    Attributes:
        ssim: float. The structural similarity.
        psnr: float. The peak signal-to-noise ratio in decibels, `inf` if the pictures are equal.
    """

    ssim: float
    psnr: float


def require_scikit_image() -> None:
    """Raises an ImportError that says what to install if scikit-image is absent."""
    require("compare", "skimage", purpose="The comparison of pictures")


def nearness(original: np.ndarray, other: np.ndarray) -> Nearness:
    """Returns how near a picture is to another. Of clips, it is the mean over frames.

    Args:
        original: float32 array with values from 0 to 1, `[height, width, channels]`, or with frames first.
        other: array of the same shape.
    """
    if original.ndim == 4:
        frames = [nearness(*pair) for pair in zip(original, other, strict=True)]
        return Nearness(
            float(np.mean([each.ssim for each in frames])), mean_of_finite(each.psnr for each in frames)
        )
    similarity = import_module("skimage.metrics").structural_similarity
    ssim = similarity(original, other, win_size=SSIM_WINDOW, data_range=1.0, channel_axis=-1)
    return Nearness(float(ssim), psnr_of(original, other))


def psnr_of(original: np.ndarray, other: np.ndarray) -> float:
    """Returns the peak signal-to-noise ratio in decibels for values from 0 to 1: `inf` if both are equal."""
    error = float(np.mean(np.square(original - other), dtype=np.float64))
    return -10 * math.log10(error) if error > _ROUNDING**2 else math.inf


def brightness_shift(original: np.ndarray, small: np.ndarray) -> float:
    """Returns how much lighter a pooled picture is than its original, as a percentage of white."""
    return 100 * float(np.mean(small, dtype=np.float64) - np.mean(original, dtype=np.float64))


def way_of(small: np.ndarray, average: np.ndarray, largest: np.ndarray) -> float | None:
    """Returns how far a pooled picture lies on the way from average to max pooling.

    It is a ratio of sums over all values: 0 for average pooling, 1 for max pooling, None if both are equal.
    """
    whole = float(np.sum(largest - average, dtype=np.float64))
    # What is left of equal values is the rounding of their average.
    if whole <= 1e-6 * average.size:
        return None
    return float(np.sum(small - average, dtype=np.float64)) / whole


def mean_of_finite(values: Iterable[float]) -> float:
    """Returns the mean of the values that are finite, or `inf` if none is."""
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else math.inf
