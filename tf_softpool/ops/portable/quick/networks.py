"""Sorting networks: which minima and maxima put some ranks of a few numbers in their places."""

import functools
from typing import NamedTuple


class Step(NamedTuple):
    """A comparison of two places, after which the first has the larger number.

    Attributes:
        first: the place that gets the larger number.
        second: the place that gets the smaller number.
        larger: whether a later step or a result needs the larger number.
        smaller: whether a later step or a result needs the smaller number.
    """

    first: int
    second: int
    larger: bool
    smaller: bool

    @property
    def cost(self) -> int:
        """The number of minima and maxima."""
        return self.larger + self.smaller


@functools.cache
def network(size: int, ranks: tuple[int, ...]) -> list[Step]:
    """Returns the steps after which the places of some ranks have the numbers of these ranks.

    Source: K. E. Batcher, "Sorting networks and their applications", the odd-even merge sort, without the
    steps that no rank depends on.

    Args:
        size: the number of numbers.
        ranks: the ranks that are needed. The largest number has rank 0.
    """
    needed, steps = set(ranks), []
    for first, second in reversed(_odd_even_merge_sort(size)):
        if first in needed or second in needed:
            steps.append(Step(first, second, first in needed, second in needed))
            needed |= {first, second}
    return steps[::-1]


def _odd_even_merge_sort(size: int) -> list[tuple[int, int]]:
    """Returns pairs of places to compare, in order."""
    pairs, sorted_size = [], 1
    while sorted_size < size:
        step = sorted_size
        while step >= 1:
            for start in range(step % sorted_size, size - step, 2 * step):
                for i in range(start, min(start + step, size - step)):
                    if i // (2 * sorted_size) == (i + step) // (2 * sorted_size):
                        pairs.append((i, i + step))
            step //= 2
        sorted_size *= 2
    return pairs
