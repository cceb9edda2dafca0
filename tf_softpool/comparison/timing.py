"""How long entrants take for a picture."""

import statistics
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from tf_softpool.benchmark.measuring import measure, ratios
from tf_softpool.comparison.entrants import AVERAGE, MAX, Entrant
from tf_softpool.comparison.pooling import scale_for

_ROUNDS = 100


class Time(NamedTuple):
    """How long an entrant takes: the medians over the rounds.

    Attributes:
        milliseconds: float.
        of_max: float. How many times the time of max pooling of Keras that is.
        of_average: float. The same for average pooling.
    """

    milliseconds: float
    of_max: float
    of_average: float


def times_of(
    values: np.ndarray, entrants: Sequence[Entrant], window: tuple[int, ...], seconds: float
) -> dict[Entrant, Time]:
    """Returns how long each entrant takes for a picture. All of them take turns.

    Args:
        values: float32 array: the picture.
        entrants: the poolings, average and max pooling among them.
        window: an int for each axis of the picture but the channels.
        seconds: float: how long to start new rounds. At least three are measured.
    """
    import tensorflow as tf

    calls = {}
    for entrant in entrants:
        x = tf.constant(scale_for(entrant, values).into(values)[np.newaxis])
        pool = entrant.make(window)
        # Variables cannot be made in a graph.
        pool(x)
        calls[entrant] = partial(tf.function(pool, autograph=False).get_concrete_function(x), x)
    taken = measure(calls, seconds, _ROUNDS)
    by_name = {entrant.pooling: times for entrant, times in taken.items()}
    return {
        entrant: Time(
            1e3 * statistics.median(times),
            statistics.median(ratios(times, by_name[MAX])),
            statistics.median(ratios(times, by_name[AVERAGE])),
        )
        for entrant, times in taken.items()
    }
