"""Which layers are trained."""

import branches
import pytest


@pytest.fixture(scope="session")
def layers(effort):
    """Returns the names of the layer classes to train: two, or all that have a branch."""
    return effort(branches.FIRST, branches.NAMES)
