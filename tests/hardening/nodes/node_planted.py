"""Faults that the harness must notice: see `test_node_batches.py`."""

import os
import time


def describe(seed):
    """Returns what a seed stands for."""
    return f"planted fault {seed}"


def check(seed):
    """Returns an outcome, or does what the seed stands for."""
    if seed == 1:
        os.abort()
    if seed == 2:
        time.sleep(60)
    if seed == 3:
        raise AssertionError("wrong answer")
    if seed == 4:
        b"1" * (9 * 2**27)
    if seed == 5:
        raise KeyError("unexpected")
    return "answer"
