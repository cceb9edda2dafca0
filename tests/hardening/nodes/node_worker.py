"""A process that checks seeds, one after the other, and says on a descriptor what it does.

It is started as `python node_worker.py MODULE FIRST LAST WORDS`, where WORDS is the descriptor. The module
has the functions `check(seed)`, which raises an AssertionError, and `describe(seed)`. If the process dies or
hangs, its last line says the seed.
"""

import importlib
import json
import os
import resource
import sys
import traceback

from process_memory import PEAK, VIRTUAL, memory

# What a node may take. A valid node takes a few megabytes, and a huge one must be refused.
MEMORY_FOR_ALL = 6 * 2**30
MEMORY_FOR_ONE = 2**30


def main(module, first, last, lines):
    """Checks the seeds from `first` to before `last`, and says so in lines."""

    def say(**what):
        lines.write(json.dumps(what) + "\n")
        lines.flush()

    checks = importlib.import_module(module)
    if hasattr(checks, "prepare"):
        checks.prepare()
    resource.setrlimit(resource.RLIMIT_AS, (memory(VIRTUAL) + MEMORY_FOR_ALL,) * 2)
    say(ready=True)
    for seed in range(first, last):
        say(begins=seed, what="")
        before = memory(PEAK)
        try:
            say(begins=seed, what=checks.describe(seed)[:1500])
            outcome = checks.check(seed)
            if memory(PEAK) - before > MEMORY_FOR_ONE:
                raise AssertionError(f"it took {(memory(PEAK) - before) >> 20} MB of memory")
            say(ends=seed, outcome=outcome)
        except AssertionError as error:
            say(ends=seed, outcome="fault", why=str(error)[:3000])
        except Exception:
            say(ends=seed, outcome="fault", why=traceback.format_exc()[-3000:])


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:4]), os.fdopen(int(sys.argv[4]), "w"))
