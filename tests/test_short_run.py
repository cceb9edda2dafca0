"""The rule of the short run: every pair of values of a test that is left out occurs in a kept test."""

import itertools
from pathlib import Path

import pytest
from cases import Case
from short_run import columns, covering, pairs, values

ROOT = Path(__file__).parent.parent


def table(**values):
    """Returns every row that can be made of these values."""
    return [dict(zip(values, row, strict=True)) for row in itertools.product(*values.values())]


def test_every_pair_is_covered_by_few_rows():
    rows = table(a=range(3), b=range(3), c=range(3), d=range(3))
    kept = covering(rows)
    assert set().union(*(pairs(rows[i]) for i in kept)) == set().union(*map(pairs, rows))
    # No fewer than nine rows can have all pairs.
    assert len(kept) <= 15


def test_what_is_its_own_in_each_row_is_kept_in_every_one():
    rows = [{"name": n, "expected": n % 2} for n in range(20)]
    assert covering(rows) == set(range(20))
    rows = table(name=range(20), mode="ab", channels=range(4))
    assert {rows[i]["name"] for i in covering(rows)} == set(range(20))


def test_of_what_takes_seconds_every_value_is_kept():
    rows = table(a=range(3), b=range(4), c=range(2))
    kept = [rows[i] for i in covering(rows, values)]
    assert set().union(*map(values, kept)) == set().union(*map(values, rows))
    assert len(kept) == 4


def test_rows_that_are_the_same_are_kept_once():
    assert covering([{"a": 1}, {"a": 1}]) == {0}


def test_a_case_counts_by_what_it_is():
    row = columns({"case": Case((9, 8), (3, 3), (1, 1)), "padding": "same"})
    assert row["case.windows"] == "'overlapping'"
    assert row["case.pool_size"] == "(3, 3)"
    assert row["padding"] == "'same'"


@pytest.mark.parametrize(
    ("case", "windows"),
    [
        (Case((8,), (2,), (2,)), "side by side"),
        (Case((8, 8), (2, 3), (2, 2)), "overlapping"),
        (Case((8, 8), (2, 3), (3, 2)), "gaps"),
        (Case((8, 8), (8, 8), (8, 8)), "a whole map"),
        (Case((8, 8), (2, 9), (1, 1)), "larger than the input"),
    ],
)
def test_sorts_of_windows(case, windows):
    assert case.windows() == windows


class Collected:
    """The tests that pytest collects in some folders, and those that the short run leaves out."""

    def __init__(self, *folders):
        self.items, self.left_out = [], set()
        folders = [str(ROOT / "tests" / folder) for folder in folders]
        arguments = [*folders, "--short", "--collect-only", "-q", "-p", "no:cacheprovider"]
        assert pytest.main(arguments, plugins=[self]) == 0

    def pytest_itemcollected(self, item):
        """Records a test that pytest collected."""
        self.items.append(item)

    def pytest_deselected(self, items):
        """Records the tests that the short run left out."""
        self.left_out.update(items)


@pytest.fixture(scope="module")
def collected():
    return Collected("ops", "layers", "cuda")


def facts(item):
    """Returns what a test tests: the pooling, the test function, and values that say how it is tested."""
    parameters = item.callspec.params
    found = {"pooling": parameters.get("name", item.path.stem), "function": item.nodeid.partition("[")[0]}
    for name in ("padding", "data_format", "dtype", "mode", "gradient", "variant"):
        if name in parameters:
            found[name] = parameters[name]
    if isinstance(case := parameters.get("case"), Case):
        found |= {"rank": len(case.spatial), "windows": case.windows()}
    return {name: repr(value) for name, value in found.items()}


def test_every_pair_of_what_tests_test_is_in_the_short_run(collected):
    tests = [item for item in collected.items if hasattr(item, "callspec")]
    tests = [item for item in tests if not item.get_closest_marker("each_value")]
    everything = set().union(*(pairs(facts(item)) for item in tests))
    short = set().union(*(pairs(facts(item)) for item in tests if item not in collected.left_out))
    assert everything - short == set()
    # The comparison means something only if there is much to leave out and much to keep.
    assert len(everything) > 1000
    assert 0.2 < len(collected.left_out.intersection(tests)) / len(tests) < 0.9


def test_every_value_of_every_parameter_is_in_the_short_run(collected):
    tests = [item for item in collected.items if hasattr(item, "callspec")]

    def values_of(items):
        return {(i.nodeid.partition("[")[0], *v) for i in items for v in columns(i.callspec.params).items()}

    assert values_of(tests) - values_of(i for i in tests if i not in collected.left_out) == set()
