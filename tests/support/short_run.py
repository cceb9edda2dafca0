"""The short run: a selection of each test function's cases in which every pair of values occurs.

A test function with parameters is a table. It has a row for each of its tests, and a column for each
parameter. Most faults show with one value or with two values together: a type in one mode, or a padding with
one sort of window. So the short run keeps rows until every two values that share a row also share a row that
is kept. If a column has a different value in each row, such as the names in a table of special numbers, every
row is kept.

Tests that are marked `each_value` take seconds for each row. Of these tests, the short run keeps every value,
but not every pair.
"""

import heapq
import itertools
import re

from cases import Case


def columns(parameters):
    """Returns a row of a table: the values of a test's parameters, by name.

    A case has a column for each of its traits. A layer's class is taken without its rank, which has its own
    column.
    """
    row = {}
    for name, value in parameters.items():
        if isinstance(value, Case):
            row.update({f"{name}.{trait}": repr(v) for trait, v in value.traits().items()})
        else:
            row[name] = re.sub(r"(?<=Pooling)[123]D", "", repr(value))
    return row


def values(row):
    """Returns every value of a row, with its column."""
    return set(row.items())


def pairs(row):
    """Returns every pair of values of a row, and every single value."""
    return set(itertools.combinations_with_replacement(sorted(row.items()), 2))


def covering(rows, parts=pairs):
    """Returns the indices of the rows to keep.

    The function repeatedly keeps the row that adds most parts, and the first one if several add as many.

    Args:
        rows: list of dicts.
        parts: function that takes a row, and returns the set of its parts that must be covered.

    Returns:
        A set of indices.
    """
    of_row = [parts(row) for row in rows]
    seen, kept = set(), set()
    # The number of parts that a row adds never grows, so an outdated count is never too low.
    queue = [(-len(found), place) for place, found in enumerate(of_row)]
    heapq.heapify(queue)
    while queue:
        count, place = heapq.heappop(queue)
        added = of_row[place] - seen
        if len(added) == -count:
            seen |= added
            kept.add(place)
        elif added:
            heapq.heappush(queue, (-len(added), place))
    return kept


def split(items):
    """Returns the tests of the short run and the tests that it leaves out, both in their original order."""
    tables = {}
    for item in items:
        tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    kept = set()
    for table in tables.values():
        rows = [columns(item.callspec.params) if hasattr(item, "callspec") else {} for item in table]
        parts = values if table[0].get_closest_marker("each_value") else pairs
        kept |= {table[place] for place in covering(rows, parts)} if len(table) > 1 else set(table)
    return [item for item in items if item in kept], [item for item in items if item not in kept]
