"""The SoftPool paper's numbers about significance, recomputed from what it prints beside them."""

import math

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar

from experiments.experiment import Table
from experiments.softpool_paper import COLUMNS, GAINS, NETWORKS, PICTURES, Network

# Two percentages of two digits each: half a hundredth may be lost in each, and in their difference.
_ROUNDING = 0.0150001
# Percentage points that are marked. Most gains of the paper are no larger than twice that.
_LARGE = 0.5


def chi_squared_and_p(first_only: int, second_only: int) -> tuple[float, float]:
    """Returns chi-squared and p of McNemar's test, with the correction for continuity that the paper uses.

    Args:
        first_only: int, what the first network alone classifies correctly.
        second_only: int, what the second network alone classifies correctly.
    """
    if first_only + second_only == 0:
        return 0.0, 1.0
    found = mcnemar(np.array([[0, first_only], [second_only, 0]]), exact=False, correction=True)
    return float(found.statistic), float(found.pvalue)


def accuracies(network: Network) -> tuple[float, float]:
    """Returns the percentages of correct pictures that follow from the counts: original, SoftPool."""
    soft, _, original, _ = network.sums
    return 100 * original / PICTURES, 100 * soft / PICTURES


def chi_squared_follows(network: Network) -> bool:
    """Whether the printed chi-squared follows from the printed counts, up to rounding."""
    found, _ = chi_squared_and_p(network.soft_only, network.original_only)
    return abs(found - network.chi_squared) <= 0.0050001


def p_follows(network: Network) -> bool:
    """Whether the printed p follows from the printed counts, up to one in its last digit."""
    _, found = chi_squared_and_p(network.soft_only, network.original_only)
    last_digit = 10.0 ** (math.floor(math.log10(network.p)) - 2)
    return abs(found - network.p) <= last_digit


def wrong_gains() -> list[tuple[str, str, float, float]]:
    """Returns printed gains that are no difference of the printed accuracies.

    Returns:
        list of network, column, printed gain, and difference of the printed accuracies.
    """
    wrong = []
    for name, (top_1, top_5, cells) in GAINS.items():
        for column, base, (accuracy, gain) in zip(COLUMNS, (top_1, top_5) * 2, cells, strict=True):
            if abs(accuracy - base - gain) > _ROUNDING:
                wrong.append((name, column, gain, round(accuracy - base, 2)))
    return wrong


def printed_tables() -> list[Table]:
    """Returns tables of what is printed beside what follows from the counts."""
    return [_tests(), _accuracies(), _gains()]


def _tests() -> Table:
    rows = []
    for each in NETWORKS:
        chi_squared, p = chi_squared_and_p(each.soft_only, each.original_only)
        marks = [
            *(["p"] if not p_follows(each) else []),
            *(["chi-squared"] if not chi_squared_follows(each) else []),
            *(["sums"] if each.sums != each.totals else []),
        ]
        numbers = [f"{each.chi_squared:.2f}", f"{chi_squared:.2f}", f"{each.p:.2e}", f"{p:.2e}"]
        rows.append([each.name, *numbers, ", ".join(marks)])
    follow = [sum(map(test, NETWORKS)) for test in (chi_squared_follows, p_follows)]
    notes = (
        f"{follow[0]} of {len(NETWORKS)} printed chi-squared and {follow[1]} printed p follow from the "
        f"counts. {_wrong_sums()}"
    )
    header = ["network", "chi-squared, printed", "from the counts", "p, printed", "from the counts", "wrong"]
    return Table("SoftPool paper, table 4, from the counts of table S1", header, rows, notes)


def _wrong_sums() -> str:
    labels = ("SoftPool correct", "SoftPool incorrect", "original correct", "original incorrect")
    wrong = [
        f"{each.name}, {label}: printed {printed}, is {right}"
        for each in NETWORKS
        for label, printed, right in zip(labels, each.totals, each.sums, strict=True)
        if printed != right
    ]
    return f"Wrong sums in table S1: {'; '.join(wrong)}."


def _accuracies() -> Table:
    rows, large = [], []
    for each in NETWORKS:
        row = [f"{each.name}, table {each.table}"]
        for counted, printed in zip(accuracies(each), (each.original, each.soft), strict=True):
            gap = counted - printed
            row += [f"{printed:.2f}", f"{counted:.2f}", f"{gap:+.2f}{_mark(gap)}"]
        rows.append(row)
        if any(cell.endswith("**") for cell in row):
            large.append(each.name)
    header = ["network", "original, printed", "from the counts", "difference"]
    notes = (
        f"*: more than rounding. **: more than {_LARGE} points: {', '.join(large)}. The paper says that its "
        "tests use the accuracies of tables 2, 5 and 6."
    )
    title = "SoftPool paper, top-1 accuracies in % from the counts of table S1 beside tables 2, 5 and 6"
    return Table(title, [*header, "SoftPool, printed", "from the counts", "difference"], rows, notes)


def _mark(gap: float) -> str:
    # A count gives its percentage exactly, so only the printed one is rounded.
    return " **" if abs(gap) > _LARGE else " *" if abs(gap) > 0.0050001 else ""


def _gains() -> Table:
    rows = [[name, column, f"{gain:+.2f}", f"{right:+.2f}"] for name, column, gain, right in wrong_gains()]
    count = 4 * len(GAINS)
    notes = f"{len(rows)} of {count} printed gains differ from the printed accuracies by more than rounding."
    header = ["network", "column", "gain, printed", "difference of the accuracies"]
    return Table("SoftPool paper, table 2: gains that do not follow", header, rows, notes)
