"""Tests of claims: settings compared with a baseline over the same seeds.

Two single networks differ because their random numbers differ, so one pair of runs shows nothing about what
was changed. Here, the runs of two settings with the same seed are a pair, and the test asks whether the mean
of the differences of all pairs could be zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from experiments.experiment import Results, Table

# The probability of a false claim among all claims of a table.
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """How a setting differs from the baseline.

    Args:
        setting: string.
        baseline: string, the setting that it is compared with.
        mean: float, the mean over the seeds.
        deviation: float, the standard deviation over the seeds.
        difference: float, the mean of the differences to the baseline with the same seed.
        margin: float. The mean difference lies in `difference` plus or minus this with 95 % confidence, which
            assumes that differences are distributed normally.
        p: float, of the paired t-test of all differences being zero.
        corrected: float, p corrected by Holm's method for all settings of the table.
    """

    setting: str
    baseline: str
    mean: float
    deviation: float
    difference: float
    margin: float
    p: float
    corrected: float

    @property
    def is_significant(self) -> bool:
        """Whether the difference holds after the correction."""
        return self.corrected < LEVEL


def differences(results: Results, metric: str, baseline: str) -> list[Difference]:
    """Compares all settings with a baseline.

    Args:
        results: `Results`, with at least two seeds.
        metric: string, the name of a number in each run.
        baseline: string, a setting.

    Raises:
        ValueError: if there are fewer than two seeds.
    """
    base = np.array(results.values(baseline, metric))
    if len(base) < 2:
        raise ValueError(f"A test needs at least two seeds, got {len(base)}")
    others = [setting for setting in results.runs if setting != baseline]
    ps = {setting: _p(np.array(results.values(setting, metric)) - base) for setting in others}
    corrected = dict(zip(others, holm(list(ps.values())), strict=True))
    return [
        Difference(
            setting,
            baseline,
            *_gap(np.array(results.values(setting, metric)), base),
            ps.get(setting, 1.0),
            corrected.get(setting, 1.0),
        )
        for setting in results.runs
    ]


def holm(ps: Sequence[float]) -> list[float]:
    """Returns probabilities corrected by Holm's method.

    `statsmodels.stats.multitest.multipletests` does the same. It also collects garbage, which takes half a
    second each time if TensorFlow is loaded, and tables need many corrections.
    """
    order = np.argsort(ps)
    corrected = np.ones(len(ps))
    # The smallest is multiplied by how many there are, the next by one less. None is below the one before it.
    corrected[order] = np.maximum.accumulate(np.array(ps)[order] * np.arange(len(ps), 0, -1))
    return [float(min(1.0, p)) for p in corrected]


def _gap(found: np.ndarray, base: np.ndarray) -> tuple[float, float, float, float]:
    """Returns the mean and the deviation, and the mean difference and its margin."""
    gap = found - base
    margin = stats.t.ppf(0.975, len(gap) - 1) * gap.std(ddof=1) / math.sqrt(len(gap))
    return found.mean(), found.std(ddof=1), gap.mean(), float(margin)


def _p(gaps: np.ndarray) -> float:
    """Returns p of the paired t-test. Differences that are all zero prove nothing, so their p is 1."""
    if not gaps.any():
        return 1.0
    return 0.0 if gaps.std() == 0 else float(stats.ttest_1samp(gaps, 0.0).pvalue)


def table(
    title: str,
    found: Sequence[Difference],
    unit: str = "%",
    scale: float = 100.0,
    digits: int = 2,
    pairs: str = "seeds",
) -> Table:
    """Returns a table of differences.

    Args:
        title: string.
        found: list of `Difference`, that of the baseline among them.
        unit: string, the unit of the numbers after scaling.
        scale: float, by which numbers are multiplied.
        digits: int, the digits after the point.
        pairs: string, what the pairs of the test are.
    """
    baseline = found[0].baseline

    def number(value: float) -> str:
        return f"{value * scale:.{digits}f}"

    rows = []
    for each in found:
        row = [each.setting, f"{number(each.mean)} ± {number(each.deviation)}"]
        if each.setting == baseline:
            rows.append([*row, "", "", ""])
            continue
        row.append(f"{each.difference * scale:+.{digits}f} ± {number(each.margin)}")
        rows.append([*row, f"{each.p:.2g}", f"{each.corrected:.2g}{' *' if each.is_significant else ''}"])
    header = ["setting", f"mean ± deviation, {unit}", f"difference to {baseline}, 95 %", "p", "p, corrected"]
    notes = f"p: paired t-test over the {pairs}, corrected by Holm's method. *: below {LEVEL}."
    return Table(title, header, rows, notes)
