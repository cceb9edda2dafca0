"""The short run: of each test function, as many cases as it takes for every pair of values to occur.

A function with parameters is a table: a row for each of its tests, a column for each parameter. Most faults
need one value, or two that meet: a type in one mode, a padding with one sort of window. So the short run
keeps rows until every two values that stand in some row together do so in one that is kept. What is a value
of its own in each row, such as the names in a table of special numbers, is kept in every row.

Tests that are marked `each_value` take seconds for each row: of those, every value is kept, not every pair.
"""

import heapq
import itertools
import re

from cases import Case


def columns(parameters):
    """A row of a table: what a test's parameters are, by name. A case has a column for each thing it is.

    A layer's class counts without its rank, which has a column of its own.
    """
    row = {}
    for name, value in parameters.items():
        if isinstance(value, Case):
            row.update({f"{name}.{trait}": repr(v) for trait, v in value.traits().items()})
        else:
            row[name] = re.sub(r"(?<=Pooling)[123]D", "", repr(value))
    return row


def values(row):
    """Every value of a row, by its column."""
    return set(row.items())


def pairs(row):
    """Every two values of a row that stand in it together, and every one."""
    return set(itertools.combinations_with_replacement(sorted(row.items()), 2))


def covering(rows, parts=pairs):
    """The rows to keep, by their places: again and again the one that adds most parts, the first of equals.

    Args:
        rows: a list of dicts.
        parts: a function of a row: what is to be covered of it.

    Returns:
        A set of indices.
    """
    of_row = [parts(row) for row in rows]
    seen, kept = set(), set()
    # What a row adds never grows, so that a count that is out of date is never too low.
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
    """The tests of the short run, and those that it leaves out, each in the order in which they came."""
    tables = {}
    for item in items:
        tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    kept = set()
    for table in tables.values():
        rows = [columns(item.callspec.params) if hasattr(item, "callspec") else {} for item in table]
        parts = values if table[0].get_closest_marker("each_value") else pairs
        kept |= {table[place] for place in covering(rows, parts)} if len(table) > 1 else set(table)
    return [item for item in items if item in kept], [item for item in items if item not in kept]
