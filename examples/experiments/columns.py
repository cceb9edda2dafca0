"""A table that compares settings with a baseline in several columns, such as lengths of training."""

from collections.abc import Callable, Mapping, Sequence

from experiments import paired, verdicts
from experiments.experiment import Results, Table


def table(
    results: Results,
    title: str,
    means: tuple[str, str],
    columns: Mapping[str, str],
    baseline: str,
    *,
    order: Sequence[str] | None = None,
    more: Mapping[str, Callable[[str], str]] | None = None,
    scale: float = 100.0,
    digits: int = 2,
) -> Table:
    """Returns a table with a row for each setting. Below it, it says which differences hold.

    Args:
        results: `Results`.
        title: string.
        means: the title and the metric of the column that shows means.
        columns: dict of titles to metrics. A column shows the differences to the baseline in one metric.
        baseline: string, a setting.
        order: list of settings, in the order of the rows. Default: the largest mean first.
        more: dict of titles to functions, which take a setting and return what its row has in this column.
        scale: float, by which numbers are multiplied.
        digits: int, the digits after the point.
    """
    found = {
        column: {each.setting: each for each in paired.differences(results, metric, baseline)}
        for column, metric in columns.items()
    }
    shown = {each.setting: each for each in paired.differences(results, means[1], baseline)}
    more = more or {}

    def cell(each: paired.Difference) -> str:
        if each.setting == baseline:
            return ""
        star = " *" if each.is_significant else ""
        return f"{each.difference * scale:+.{digits}f} ± {each.margin * scale:.{digits}f}{star}"

    rows = [
        [
            setting,
            f"{shown[setting].mean * scale:.{digits}f} ± {shown[setting].deviation * scale:.{digits}f}",
            *(cell(differences[setting]) for differences in found.values()),
            *(make(setting) for make in more.values()),
        ]
        for setting in order or sorted(shown, key=lambda setting: -shown[setting].mean)
    ]
    said = [
        f"{column}: {verdicts.verdict(list(differences.values()), scale, digits)}"
        for column, differences in found.items()
    ]
    notes = (
        f"{means[0]}: mean ± deviation over {len(results.runs[baseline])} seeds. Other columns with ±: "
        f"differences to {baseline} with the same seed, and their 95 % margins. *: p of the paired t-test is "
        f"below {paired.LEVEL}, corrected by Holm's method in its column. {' '.join(said)}"
    )
    header = ["setting", means[0], *(f"{column}, minus {baseline}" for column in columns), *more]
    return Table(title, header, rows, notes)
