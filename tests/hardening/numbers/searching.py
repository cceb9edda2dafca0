"""Searches by Hypothesis: the same examples in each quick run, and new ones in each long run."""

import os
import secrets

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

# Set to a number that a failure names, it repeats the search.
SEED = "TF_SOFTPOOL_SEED"


def search(strategy, check, effort, quick, hard):
    """Calls a function with examples of a strategy, and raises the error of the simplest that fails.

    Args:
        strategy: strategy of Hypothesis.
        check: function that takes an example, and raises an error if something is wrong.
        effort: the fixture that chooses between two numbers.
        quick: int, the number of examples in any run.
        hard: int, the number of examples in the long run.
    """
    seed = int(os.environ.get(SEED, effort(0, secrets.randbits(32))))

    def tried(call):
        hypothesis.note(f"{SEED}={seed} repeats this search.")
        check(call)

    configured = settings(
        max_examples=effort(quick, hard),
        database=None,
        deadline=None,
        print_blob=True,
        # Explaining what a failure depends on takes minutes.
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    hypothesis.seed(seed)(configured(given(strategy)(tried)))()
