"""Prints the requirements of one of the package's extras, to install them without the package."""

import re
import sys
from pathlib import Path


def requirements(extra):
    """The requirements of an extra in pyproject.toml, which Python 3.10 has no parser for."""
    text = (Path(__file__).resolve().parent.parent / "pyproject.toml").read_text()
    line = re.search(rf"^{extra} = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    return re.findall(r'"([^"]+)"', line.group(1))


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1])))
