"""The versions that tf_softpool promises to run on, and is tested with."""

import re
from typing import NamedTuple

Version = tuple[int, int]


class Range(NamedTuple):
    """Minor versions, from the first to the last.

    Example:
        >>> from tf_softpool_cli.supported import Range
        >>> versions = Range((3, 5), (3, 15))
        >>> str(versions), versions.requirement(), versions.has("3.15.1")
        ('3.5 to 3.15', '>=3.5,<3.16', True)
    """

    first: Version
    last: Version

    def has(self, version: str) -> bool:
        """Returns whether a version, of any patch number, is in the range."""
        return self.first <= minor(version) <= self.last

    def __str__(self) -> str:
        return f"{_text(self.first)} to {_text(self.last)}"

    def requirement(self) -> str:
        """Returns the range as pip takes it."""
        major, last = self.last
        return f">={_text(self.first)},<{_text((major, last + 1))}"


PYTHON = Range((3, 10), (3, 13))
TENSORFLOW = Range((2, 18), (2, 21))
KERAS = Range((3, 5), (3, 15))
JAX = Range((0, 6), (0, 10))


def minor(version: str) -> Version:
    """Returns the first two numbers of a version. A number that is not there is 0."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    major, minor = [*numbers, 0, 0][:2]
    return major, minor


def _text(version: Version) -> str:
    return ".".join(map(str, version))
