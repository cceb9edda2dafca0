"""Hostile and nearly valid nodes of every op: each is a right answer or a clear error, in every way."""

from node_batches import run_batches


def test_nodes(effort):
    report = run_batches("node_checks", range(effort(500, 20_000)))
    assert not report.faults, str(report)
    # Most nodes must get past the first check, or nothing is tried.
    assert report.outcomes["answer"] > 0.1 * report.outcomes["error"], str(report)
