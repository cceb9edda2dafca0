"""Comparisons over seeds with a sentence that says what they show."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiments import paired
from experiments.experiment import Results, Table


def verdict(found: Sequence[paired.Difference], better: str = "higher") -> str:
    """Returns a sentence: which settings differ from the baseline, and whether they are better or worse.

    Args:
        found: list of `Difference`, as `paired.differences` returns it.
        better: `"higher"` or `"lower"`, the numbers that are better.
    """
    compared = len(found) - 1
    held = [each for each in found if each.is_significant]
    if not held:
        several = f"None of the {compared} differences survives the correction."
        return several if compared > 1 else "The difference is not significant."
    words = [f"{each.setting} ({_judgement(each, better)})" for each in held]
    verb = "survives" if len(held) == 1 else "survive"
    several = f"{len(held)} of {compared} differences {verb} the correction: {', '.join(words)}."
    return several if compared > 1 else f"The difference is significant: {words[0]}."


def _judgement(each: paired.Difference, better: str) -> str:
    return "better" if (each.difference > 0) == (better == "higher") else "worse"


def comparison(
    title: str, results: Results, metric: str, baseline: str, better: str = "higher", **style: Any
) -> Table:
    """Returns a table of all settings beside a baseline, with the verdict in its notes.

    Args:
        title: string.
        results: `Results`.
        metric: string, the name of a number in each run.
        baseline: string, a setting.
        better: `"higher"` or `"lower"`, the numbers that are better.
        **style: arguments of `paired.table`: `unit`, `scale` and `digits`.

    Returns:
        `Table`. It has no rows if nothing can be compared, and its notes say why.
    """
    if baseline not in results.runs or len(results.runs) < 2 or len(results.runs[baseline]) < 2:
        return Table(title, ["setting"], [], f"A comparison needs {baseline}, another setting and two seeds.")
    found = paired.differences(results, metric, baseline)
    made = paired.table(title, found, **style)
    return replace(made, notes=f"{verdict(found, better)} {made.notes}")


def only(results: Results, settings: Sequence[str]) -> Results:
    """Returns the results of some settings, in their order. Settings that were not run are left out."""
    return replace(results, runs={name: results.runs[name] for name in settings if name in results.runs})


def averaged(results: Results, metric: str, groups: Mapping[str, Sequence[str]]) -> Results:
    """Returns results with groups as settings: for each seed, the mean of a number over a group's settings.

    Groups with a setting that was not run are left out.
    """
    runs = {
        name: [
            {metric: sum(values) / len(group)}
            for values in zip(*_columns(results, metric, group), strict=True)
        ]
        for name, group in groups.items()
        if all(setting in results.runs for setting in group)
    }
    return replace(results, runs=runs)


def _columns(results: Results, metric: str, group: Sequence[str]) -> list[list[float]]:
    return [results.values(setting, metric) for setting in group]
