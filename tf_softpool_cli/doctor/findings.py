"""What a check finds."""

from dataclasses import dataclass

OK, PROBLEM, ABSENT = "ok", "problem", "absent"
REINSTALL = "pip install --force-reinstall --no-deps tf_softpool"


@dataclass(frozen=True)
class Finding:
    """What a check found out about a part of the installation.

    Attributes:
        part: str. What was checked.
        state: str. `OK`, `PROBLEM`, or `ABSENT` for a part that nothing needs.
        what: str. What was found.
        mend: str. What to run to mend a problem, or an empty string.
    """

    part: str
    state: str
    what: str
    mend: str = ""
