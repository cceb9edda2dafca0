"""Comparisons over seeds with a sentence that says what they show."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiments import paired
from experiments.experiment import Results, Table

# Of more settings than this, a sentence names the first and the last. The table has all of them.
MANY = 4


def verdict(found: Sequence[paired.Difference], scale: float = 100.0, digits: int = 2) -> str:
    """Returns which settings differ from the baseline after the correction, in one or two sentences.

    Args:
        found: list of `Difference`, as `paired.differences` returns it.
        scale: float, by which differences are multiplied.
        digits: int, the digits after the point.
    """
    baseline = found[0].baseline
    held = sorted((each for each in found if each.is_significant), key=lambda each: -each.difference)
    if not held:
        return f"No difference to {baseline} survives the correction."
    texts = [f"{each.setting} ({each.difference * scale:+.{digits}f})" for each in held]
    count = sum(each.difference > 0 for each in held)
    sides = {"above": texts[:count], "below": texts[count:]}
    said = [f"{side} it: {_listed(names)}" for side, names in sides.items() if names]
    rest = "No other difference" if len(held) < len(found) - 1 else "Every difference"
    return f"Compared with {baseline} after the correction, {'; '.join(said)}. {rest} survives it."


def _listed(names: Sequence[str]) -> str:
    if len(names) <= MANY:
        return ", ".join(names)
    return f"{len(names)} settings, from {names[0]} to {names[-1]}"


def comparison(title: str, results: Results, metric: str, baseline: str, **style: Any) -> Table:
    """Returns a table of all settings beside a baseline, with the verdict in its notes.

    Args:
        title: string.
        results: `Results`.
        metric: string, the name of a number in each run.
        baseline: string, a setting.
        **style: arguments of `paired.table`: `unit`, `scale`, `digits` and `pairs`.

    Returns:
        `Table`. It has no rows if nothing can be compared, and its notes say why.
    """
    if baseline not in results.runs or len(results.runs) < 2 or len(results.runs[baseline]) < 2:
        return Table(title, ["setting"], [], f"A comparison needs {baseline}, another setting and two seeds.")
    found = paired.differences(results, metric, baseline)
    made = paired.table(title, found, **style)
    shown = {name: style[name] for name in ("scale", "digits") if name in style}
    return replace(made, notes=f"{verdict(found, **shown)} {made.notes}")


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
