"""Typical tensors, measured with each pooling beside max and average pooling of Keras."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import keras

from tf_softpool.benchmark.cases import PASSES, Case
from tf_softpool.benchmark.measuring import measure, ratios
from tf_softpool.benchmark.passes import Pool, in_graph, pass_of, tensor_of
from tf_softpool.benchmark.poolings import made
from tf_softpool.rewriting.policy.kinds import GLOBAL as FORM
from tf_softpool.rewriting.policy.kinds import KINDS

_WIDE, _DEEP = (8, 56, 56, 64), (8, 28, 28, 128)
GLOBAL = "global"
ROWS = {
    "2x2": Case(_WIDE, 2, 2),
    "3x3": Case(_WIDE, 3, 2),
    "stride-1": Case(_DEEP, 3, 1, "same"),
    GLOBAL: Case(_DEEP, 28, 28),
}
MAX, AVERAGE = "max", "average"
_ROUNDS = 100


@dataclass(frozen=True)
class Measurement:
    """The time of a pooling on a row's tensor.

    Attributes:
        row: str. The name of the row.
        case: str. The tensor's shape, and the windows.
        pooling: str. One of our poolings, or `MAX` or `AVERAGE` for Keras's.
        which: str. The pass, one of `PASSES`.
        milliseconds: float. The median over the rounds.
        of_max: float. How many times the time of max pooling it took: the median over the rounds.
        of_average: float. The same for average pooling.
    """

    row: str
    case: str
    pooling: str
    which: str
    milliseconds: float
    of_max: float
    of_average: float


def measured(row: str, poolings: Sequence[str], seconds: float) -> Iterator[list[Measurement]]:
    """Measures poolings on a row's tensor, and yields what it measured after each pass.

    Args:
        row: one of `ROWS`.
        poolings: kinds of our poolings. Those without the form that the row needs are left out.
        seconds: how long to start new rounds of a pass.
    """
    case = ROWS[row]
    x, pools = tensor_of(case), _pools(row, case, poolings)
    for which in PASSES:
        functions = {name: in_graph(pass_of(pool, which, case)) for name, pool in pools.items()}
        calls = {name: lambda function=function: function(x) for name, function in functions.items()}
        taken = measure(calls, seconds, _ROUNDS)
        yield [
            Measurement(
                row,
                str(case),
                name,
                which,
                1e3 * statistics.median(times),
                statistics.median(ratios(times, taken[MAX])),
                statistics.median(ratios(times, taken[AVERAGE])),
            )
            for name, times in taken.items()
        ]


def _pools(row: str, case: Case, poolings: Sequence[str]) -> dict[str, Pool]:
    """Returns poolings by their names, those of Keras first. All are called as in training."""
    window = {"data_format": case.data_format, "dtype": case.dtype}
    if row == GLOBAL:
        pools: dict[str, Pool] = {
            MAX: keras.layers.GlobalMaxPooling2D(**window),
            AVERAGE: keras.layers.GlobalAveragePooling2D(**window),
        }
    else:
        sizes = (case.k, case.s, case.padding)
        pools = {
            MAX: keras.layers.MaxPooling2D(*sizes, **window),
            AVERAGE: keras.layers.AveragePooling2D(*sizes, **window),
        }
    form = FORM if row == GLOBAL else ""
    for name in poolings:
        if form + name in KINDS:
            # Sorted pooling of whole images needs a number of ranks.
            needed = {"pool_range": 3} if form + name == "global_sorted" else {}
            pools[name] = made(KINDS[form + name][2], case, training=True, **needed)
    return pools
