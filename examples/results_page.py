"""Writes the recorded results of the experiments into docs/results.md.

To record a result, copy the file that an experiment wrote, out/NAME/results.json, to docs/results/NAME.json.
The page has a block for each experiment. A block begins with `<!-- results: NAME -->` and ends with
`<!-- end of results -->`, and what stands between them is made here.

Usage: python examples/results_page.py
"""

import html
import importlib
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import quiet  # noqa: F401

# isort: split
from experiments import printing, store
from experiments.experiment import Experiment, Results, Table

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "results.md"
RECORDS = HERE.parent / "docs" / "results"

_BLOCK = re.compile(r"^(<!-- results: (\w+) -->)\n.*?^(<!-- end of results -->)$", re.DOTALL | re.MULTILINE)
_HAS_EXPERIMENT = re.compile(r"^\w+ = (?:experiment\.)?Experiment\(", re.MULTILINE)


def names() -> list[str]:
    """Returns the names of the examples that have an experiment."""
    return sorted(path.stem for path in HERE.glob("*.py") if _HAS_EXPERIMENT.search(path.read_text()))


def experiment(name: str) -> Experiment:
    """Returns the experiment of an example.

    Raises:
        ValueError: if the example has none.
    """
    for value in vars(importlib.import_module(name)).values():
        if isinstance(value, Experiment):
            return value
    raise ValueError(f"examples/{name}.py has no Experiment.")


def record(name: str) -> Path:
    """Returns the path where the results of an experiment are recorded."""
    return RECORDS / f"{name}.json"


def blocks(page: str) -> list[str]:
    """Returns the names of the experiments that a page has blocks for."""
    return [block[2] for block in _BLOCK.finditer(page)]


def filled(page: str, content: Callable[[str], str] | None = None) -> str:
    """Returns a page with its blocks filled.

    Args:
        page: string, the page.
        content: function that returns the content of a block by its name. Default: `recorded`.
    """
    make = content or recorded
    return _BLOCK.sub(lambda block: f"{block[1]}\n\n{make(block[2]).strip()}\n\n{block[3]}", page)


def recorded(name: str) -> str:
    """Returns what is recorded of an experiment, as Markdown: how it was run, and its tables."""
    if not record(name).exists():
        return f"Nothing has been recorded yet. `make example EXAMPLE={name}` runs it."
    results = store.load(record(name))
    tables = experiment(name).tables(results)
    return _wrapped(
        "\n".join([_how(results), *map(printing.markdown, tables[:1]), *map(_folded, tables[1:])])
    )


def _folded(table: Table) -> str:
    """Returns a table that is shown once a reader clicks its title, in the repository and on the site."""
    _, shown = printing.markdown(table).split("\n", 1)
    # The attribute tells the site that Markdown is inside.
    return f'<details markdown="1">\n<summary>{html.escape(table.title)}</summary>\n{shown}\n</details>\n'


def _wrapped(text: str) -> str:
    """Returns Markdown whose lines are not long, except rows of tables and titles of what is folded."""
    lines = []
    for line in text.splitlines():
        if line.startswith(("|", "<")):
            lines.append(line)
        else:
            # At the beginning of a line, some characters would begin a list, a heading or a table.
            wrapped = textwrap.wrap(line, 118, break_long_words=False, break_on_hyphens=False) or [""]
            lines += [
                wrapped[0],
                *(re.sub(r"^([-+*#>|]|\d+(?=[.)] ))", _escaped, each) for each in wrapped[1:]),
            ]
    return "\n".join(lines)


def _escaped(beginning: re.Match[str]) -> str:
    return f"{beginning[0]}\\" if beginning[0].isdecimal() else f"\\{beginning[0]}"


def _how(results: Results) -> str:
    """Returns a line that says how an experiment was run, and for how long."""
    effort = ", ".join(f"{name} {number}" for name, number in results.effort.items())
    about = results.about
    versions = f"TensorFlow {about['tensorflow']}, Keras {about['keras']}"
    where = f"{about['processor']}, {versions}"
    return f"Run with {effort}, in {_time(about['seconds'])} of computing on {where}.\n"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def main() -> None:
    """Fills the blocks of the page."""
    before = PAGE.read_text()
    after = filled(before)
    store.write(PAGE, after)
    missing = [name for name in blocks(after) if not record(name).exists()]
    print("The page is as it was." if after == before else "The page was written.")
    if missing:
        print(f"Nothing is recorded of {', '.join(missing)}.")


if __name__ == "__main__":
    main()
