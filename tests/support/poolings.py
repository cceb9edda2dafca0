"""Every pooling that has a compiled op, as a function of tensors alone, with tensors to call it with."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from detail_inputs import pooling as detail

import tf_softpool as tsp


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
}
