"""A process that checks seeds, one after the other, and says on stdout what it does.

It is started as `python node_worker.py MODULE FIRST LAST`. The module has the functions `check(seed)`, which
raises an AssertionError, and `describe(seed)`. If the process dies or hangs, its last line says the seed.
"""

import importlib
import json
import resource
import sys
import traceback

# What a node may take. A valid node takes a few megabytes, and a huge one must be refused.
MEMORY_FOR_ALL = 6 * 2**30
MEMORY_FOR_ONE = 2**30


def _size():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _peak():
    """Returns the most memory that this process has had. `getrusage` would count what its parent had too."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def main(module, first, last):
    """Checks the seeds from `first` to before `last`."""
    lines = sys.stdout
    sys.stdout = sys.stderr

    def say(**what):
        lines.write(json.dumps(what) + "\n")
        lines.flush()

    checks = importlib.import_module(module)
    if hasattr(checks, "prepare"):
        checks.prepare()
    resource.setrlimit(resource.RLIMIT_AS, (_size() + MEMORY_FOR_ALL,) * 2)
    say(ready=True)
    for seed in range(first, last):
        say(begins=seed, what=checks.describe(seed)[:1500])
        before = _peak()
        try:
            outcome = checks.check(seed)
            if _peak() - before > MEMORY_FOR_ONE:
                raise AssertionError(f"it took {(_peak() - before) >> 20} MB of memory")
            say(ends=seed, outcome=outcome)
        except AssertionError as error:
            say(ends=seed, outcome="fault", why=str(error)[:3000])
        except Exception:
            say(ends=seed, outcome="fault", why=traceback.format_exc()[-3000:])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
