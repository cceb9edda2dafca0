"""How much memory a process has, as Linux says it."""

import re
from pathlib import Path

# What a process has asked for, what it has, and the most that it has had. `getrusage` would also count what
# its parent has had.
VIRTUAL, RESIDENT, PEAK = "VmSize", "VmRSS", "VmHWM"


def memory(kind: str, process: int | str = "self") -> int:
    """Returns the bytes of memory of a process, of one of the kinds above."""
    found = re.search(rf"^{kind}:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def forget_peak() -> None:
    """Lets `PEAK` of this process begin anew."""
    Path("/proc/self/clear_refs").write_text("5")
