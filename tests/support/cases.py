"""The tables of cases, types and modes that the tests take their parameters from."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

DTYPES = ("float16", "bfloat16", "float32", "float64")
PADDINGS = ("valid", "same")
DATA_FORMATS = ("channels_last", "channels_first")
GRADIENTS = ("exact", "weights")
# The modes of `conftest.run`, which say how a function is called. The first three call the compiled kernels.
MODES = ("eager", "graph", "xla", "portable")
# XLA's own operations take long to compile, so only tests of difficult numbers and the tables below use them.
EVERY_MODE = (*MODES, "xla_operations")
# The modes that compute with standard operations, of TensorFlow or of XLA.
STANDARD = ("portable", "portable_dynamic", "xla_operations")
# The compiled kernels and the portable form each treat types in their own way, so both get every type. The
# other modes get two.
MODES_AND_DTYPES = [
    (mode, dtype)
    for mode in (*EVERY_MODE, "dynamic", "portable_dynamic")
    for dtype in DTYPES
    if mode in ("eager", "portable") or dtype in ("bfloat16", "float32")
]
# Modes with numbers of channels. Kernels compute channels in vectors, so their modes get several numbers.
# Standard operations do not, so their modes get one.
MODES_AND_CHANNELS = [
    (mode, channels)
    for mode in EVERY_MODE
    for channels in (1, 3, 16, 37)
    if mode not in STANDARD or channels == 3
]


@dataclass(frozen=True)
class Case:
    """The shape [batch, *spatial, channels] of a tensor, with the windows that pool it."""

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
        """Returns the sort of windows, as text."""
        sizes = list(zip(self.spatial, self.pool_size, self.strides, strict=True))
        if any(k > n for n, k, _ in sizes):
            return "larger than the input"
        if self.pool_size == self.spatial:
            return "a whole map"
        if any(s > k for _, k, s in sizes):
            return "gaps"
        return "overlapping" if any(s < k for _, k, s in sizes) else "side by side"

    def traits(self):
        """Returns, by name, the values that tell this case from others."""
        return {**vars(self), "rank": len(self.spatial), "windows": self.windows()}

    def fits(self, padding):
        """Returns whether the padding allows these windows."""
        return padding == "same" or all(k <= n for k, n in zip(self.pool_size, self.spatial, strict=True))

    def shape(self, data_format):
        """Returns the input's shape in a data format."""
        if data_format == "channels_first":
            return (self.batch, self.channels, *self.spatial)
        return (self.batch, *self.spatial, self.channels)


# All combinations of small sizes, windows and strides in one dimension.
LINES = [
    Case((n,), (k,), (s,), channels=c)
    for n, k, s in itertools.product(range(1, 10), range(1, 6), range(1, 6))
    for c in [3 if (n + k + s) % 2 else 19]
]

# A selection of these for tests that take long. Because 12 has no factor of five, its multiples meet every
# window and stride in turn.
SOME_LINES = LINES[::12]

LINE = Case((8,), (3,), (2,))
TILED = Case((8, 8), (2, 2), (2, 2), channels=16)
ODD_SIZES = Case((7, 9), (2, 2), (2, 2), channels=21)  # the last vector overlaps the one before
OVERLAPPING = Case((8, 10), (3, 3), (2, 2), channels=64)
STEPS_OF_ONE = Case((9, 8), (3, 3), (1, 1), channels=5)
GAPS_BETWEEN = Case((11, 6), (2, 3), (3, 4), channels=4)
LARGER_THAN_THE_INPUT = Case((4, 3), (7, 6), (2, 2), channels=18)  # needs "same" padding
SEVERAL_TILES = Case((40, 50), (3, 3), (2, 2), batch=1, channels=130)
VOLUME = Case((5, 6, 7), (3, 3, 3), (2, 2, 2), channels=20)
UNEVEN_VOLUME = Case((4, 5, 6), (3, 2, 1), (1, 2, 3), channels=6)

# Cases in two dimensions: common ones, and at least one for each part of the kernels.
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
# Every second case, for tests that take long.
SOME_PLANES, SOME_VOLUMES = PLANES[::2], VOLUMES[::2]

# Windows of very many values, which the kernels compute in another way.
MANY_TAPS = [
    Case((5000,), (5000,), (5000,), channels=2),
    Case((9000,), (4500,), (3000,), channels=2),
    Case((70, 80), (66, 70), (35, 50), batch=1, channels=19),
]

# Shares of values that are -inf, for windows with none, some and nothing but -inf.
SHARES_OF_NOTHING = (0.02, 0.5, 0.95)


def with_nothing(x, share):
    """Returns a copy of a tensor in which a share of the values, and all of the first image, is -inf."""
    x = np.where(np.random.default_rng(2).random(x.shape) < share, -np.inf, x).astype(x.dtype)
    x[0] = -np.inf
    return x


# One case of each sort, for tests that combine them with everything else.
FEW = [LINE, TILED, OVERLAPPING, STEPS_OF_ONE, GAPS_BETWEEN, VOLUME]


def two_of(variants, which):
    """Returns two names of a table, chosen by the number `which`.

    Tests use two names for each case, because all names with all cases would be very many tests.
    """
    return [list(variants)[(which + i) % len(variants)] for i in range(2)]


def with_padding(cases):
    """Returns parameters for a test: each case with each padding that allows its windows."""
    return [
        pytest.param(case, padding, id=f"{case}-{padding}")
        for case in cases
        for padding in PADDINGS
        if case.fits(padding)
    ]
