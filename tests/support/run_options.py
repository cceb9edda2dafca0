"""The options of a run of the tests, `--short` and `--harden`, for the conftest.py of each run to import."""

import pytest
import short_run

LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption(
        "--short", action="store_true", help="run a selection of tests: see support/short_run.py"
    )
    parser.addoption(
        "--harden", action="store_true", help="try as many random cases as `make harden` promises"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Leaves out the tests that are not in the short run."""
    if config.option.short:
        items[:], left_out = short_run.split(items)
        config.hook.pytest_deselected(items=left_out)
        config.stash[LEFT_OUT] = len(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Takes the number of tests left out from a worker of pytest-xdist. Every worker leaves out the same."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_sessionfinish(session):
    """Tells pytest-xdist's controller how many tests this worker left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, 0)


def pytest_terminal_summary(terminalreporter, config):
    """Prints how many tests were left out."""
    if left_out := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"The short run left out {left_out} tests, because their pairs of values occur in other tests. "
            "To run them too, use `make test-all`, or pytest without `--short`."
        )
