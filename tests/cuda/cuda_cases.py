"""Tables of cases for the CUDA kernels alone, which are used beside those of `cases`."""

import pytest
from cases import DTYPES, MANY_TAPS, Case

# Numbers of channels. Kernels read one channel at a time, or several in one access if addresses are aligned.
CHANNELS = (1, 3, 16, 20, 37, 64, 130)
# Tensors that begin at an aligned address or one element after it, with windows that overlap or do not.
ACCESSES = [
    pytest.param(Case((5, 6), (k, k), (2, 2), channels=c), dtype, offset, id=f"k{k}-c{c}-{dtype}-{offset}")
    for k in (2, 3)
    for c in CHANNELS
    for dtype in DTYPES
    for offset in (0, 1)
]
# Windows with gaps between them, where positions lie in no window.
GAPS = [
    Case((11,), (2,), (4,), channels=3),
    Case((11,), (1,), (3,), channels=16),
    Case((9, 10), (2, 2), (3, 4), channels=20),
    Case((10, 9), (3, 1), (3, 2), channels=5),
    Case((7, 6, 9), (2, 1, 2), (3, 2, 4), channels=8),
]
LARGE = [
    Case((16, 16), (8, 8), (8, 8), channels=20),
    Case((16, 8), (8, 8), (8, 8), channels=70),
    Case((18, 18), (9, 9), (9, 9), channels=5),
    Case((12, 14), (8, 8), (3, 5), channels=17),
    Case((20,), (13,), (1,), channels=6),
    Case((13, 13), (13, 13), (13, 13), channels=4),
    Case((20, 20), (20, 20), (20, 20), channels=24),
    Case((10, 9, 8), (6, 5, 7), (4, 4, 1), channels=3),
    *MANY_TAPS,
]
# The tests repeat this case until there are more threads than one launch may have.
MANY = Case((4,), (2,), (2,), batch=1009, channels=3)
