"""Poolings made of averages, maxima and powers, in quick forms.

The runtime's own average pooling keeps infinities and NaN, and each result here has an average as a part. So
a result that is finite is right, even where the runtime's max pooling leaves NaN out.
"""

from typing import Any

from keras import ops

from tf_softpool.ops.portable.quick.apart import apart, counts, has_few_taps, total
from tf_softpool.ops.portable.quick.averages import average, largest
from tf_softpool.ops.portable.quick.guard import Forms, Quick, chosen, is_between, is_finite
from tf_softpool.ops.window import PoolWindow


def average_pool(window: PoolWindow, x: Any) -> Forms:
    """Returns the forms of average pooling."""

    def form() -> Quick:
        y = average(x, window)
        return Quick(y, is_finite(y))

    return [form]


def sum_pool(window: PoolWindow, x: Any) -> Forms:
    """Returns the forms of sum pooling."""

    def form() -> Quick:
        if window.is_whole:
            y = ops.sum(x, axis=window.spatial_axes, keepdims=True)
        else:
            y = average(x, window) * ops.cast(counts(x, window), x.dtype)
        return Quick(y, is_finite(y))

    return [form]


def mixed_pool(window: PoolWindow, x: Any, mix: Any) -> Forms:
    """Returns the forms of `mix max_i x_i + (1 - mix) mean_i x_i`."""
    return [lambda: _blend(window, x, mix)]


def gated_pool(window: PoolWindow, x: Any, omega: Any, bias: Any) -> Forms:
    """Returns the forms of the mixture whose part of the maximum is `sigmoid(sum_q omega_q x_q + bias)`."""
    if not has_few_taps(window):
        return []

    def form() -> Quick:
        taps = apart(x, window)
        gate = total([tap.weighed(tap.value * omega[q]) for q, tap in enumerate(taps)])
        return _blend(window, x, ops.sigmoid(gate + bias))

    return [form]


def _blend(window: PoolWindow, x: Any, mix: Any) -> Quick:
    y = mix * largest(x, window) + (1.0 - mix) * average(x, window)
    return Quick(y, is_finite(y))


def expected_value(window: PoolWindow, x: Any) -> Forms:
    """Returns the forms of what stochastic pooling expects: `sum_i r_i^2 / sum_i r_i`, `r = relu(x)`.

    A window without positive values gives the average.
    """

    def form() -> Quick:
        positive = ops.relu(x)
        weight = average(positive, window)
        some = weight > 0
        safe = ops.where(some, weight, 1.0)
        y = ops.where(some, average(positive * positive, window) / safe, average(x, window))
        # The square of a small number has lost digits, and that of a large one has overflowed.
        return Quick(y, ops.logical_and(is_between(safe, 1e-15, 1e15), is_finite(y)))

    return [form]


def norm_pool(window: PoolWindow, x: Any, p: Any, of_average: bool) -> Forms:
    """Returns the forms of `(sum_i |x_i|^p)^(1/p)`, or of the same with the average in place of the sum."""
    if window.is_whole and not of_average:
        return []

    def form() -> Quick:
        squares = ops.all(ops.equal(p, 2.0))
        # Runtimes are several times quicker at a logarithm and an exponential than at a power.
        powers = chosen(squares, x * x, lambda: ops.exp(p * ops.log(ops.abs(x))))
        mean = average(powers, window)
        mean = mean if of_average else mean * ops.cast(counts(x, window), x.dtype)
        y = chosen(squares, ops.sqrt(mean), lambda: ops.power(mean, 1.0 / p))
        bounded = _are_bounded(y, mean)

        def are_zero_or_bounded() -> Any:
            # Where a norm is zero, all values must be. Powers of small ones vanish too.
            some = average(ops.abs(x), window) > 0
            return _are_bounded(ops.where(some, y, 1.0), ops.where(some, mean, 1.0))

        sound = chosen(bounded, bounded, are_zero_or_bounded)
        return Quick(y, ops.logical_and(sound, is_between(p, 1.0 - 1e-6, 64.0)))

    return [form]


def _are_bounded(norms: Any, means: Any) -> Any:
    """Returns whether norms, and the means of powers that they are roots of, have lost no digits."""
    return ops.logical_and(is_between(norms, 1e-5, 1e5), is_between(means, 1e-30, 1e30))
