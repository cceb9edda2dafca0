"""Calls of the CUDA kernels of the poolings in `standard_oracle.py`, on random numbers."""

from collections.abc import Callable
from dataclasses import dataclass

import cuda_poolings
import numpy as np
import standard_gradients
import standard_oracle
from cuda_calls import Call, _normal
from near import compute_dtype


@dataclass(frozen=True)
class Numbers:
    """A pooling.

    Attributes:
        op: string, the op's name.
        reduce: function that takes the parameters and returns the oracle's function of a window's values.
        slopes: function that takes the parameters and returns the oracle's function of their derivatives.
        make: function that takes a random generator and a `Case` and returns the parameters.
        learned: says of each parameter whether it has a gradient.
        places: says of each parameter with a gradient whether it is one of places.
        attributes: dict of the op's own attributes.
    """

    op: str
    reduce: Callable
    slopes: Callable
    make: Callable = lambda random, case: []
    learned: tuple = ()
    places: tuple = ()
    attributes: tuple = ()


def _same(p):
    return lambda random, case: [np.full(case.channels, float(p))]


def _uniform(low, high):
    return lambda random, case: [random.uniform(low, high, case.channels)]


def _gate(random, case):
    places = int(np.prod(case.pool_size))
    return [random.normal(0, 0.3, (places, case.channels)), random.normal(0, 1, case.channels)]


def _power(p):
    return Numbers(
        "PowerAveragePool",
        lambda _: standard_oracle.power_average(p),
        lambda _: standard_gradients.power_average(p),
        _same(p),
        (False,),
    )


NUMBERS = {
    "sum": Numbers("SumPool", lambda: standard_oracle.total, lambda: standard_gradients.total),
    "power 1": _power(1),
    "power 2": _power(2),
    "power 3.5": _power(3.5),
    "power inf": _power(np.inf),
    "lp": Numbers("LpPool", standard_oracle.lp, standard_gradients.lp, _uniform(1.2, 4), (True,), (False,)),
    "mixed": Numbers(
        "MixedPool", standard_oracle.mixed, standard_gradients.mixed, _uniform(0, 1), (True,), (False,)
    ),
    "gated": Numbers(
        "GatedPool", standard_oracle.gated, standard_gradients.gated, _gate, (True, True), (True, False)
    ),
    "expectation": Numbers(
        "StochasticPool",
        lambda _: standard_oracle.expectation,
        lambda _: standard_gradients.expectation,
        lambda random, case: [None],
        (False,),
        attributes=(("N", 0),),
    ),
}


def numbers(case, padding, data_format, dtype="float32", *, pooling="sum", scale=3.0):
    """Makes a call of a pooling of `NUMBERS`, for numbers with standard deviation `scale`."""
    of, windows = NUMBERS[pooling], (case.pool_size, case.strides, padding, data_format)
    x = _normal(0, case.shape(data_format), dtype, scale)
    g = _normal(2, cuda_poolings.output_shape(x.shape, windows), dtype)
    made = of.make(np.random.default_rng(3), case)
    parameters = [v if v is None else v.astype(compute_dtype(dtype)) for v in made]

    def expected():
        # The oracle has an axis for each dimension of a window.
        shaped = [
            v if v is None or v.ndim == 1 else v.reshape(*case.pool_size, case.channels) for v in parameters
        ]
        y = standard_oracle.pool(x, *windows, of.reduce(*shaped))
        return [y, *standard_gradients.gradients(x, g, *windows, of.slopes(*shaped), of.places)]

    arguments = (x, parameters, g, windows, of.op, of.learned, dict(of.attributes))
    return Call(cuda_poolings.over_numbers, arguments, expected, parameters=sum(of.learned))
