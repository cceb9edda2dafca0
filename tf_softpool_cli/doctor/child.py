"""The checks that import TensorFlow and tf_softpool. They may end the process, so it is one of its own."""

import json
import os
import traceback
from collections.abc import Iterator
from dataclasses import astuple
from typing import TextIO

from tf_softpool_cli import backend, installed
from tf_softpool_cli.doctor.findings import OK, PROBLEM, REINSTALL, Finding

BEGINS = "begins"


def main(number: int) -> None:
    """Writes a line of JSON to a descriptor for each check that begins, and for each finding.

    Args:
        number: int. The descriptor.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with open(number, "w", encoding="utf-8", buffering=1) as out:
        for finding in _findings(out):
            out.write(json.dumps(astuple(finding)) + "\n")


def _findings(out: TextIO) -> Iterator[Finding]:
    """Yields what is found, up to the first part that cannot be imported."""
    framework = backend.framework().package
    names = installed.providers_of(framework)
    absent = "tensorflow-cpu" if framework == "tensorflow" else framework
    again = f"pip install --force-reinstall {' '.join(names) or absent}"
    for package, mend in (
        (framework, again),
        ("keras", "pip install --force-reinstall --no-deps keras"),
        ("tf_softpool.cli.examination", REINSTALL),
    ):
        part = f"import of {package.partition('.')[0]}"
        out.write(json.dumps({BEGINS: part}) + "\n")
        try:
            __import__(package)
        except Exception as error:
            traceback.print_exc()
            yield Finding(part, PROBLEM, f"{type(error).__name__}: {error}", mend)
            return
        yield Finding(part, OK, "works")
    from tf_softpool.cli.examination import checks

    for name, check in checks().items():
        out.write(json.dumps({BEGINS: name}) + "\n")
        try:
            yield from check()
        except Exception as error:
            traceback.print_exc()
            yield Finding(name, PROBLEM, f"{type(error).__name__}: {error}", REINSTALL)
