"""Results on disk. Each run is kept as soon as it is complete, so that an interrupted experiment goes on."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from experiments.experiment import Effort, Results, Run
from tf_softpool.writing import complete_or_absent


class Store:
    """The runs of one experiment with one effort, in a folder.

    Args:
        folder: path of the experiment's folder. It is made if needed.
        effort: dict of ints. The number of seeds does not change what a run computes, so a run serves efforts
            with more seeds too.
        source: string, whatever else decides what a run computes, such as the versions of the packages.
    """

    def __init__(self, folder: Path, effort: Effort, source: str) -> None:
        decides = {name: number for name, number in effort.items() if name != "seeds"}
        key = hashlib.sha256(json.dumps([sorted(decides.items()), source]).encode()).hexdigest()[:12]
        self._folder = folder / "runs" / key

    def find(self, setting: str, seed: int) -> Run | None:
        """Returns a run that is kept, or None."""
        try:
            run: Run = json.loads(self._path(setting, seed).read_text())
        except FileNotFoundError:
            return None
        return run

    def keep(self, setting: str, seed: int, run: Run) -> None:
        """Writes a run, completely or not at all."""
        write(self._path(setting, seed), _line(run))

    def _path(self, setting: str, seed: int) -> Path:
        return self._folder / re.sub(r"\W+", "_", setting) / f"{seed}.json"


def write(path: Path, text: str) -> None:
    """Writes a file, completely or not at all."""
    with complete_or_absent(path, overwrite=True) as file:
        file.write_text(text)


def save(results: Results, path: Path) -> None:
    """Writes results to a JSON file."""
    lines = {setting: [_line(run) for run in runs] for setting, runs in results.runs.items()}
    head = {"experiment": results.experiment, "effort": dict(results.effort), "about": dict(results.about)}
    # A line for each run: a person can read it, and a difference of two files says which run differs.
    body = ",\n".join(
        f"  {json.dumps(setting)}: [\n    " + ",\n    ".join(each) + "\n  ]"
        for setting, each in lines.items()
    )
    write(path, json.dumps(head, indent=1)[:-2] + ',\n "runs": {\n' + body + "\n }\n}\n")


def _line(run: Run) -> str:
    return json.dumps(run, allow_nan=False)


def load(path: Path) -> Results:
    """Reads results that `save` wrote."""
    kept = json.loads(path.read_text())
    return Results(kept["experiment"], kept["effort"], kept["runs"], kept["about"])


def rounded(values: Sequence[float], digits: int = 5) -> list[float]:
    """Returns numbers with fewer digits, for curves that are kept."""
    return [round(float(value), digits) for value in values]
