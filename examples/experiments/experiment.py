"""What an experiment is, and what its runs leave behind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

Run = dict[str, Any]
Effort = Mapping[str, int]


@dataclass(frozen=True)
class Table:
    """A table to print.

    Args:
        title: string.
        header: list of strings, the titles of the columns.
        rows: list of lists of strings.
        notes: string, sentences to print below the table.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: str = ""


@dataclass(frozen=True)
class Results:
    """The runs of an experiment.

    Args:
        experiment: string, the experiment's name.
        effort: dict of ints, such as `seeds` and `epochs`.
        runs: dict of lists by setting. The runs of a setting are in the order of their seeds, and seeds are
            the same in all settings, except those that run once. Each run is a dict of numbers and lists,
            with `seed` and `seconds`.
        about: dict of what ran them: the processor, the versions, the seconds of all runs together.
    """

    experiment: str
    effort: Effort
    runs: Mapping[str, Sequence[Run]]
    about: Mapping[str, Any] = field(default_factory=dict)

    def values(self, setting: str, metric: str) -> list[float]:
        """Returns one number of each run of a setting, in the order of the seeds."""
        return [run[metric] for run in self.runs[setting]]

    def only(self, settings: Sequence[str]) -> "Results":
        """Returns the results of some settings. Settings that were not run are left out."""
        runs = {setting: self.runs[setting] for setting in settings if setting in self.runs}
        return replace(self, runs=runs)


@dataclass(frozen=True)
class Experiment:
    """An experiment.

    Args:
        name: string, the name of its module and of its folder of results.
        description: string, what is measured, in a sentence or two.
        settings: list of strings, what is compared.
        short: dict of ints, the numbers of an ordinary run. `seeds` is one of them. Each becomes an option
            of the command line.
        full: dict of ints, the same numbers for `--full`.
        run: function `(setting, seed, effort) -> dict`. It makes one run, in which `seed` decides all that is
            random, and returns numbers and lists that JSON can hold.
        tables: function `(results) -> list of Table`.
        draw: function `(results, path)`. It writes a picture of the results, a PNG file.
        always: list of strings, the settings that run even if a user chooses others: baselines.
        once: list of strings, the settings that run with the first seed only.
        least_seeds: int, how many seeds the tables need. Tests of pairs need two.
    """

    name: str
    description: str
    settings: Sequence[str]
    short: Effort
    full: Effort
    run: Callable[[str, int, Effort], Run]
    tables: Callable[[Results], list[Table]]
    draw: Callable[[Results, Path], None]
    always: Sequence[str] = ()
    once: Sequence[str] = ()
    least_seeds: int = 2
