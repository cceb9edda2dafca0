"""Plants faults in a copy of the checkout, one at a time, and prints which test finds each.

Usage: python tests/faults/plant.py [--long] [--folder build/faults.tmp] [name...]

The C++ must have been built before, with `make demo`, `make test-kernels` and `make cuda-host`.
"""

import argparse
import os
import time
from pathlib import Path

import of_exports
import of_kernels
import of_python
import of_rewriting
from checkout import ROOT, Checkout
from fault import KERNEL_TESTS
from rich.console import Console
from rich.table import Table
from rich.text import Text

TABLES = (of_python, of_rewriting, of_exports, of_kernels)
FAULTS = {fault.name: fault for table in TABLES for fault in table.FAULTS}


def found_by(checkout, fault, short):
    """Returns the test that finds a fault, or None."""
    with checkout.with_fault(fault):
        checkout.build(fault.build)
        found = checkout.first_failure(fault.tests, short)
        if found is None:
            rest = ["tests"] + [KERNEL_TESTS] * ("kernel_tests" in fault.build)
            found = checkout.first_failure(rest, short)
    return found


def table_of(results):
    """Returns a table of the faults and the tests that found them."""
    table = Table("fault", "kind", "file", "found by", "seconds", box=None)
    for fault, found, seconds in results:
        cells = (fault.name, fault.kind, fault.file, found or "NOTHING", f"{seconds:.0f}")
        table.add_row(*map(Text, cells))
    return table


def main():
    """Parses the command line and plants the faults. Exits with 1 if some fault was found by no test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"a fault: {', '.join(FAULTS)} (default: all)"
    )
    parser.add_argument("--long", action="store_true", help="run all tests, not only the short run")
    parser.add_argument("--folder", default=ROOT / "build" / "faults.tmp", help="the folder for the copy")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="the number of processes to run at once"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(FAULTS):
        parser.error(f"there is no fault named {', '.join(sorted(unknown))}")
    checkout = Checkout(Path(arguments.folder).resolve(), arguments.jobs)
    results, console = [], Console(width=200)
    for name in arguments.names or FAULTS:
        start = time.monotonic()
        try:
            found = found_by(checkout, FAULTS[name], not arguments.long)
        except (RuntimeError, ValueError) as error:
            console.print(f"{name}: {error}", style="red", markup=False)
            raise SystemExit(2) from error
        results.append((FAULTS[name], found, time.monotonic() - start))
        console.print(f"{name}: {found or 'found by NOTHING'}", markup=False)
    console.print(table_of(results))
    raise SystemExit(any(found is None for _, found, _ in results))


if __name__ == "__main__":
    main()
