"""The tables that the tests are made of."""

import itertools
from dataclasses import dataclass

import pytest

DTYPES = ("float16", "bfloat16", "float32", "float64")
PADDINGS = ("valid", "same")
DATA_FORMATS = ("channels_last", "channels_first")
GRADIENTS = ("exact", "weights")
# How a function is run: see `conftest.run`. The first three call the compiled kernels.
MODES = ("eager", "graph", "xla", "portable")
# XLA's own operations take long to compile: they are for where numbers are hard, and for what is below.
EVERY_MODE = (*MODES, "xla_operations")
# Those that compute with standard operations, of TensorFlow or of XLA.
STANDARD = ("portable", "portable_dynamic", "xla_operations")
# Types are computed differently by kernels and by standard operations; other modes differ in little else.
MODES_AND_DTYPES = [
    (mode, dtype)
    for mode in (*EVERY_MODE, "dynamic", "portable_dynamic")
    for dtype in DTYPES
    if mode in ("eager", "portable") or dtype in ("bfloat16", "float32")
]
# Modes with numbers of channels, which kernels take in vectors, and standard operations do not.
MODES_AND_CHANNELS = [
    (mode, channels)
    for mode in EVERY_MODE
    for channels in (1, 3, 16, 37)
    if mode not in STANDARD or channels == 3
]


@dataclass(frozen=True)
class Case:
    """A pooling over a tensor of shape [batch, *spatial, channels]."""

    spatial: tuple
    pool_size: tuple
    strides: tuple
    batch: int = 2
    channels: int = 3

    def __str__(self):
        text = "x".join(map(str, self.spatial))
        text += "_k" + "x".join(map(str, self.pool_size)) + "_s" + "x".join(map(str, self.strides))
        return f"{self.batch}_{text}_c{self.channels}"

    def windows(self):
        """What sort of windows they are."""
        sizes = list(zip(self.spatial, self.pool_size, self.strides, strict=True))
        if any(k > n for n, k, _ in sizes):
            return "larger than the input"
        if self.pool_size == self.spatial:
            return "a whole map"
        if any(s > k for _, k, s in sizes):
            return "gaps"
        return "overlapping" if any(s < k for _, k, s in sizes) else "side by side"

    def traits(self):
        """What tells it from other cases, by name."""
        return {**vars(self), "rank": len(self.spatial), "windows": self.windows()}

    def fits(self, padding):
        """Whether the padding allows these windows."""
        return padding == "same" or all(k <= n for k, n in zip(self.pool_size, self.spatial, strict=True))

    def shape(self, data_format):
        """The input's shape."""
        if data_format == "channels_first":
            return (self.batch, self.channels, *self.spatial)
        return (self.batch, *self.spatial, self.channels)


# Every window, stride and size there is in one small dimension.
LINES = [
    Case((n,), (k,), (s,), channels=c)
    for n, k, s in itertools.product(range(1, 10), range(1, 6), range(1, 6))
    for c in [3 if (n + k + s) % 2 else 19]
]

# Where all of them take too long: a step without a factor of five meets every window and stride in turn.
SOME_LINES = LINES[::12]

LINE = Case((8,), (3,), (2,))
TILED = Case((8, 8), (2, 2), (2, 2), channels=16)
ODD_SIZES = Case((7, 9), (2, 2), (2, 2), channels=21)  # a last vector that overlaps the one before
OVERLAPPING = Case((8, 10), (3, 3), (2, 2), channels=64)
STEPS_OF_ONE = Case((9, 8), (3, 3), (1, 1), channels=5)
GAPS_BETWEEN = Case((11, 6), (2, 3), (3, 4), channels=4)
LARGER_THAN_THE_INPUT = Case((4, 3), (7, 6), (2, 2), channels=18)  # under "same"
SEVERAL_TILES = Case((40, 50), (3, 3), (2, 2), batch=1, channels=130)
VOLUME = Case((5, 6, 7), (3, 3, 3), (2, 2, 2), channels=20)
UNEVEN_VOLUME = Case((4, 5, 6), (3, 2, 1), (1, 2, 3), channels=6)

# Two dimensions: the common ones, and what each part of the kernels is for.
PLANES = [
    TILED,
    ODD_SIZES,
    OVERLAPPING,
    STEPS_OF_ONE,
    Case((9, 9), (3, 2), (2, 3), channels=33),
    GAPS_BETWEEN,
    Case((5, 5), (5, 5), (1, 1), channels=40),
    LARGER_THAN_THE_INPUT,
    Case((13, 12), (4, 4), (3, 3), channels=2),
    Case((6, 6), (1, 1), (1, 1), channels=17),
    Case((6, 6), (1, 1), (2, 2), channels=17),
    Case((30, 40), (30, 40), (30, 40), channels=2),  # a whole map
    SEVERAL_TILES,
    Case((3, 4), (2, 2), (2, 2), batch=70, channels=1),
    Case((1, 9), (1, 3), (1, 2), channels=8),
]

VOLUMES = [
    Case((4, 6, 8), (2, 2, 2), (2, 2, 2), channels=16),
    Case((5, 7, 6), (2, 2, 2), (2, 2, 2), channels=3),
    VOLUME,
    UNEVEN_VOLUME,
    Case((3, 3, 3), (4, 4, 4), (2, 2, 2), channels=9),
    Case((6, 5, 4), (2, 3, 2), (3, 3, 3), channels=17),
]
# Every second one, for what takes long.
SOME_PLANES, SOME_VOLUMES = PLANES[::2], VOLUMES[::2]

# So many values a window that kernels take another way.
MANY_TAPS = [
    Case((5000,), (5000,), (5000,), channels=2),
    Case((9000,), (4500,), (3000,), channels=2),
    Case((70, 80), (66, 70), (35, 50), batch=1, channels=19),
]

# One of each kind, where every combination of everything else is tried.
FEW = [LINE, TILED, OVERLAPPING, STEPS_OF_ONE, GAPS_BETWEEN, VOLUME]


def two_of(variants, which):
    """Two of a table's names, others for other numbers, where all with all cases would be very many tests."""
    return [list(variants)[(which + i) % len(variants)] for i in range(2)]


def with_padding(cases):
    """The cases with each padding that allows their windows, as parameters of a test."""
    return [
        pytest.param(case, padding, id=f"{case}-{padding}")
        for case in cases
        for padding in PADDINGS
        if case.fits(padding)
    ]
