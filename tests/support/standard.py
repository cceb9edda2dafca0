"""Checks that tests of the poolings of standard operations share."""

import numpy as np
import standard_oracle
from cases import DATA_FORMATS, DTYPES, FEW, PADDINGS, PLANES, SOME_LINES, VOLUMES
from conftest import assert_near, numpy_dtype, run, with_gradient
from derivatives import numeric_along

from tf_softpool.ops.window import PoolWindow

NAN, INF = np.nan, np.inf
# Cases with each padding, and with one of the data formats for each.
WINDOWS = [
    (case, padding, data_format)
    for i, case in enumerate(SOME_LINES + PLANES + VOLUMES)
    for padding, data_format in zip(PADDINGS, DATA_FORMATS[i % 2 :] + DATA_FORMATS, strict=False)
    if case.fits(padding)
]
# Every type, eagerly and in graphs of unknown sizes. Cases and data formats take turns. Graphs of known sizes
# are not here, because gradients are checked in them.
WAYS = [
    (FEW[i % len(FEW)], DATA_FORMATS[i % 2], dtype, mode)
    for i, (mode, dtype) in enumerate((m, d) for m in ("dynamic", "eager") for d in DTYPES)
]
# The two values of a window, and its result. If only one value counts, the result is that value.
SPECIAL = [
    ((NAN, 1), NAN),
    ((NAN, INF), NAN),
    ((NAN, -INF), NAN),
    ((INF, 1), INF),
    ((INF, INF), INF),
    ((INF, -INF), INF),
    ((-INF, 3), 3),
    ((-INF, -INF), -INF),
]


def values(case, data_format, dtype, scale=1.0):
    """Returns random numbers for a case."""
    x = np.random.default_rng(0).normal(0, 3, case.shape(data_format)) * scale
    return x.astype(numpy_dtype(dtype))


def check(function, reduce, case, padding, data_format, dtype="float32", mode="eager", scale=1.0):
    """Compares a function of a tensor and a `PoolWindow` with the oracle's function of a window's values."""
    x = values(case, data_format, dtype, scale)
    window = PoolWindow.of(len(case.spatial), case.pool_size, case.strides, padding, data_format)
    arguments = (case.pool_size, case.strides, padding, data_format)
    expected, error = standard_oracle.pool(x, *arguments, reduce)
    y = run(mode, lambda x: function(x, window), x)
    assert_near(y, expected, error, dtype, standard=True)


def check_gradients(function, *tensors):
    """Compares gradients of a function of float64 tensors with finite differences, in two directions."""
    random = np.random.default_rng(1)
    g = random.normal(size=function(*tensors).shape)
    _, *gradients = run("graph", with_gradient(function), *tensors, g)
    for i, (tensor, gradient) in enumerate(zip(tensors, gradients, strict=True)):

        def total(t, i=i):
            return float(np.sum(g * function(*tensors[:i], t, *tensors[i + 1 :])))

        for _ in range(2):
            direction = random.normal(size=tensor.shape)
            difference = numeric_along(total, tensor, direction)
            np.testing.assert_allclose(np.sum(gradient * direction), difference, rtol=1e-6, atol=1e-8)


def check_special(function, pair, expected, dtype):
    """Pools a pair of values. Checks the result, and that the gradient is finite unless the result is NaN."""
    window = PoolWindow.of(1, 2)
    x = np.array(pair).reshape(1, 2, 1).astype(numpy_dtype(dtype))
    y, dx = run("eager", with_gradient(lambda x: function(x, window)), x, np.ones((1, 1, 1), x.dtype))
    np.testing.assert_allclose(np.asarray(y, "float64").ravel(), [expected], rtol=1e-6)
    if not np.isnan(expected):
        assert np.isfinite(np.asarray(dx, "float64")).all()


def assert_frequencies(counts, probabilities):
    """Checks counts against probabilities, within five standard deviations: one chance in a million."""
    counts, p = np.asarray(counts), np.asarray(probabilities)
    n = counts.sum()
    assert (np.abs(counts - n * p) <= 5 * np.sqrt(n * p * (1 - p))).all(), (counts / n, p)
