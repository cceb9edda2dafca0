"""Hostile and nearly valid nodes of every op: each is a right answer or a clear error, in every way."""

import pytest
from node_batches import run_batches

# `make harden` runs the parts side by side.
PARTS = 8


def assert_clear(seeds):
    """Checks the nodes of some seeds."""
    report = run_batches("node_checks", seeds)
    assert not report.faults, str(report)
    # Most nodes must get past the first check, or nothing is tried.
    assert report.outcomes["answer"] > 0.1 * report.outcomes["error"], str(report)


def test_some_nodes():
    assert_clear(range(120))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_nodes(part, effort):
    count = effort(800, 20_000) // PARTS
    assert_clear(range(part * count, (part + 1) * count))
