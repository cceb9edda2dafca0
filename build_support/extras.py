"""Prints the requirements of some extras of the package, one to a line.

Usage: python build_support/extras.py demo bench
"""

import re
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 has no such module, and `tomli` is the same.
    import tomli as tomllib

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def requirements(names):
    """Returns the requirements of some extras, with those of the extras that these name."""
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    found = []
    for name in names:
        for requirement in extras[name]:
            own = re.fullmatch(r"tf_softpool\[(.*)\]", requirement)
            found += requirements(own[1].split(",")) if own else [requirement]
    return found


if __name__ == "__main__":
    print(*dict.fromkeys(requirements(sys.argv[1:])), sep="\n")
