"""Calls of the CUDA kernels on random numbers, with the oracle's results.

Each function makes the inputs of one pooling for a case. The variants of a pooling, and the sizes of the
numbers, are those of the tests of TensorFlow's ops.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import cuda_poolings
import numpy as np
import oracle
import weighted_oracle
from near import assert_near, compute_dtype, numpy_dtype


@dataclass(frozen=True)
class Call:
    """A pooling and its gradients, for some inputs."""

    # A function of `cuda_poolings`, and its arguments except the offset.
    function: Callable
    arguments: tuple
    # A function that returns a pair for each result: the expected value, and the scale of its rounding error.
    oracle: Callable
    # The number of results at the end that are gradients of parameters. They have the type of the
    # computation.
    parameters: int = 0

    def results(self, offset=0):
        """Returns the kernels' results for tensors that begin `offset` elements after an aligned address."""
        return self.function(*self.arguments, offset=offset)

    def check(self, offset=0):
        """Compares the kernels' results with the oracle's, and returns both."""
        actual, expected = self.results(offset), self.oracle()
        dtype = self.arguments[0].dtype.name
        for i, (result, (value, scale)) in enumerate(zip(actual, expected, strict=True)):
            of_parameter = i >= len(expected) - self.parameters
            assert_near(result, value, scale, compute_dtype(dtype) if of_parameter else dtype)
        return actual, expected

    def repeated(self, times):
        """Returns this call with every example repeated `times` times. The oracle still computes it once."""
        rank = self.arguments[0].ndim

        def repeat(value):
            of_examples = isinstance(value, np.ndarray) and value.ndim == rank
            return np.concatenate([value] * times) if of_examples else value

        def expected():
            pairs = self.oracle()
            others = len(pairs) - self.parameters
            sums = [(value * times, scale * times) for value, scale in pairs[others:]]
            return [(repeat(value), repeat(scale)) for value, scale in pairs[:others]] + sums

        return replace(self, arguments=tuple(map(repeat, self.arguments)), oracle=expected)


def _normal(seed, shape, dtype, scale=1.0, level=0.0):
    return (np.random.default_rng(seed).normal(0, scale, shape) + level).astype(numpy_dtype(dtype))


def soft(case, padding, data_format, dtype="float32", *, gradient="exact", scale=3.0, level=0.0):
    """Makes a call of SoftPool, for numbers around `level` with standard deviation `scale`."""
    x = _normal(0, case.shape(data_format), dtype, scale, level)
    return soft_of(x, (case.pool_size, case.strides, padding, data_format), gradient)


def soft_of(x, windows, gradient="exact"):
    """Makes a call of SoftPool for a tensor."""
    g = _normal(1, cuda_poolings.output_shape(x.shape, windows), x.dtype.name)

    def expected():
        return [oracle.soft_pool(x, *windows), oracle.soft_pool_gradient(x, g, *windows, gradient)]

    return Call(cuda_poolings.soft_pool, (x, g, windows, gradient), expected)


def ranked(
    case,
    padding,
    data_format,
    dtype="float32",
    *,
    part=1.0,
    per_channel=False,
    normalize="softmax",
    ties=False,
):
    """Makes a call of sorted-weight pooling.

    `part` is the share of a window's ranks that is kept. With `ties`, many values are equal.
    """
    x = _normal(0, case.shape(data_format), "float64", 1 if ties else 3)
    x = (np.round(x) if ties else x).astype(numpy_dtype(dtype))
    pool_range = max(1, round(part * math.prod(case.pool_size)))
    logits = _normal(1, (pool_range, case.channels) if per_channel else (pool_range,), compute_dtype(dtype))
    return ranked_of(x, logits, (case.pool_size, case.strides, padding, data_format), normalize)


def ranked_of(x, logits, windows, normalize="softmax"):
    """Makes a call of sorted-weight pooling for a tensor."""
    g = _normal(2, cuda_poolings.output_shape(x.shape, windows), x.dtype.name)

    def expected():
        dx, dx_scale, dw, dw_scale = oracle.sorted_pool_gradient(x, logits, g, *windows, normalize)
        return [oracle.sorted_pool(x, logits, *windows, normalize), (dx, dx_scale), (dw, dw_scale)]

    return Call(cuda_poolings.sorted_pool, (x, logits, g, windows, normalize), expected, parameters=1)


def importance(case, padding, data_format, dtype="float32", *, level=0.0, spread=3.0):
    """Makes a call of importance pooling, for numbers around `level`.

    Logits have the standard deviation `spread`.
    """
    windows = (case.pool_size, case.strides, padding, data_format)
    x = _normal(0, case.shape(data_format), dtype, 3, level)
    return importance_of(x, _normal(1, x.shape, dtype, spread), windows)


def importance_of(x, logits, windows):
    """Makes a call of importance pooling for a tensor."""
    g = _normal(2, cuda_poolings.output_shape(x.shape, windows), x.dtype.name)

    def expected():
        y = weighted_oracle.importance_pool(x, logits, *windows)
        return [y, *weighted_oracle.importance_pool_gradient(x, logits, g, *windows)]

    return Call(cuda_poolings.importance_pool, (x, logits, g, windows), expected)


def details(
    case,
    padding,
    data_format,
    dtype="float32",
    *,
    guided=False,
    symmetric=True,
    lam=1.0,
    scale=3.0,
    level=0.0,
):
    """Makes a call of detail-preserving pooling.

    Numbers are around `level` with standard deviation `scale`. Lambdas are from half of `lam` to 1.5 times
    `lam`.
    """
    windows = (case.pool_size, case.strides, padding, data_format)
    random = np.random.default_rng(3)
    x = _normal(0, case.shape(data_format), dtype, scale, level)
    guide = _normal(1, cuda_poolings.output_shape(x.shape, windows), dtype, scale, level) if guided else None
    alpha = random.uniform(0.2, 2, case.channels).astype(compute_dtype(dtype))
    lam = (lam * random.uniform(0.5, 1.5, case.channels)).astype(compute_dtype(dtype))
    return details_of(x, guide, alpha, lam, windows, symmetric)


def details_of(x, guide, alpha, lam, windows, symmetric=True):
    """Makes a call of detail-preserving pooling for a tensor."""
    g = _normal(2, cuda_poolings.output_shape(x.shape, windows), x.dtype.name)
    options = (*windows, symmetric)

    def expected():
        y = weighted_oracle.detail_preserving_pool(x, guide, alpha, lam, *options)
        return [
            y,
            *weighted_oracle.detail_preserving_pool_gradient(x, guide, alpha, lam, g, *options),
        ]

    arguments = (x, guide, alpha, lam, g, windows, symmetric)
    return Call(cuda_poolings.detail_preserving_pool, arguments, expected, parameters=2)
