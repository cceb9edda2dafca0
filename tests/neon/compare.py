"""Compares the results of the kernel tests on two machines, to the last bit.

Usage: python tests/neon/compare.py FOLDER FOLDER

Each folder has GoogleTest's XML files of one machine. The hashes in these files are from
tests/kernels/same_bits_test.cc.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def hashes_in(folder):
    """Returns the hashes of all results in a folder, by the names of the test and of the result."""
    return {
        f"{case.get('classname')}.{case.get('name')}: {entry.get('name')}": entry.get("value")
        for path in Path(folder).rglob("*.xml")
        for case in ElementTree.parse(path).iter("testcase")
        for entry in case.iter("property")
        if entry.get("name").startswith("bits of ")
    }


def main():
    """Prints which results differ. Exits with 1 if some do, or if the two machines ran different tests."""
    here, there = map(hashes_in, sys.argv[1:])
    names = sorted({*here, *there})
    different = [name for name in names if here.get(name) != there.get(name)]
    for name in different:
        print(f"{name}: {here.get(name, 'not run')} and {there.get(name, 'not run')}")
    print(f"{len(names) - len(different)} of {len(names)} results have the same bits on both machines")
    raise SystemExit(not names or bool(different))


if __name__ == "__main__":
    main()
