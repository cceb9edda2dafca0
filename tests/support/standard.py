"""Checks that tests of the poolings share that agree on infinities and NaN, and need only their windows."""

import numpy as np
import standard_oracle
from cases import (
    DATA_FORMATS,
    FEW,
    MODES_AND_DTYPES,
    PADDINGS,
    PLANES,
    SOME_LINES,
    STANDARD,
    VOLUMES,
)
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
# Every mode, with its types. Cases and data formats take turns.
WAYS = [
    (FEW[i % len(FEW)], DATA_FORMATS[i % 2], dtype, mode) for i, (mode, dtype) in enumerate(MODES_AND_DTYPES)
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
    assert_near(y, expected, error, dtype, standard=mode in STANDARD)


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


def check_special(function, pair, expected, dtype, mode="eager"):
    """Pools a pair of values, beside one that is ordinary. Checks the result and the gradient.

    The gradient is NaN if the result is, and zero if the result is infinite. `-inf` never has one.
    """
    window = PoolWindow.of(1, 2)
    x = np.zeros((1, 4, 20))
    x[0, :2, ::2] = np.array(pair)[:, None]
    x[0, 2:] = 0.5
    x = x.astype(numpy_dtype(dtype))
    y, dx = run(mode, with_gradient(lambda x: function(x, window)), x, np.ones((1, 2, 20), x.dtype))
    y, dx = np.asarray(y, "float64"), np.asarray(dx, "float64")
    np.testing.assert_allclose(y[0, 0, ::2], np.full(10, expected), rtol=1e-6)
    assert np.isfinite(y[0, 1]).all()
    assert np.isfinite(dx[0, 2:]).all()
    of_pair = dx[0, :2, ::2]
    if np.isnan(expected):
        assert np.isnan(of_pair[~np.isneginf(pair)]).all()
    else:
        assert np.isfinite(of_pair).all()
        assert (of_pair[np.isneginf(pair) | np.isinf(expected)] == 0).all()


def assert_frequencies(counts, probabilities):
    """Checks counts against probabilities, within five standard deviations: one chance in a million."""
    counts, p = np.asarray(counts), np.asarray(probabilities)
    n = counts.sum()
    assert (np.abs(counts - n * p) <= 5 * np.sqrt(n * p * (1 - p))).all(), (counts / n, p)
