"""The harness notices a crash, a hang, a wrong answer and too much memory, and says which seed it was."""

import tensorflow as tf
from node import Attribute, Node
from node_batches import run_batches
from node_errors import why_unclear


def test_planted_faults_are_found():
    report = run_batches("node_planted", range(7), seconds=15)
    assert sorted(report.faults) == [1, 2, 3, 4, 5]
    assert "SIGABRT" in report.faults[1]
    assert all(f"planted fault {seed}" in why for seed, why in report.faults.items())
    assert "hangs" in report.faults[2]
    assert "wrong answer" in report.faults[3]
    assert "memory" in report.faults[4]
    assert "KeyError" in report.faults[5]
    assert report.outcomes["answer"] == 2


def test_unclear_errors_are_found():
    node = Node("Softpool>SoftPool", {"ksize": Attribute("list(int)", [2])}, [])
    assert why_unclear(tf.errors.InternalError(None, None, "ksize"), node)
    assert why_unclear(tf.errors.InvalidArgumentError(None, None, ""), node)
    assert why_unclear(tf.errors.InvalidArgumentError(None, None, "no [Op:ksize]"), node)
    assert not why_unclear(tf.errors.InvalidArgumentError(None, None, "ksize is wrong"), node)
