"""Which layers are trained."""

import branches
import pytest


@pytest.fixture(scope="session")
def layers(effort):
    """Returns the names of the layer classes to train: those of four poolings, or all that have a branch."""
    return effort([name for name in branches.NAMES if name.startswith(branches.FIRST)], branches.NAMES)
