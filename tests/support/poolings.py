"""Every pooling that has a compiled op, as a function of tensors alone, with tensors to call it with."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from detail_inputs import pooling as detail

import tf_softpool as tsp
from tf_softpool.ops import (
    gated_pool,
    lp_pool,
    mixed_pool,
    power_average_pool,
    stochastic_pool,
    sum_pool,
)
from tf_softpool.ops.learned_guide import learned_guide
from tf_softpool.ops.window import PoolWindow


@dataclass(frozen=True)
class Pooling:
    """A pooling with a compiled op.

    Attributes:
        op: string, the op's name.
        make: function that takes the arguments after the tensors, and returns a function of tensors.
        others: function that takes a random generator, a `Case`, `x` and the type of parameters, and returns
            a list of the inputs after `x`.
    """

    op: str
    make: Callable
    others: Callable = lambda random, case, x, wide: []

    def __call__(self, *arguments):
        """Returns the pooling as a function of tensors."""
        return self.make(*arguments)

    def inputs(self, case, data_format, dtype):
        """Returns random tensors for a case."""
        random = np.random.default_rng(0)
        x = random.normal(0, 2, case.shape(data_format)).astype(dtype)
        wide = "float64" if x.dtype == "float64" else "float32"
        return [x, *self.others(random, case, x, wide)]


def _ranks(random, case, x, wide):
    return [random.normal(0, 1, min(math.prod(case.pool_size), 20)).astype(wide)]


def _ranks_of_channels(random, case, x, wide):
    count = min(math.prod(case.pool_size) // 2 + 1, 20)
    return [random.normal(0, 1, (count, case.channels)).astype(wide)]


def _logits(random, case, x, wide):
    return [random.normal(0, 2, x.shape).astype(x.dtype)]


def _alpha_and_lam(random, case, x, wide):
    return list(random.uniform(0.5, 2, (2, case.channels)).astype(wide))


def _of_channels(low, high):
    return lambda random, case, x, wide: [random.uniform(low, high, case.channels).astype(wide)]


def _gate(random, case, x, wide):
    omega = random.normal(0, 0.3, (*case.pool_size, case.channels))
    return [omega.astype(wide), random.normal(0, 1, case.channels).astype(wide)]


def _kernel(random, case, x, wide):
    return [random.normal(0, 1, (*(3 for _ in case.spatial), case.channels)).astype(wide)]


class SameSeed:
    """Takes the place of a `SeedGenerator`, and always gives the same key."""

    def __init__(self, *key):
        self.key = key

    def next(self):
        """Returns the key."""
        return np.array(self.key, "int64")


def over_windows(pool):
    """Returns a function that takes a window's arguments and returns a pooling as a function of tensors.

    `pool` takes the tensors and then a `PoolWindow`.
    """

    def make(pool_size, strides, padding, data_format):
        def function(x, *others):
            window = PoolWindow.of(len(x.shape) - 2, pool_size, strides, padding, data_format)
            return pool(x, *others, window)

        return function

    return make


POOLINGS = {
    "soft": Pooling("SoftPool", lambda *a: lambda x: tsp.soft_pool(x, *a)),
    "soft, weights": Pooling("SoftPool", lambda *a: lambda x: tsp.soft_pool(x, *a, gradient="weights")),
    "sorted": Pooling("SortedPool", lambda *a: lambda x, w: tsp.sorted_pool(x, w, *a), _ranks),
    "sorted, no softmax": Pooling(
        "SortedPool",
        lambda *a: lambda x, w: tsp.sorted_pool(x, w, *a, normalize="none"),
        _ranks_of_channels,
    ),
    "importance": Pooling(
        "ImportancePool", lambda *a: lambda x, logits: tsp.importance_pool(x, logits, *a), _logits
    ),
    "detail": Pooling("DetailPreservingPool", detail, _alpha_and_lam),
    "detail, guided": Pooling(
        "DetailPreservingPool",
        lambda *a: (
            lambda x, x2, alpha, lam: detail(*a, symmetric=False)(x, tsp.soft_pool(x2, *a), alpha, lam)
        ),
        lambda *a: [*_logits(*a), *_alpha_and_lam(*a)],
    ),
    "sum": Pooling("SumPool", over_windows(sum_pool.pool)),
    "power average, 2": Pooling(
        "PowerAveragePool", over_windows(lambda x, window: power_average_pool.pool(x, 2, window))
    ),
    "power average, 3.5": Pooling(
        "PowerAveragePool", over_windows(lambda x, window: power_average_pool.pool(x, 3.5, window))
    ),
    "lp": Pooling("LpPool", over_windows(lp_pool.pool), _of_channels(1.2, 4)),
    "mixed": Pooling("MixedPool", over_windows(mixed_pool.pool), _of_channels(0, 1)),
    "gated": Pooling("GatedPool", over_windows(gated_pool.pool), _gate),
    "expectation": Pooling("StochasticPool", over_windows(stochastic_pool.pool)),
    "drawn": Pooling(
        "StochasticPool",
        over_windows(lambda x, window: stochastic_pool.pool(x, window, SameSeed(3, -5))),
    ),
    "learned guide": Pooling("LearnedGuide", over_windows(learned_guide), _kernel),
}
