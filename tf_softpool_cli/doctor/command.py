"""`tf-softpool doctor` checks this installation, and says how to mend what is wrong."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict

from rich.table import Column, Table
from rich.text import Text

from tf_softpool_cli import backend, installed
from tf_softpool_cli.doctor import environment
from tf_softpool_cli.doctor.child import BEGINS
from tf_softpool_cli.doctor.findings import ABSENT, OK, PROBLEM, REINSTALL, Finding
from tf_softpool_cli.terminal import Terminal

UNWELL = 1
_STYLES = {OK: "green", PROBLEM: "bold red", ABSENT: "yellow"}
# It begins with the path that this process finds modules on.
_CHILD = """
import sys
number, *sys.path = sys.argv[1:]
from tf_softpool_cli.doctor.child import main
main(int(number))
"""
# How many checks there are, for the progress bar.
_STEPS = 16


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Checks, and prints a table of what was found."""
    with terminal.progress(_STEPS) as step:
        found = list(environment.findings())
        # Other versions than the tested ones may work, so they are examined too.
        framework = backend.framework()
        needed = {framework.name: framework.package, "Keras": "keras"}
        unread = [name for name, package in needed.items() if not installed.is_there(package)]
        if not unread:
            found += _examined(step, options.verbose)
    problems = [each for each in found if each.state == PROBLEM]
    if options.json:
        shown = terminal.show(
            json.dumps({"well": not problems, "findings": [asdict(each) for each in found]}, indent=2)
        )
    else:
        shown = terminal.show(_table(found)) and terminal.show(_summary(problems, unread))
    return 0 if shown and not problems else UNWELL


def _examined(step: Callable[[str], None], verbose: bool) -> Iterator[Finding]:
    """Yields what is found out by a process that imports TensorFlow and tf_softpool.

    Args:
        step: a function to call with the name of each check as it begins.
        verbose: whether the process prints to this one's stderr.
    """
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said, open(reading, encoding="utf-8") as lines:
        command = [sys.executable, "-c", _CHILD, str(writing), *sys.path]
        output = sys.stderr if verbose else said
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[writing]
        )
        os.close(writing)
        part = "start"
        try:
            for text in lines:
                line = json.loads(text)
                if isinstance(line, dict):
                    part = line[BEGINS]
                    step(part)
                else:
                    yield Finding(*line)
            code = process.wait()
        finally:
            process.kill()
            process.wait()
        if code:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            yield Finding(part, PROBLEM, f"the process {_ending(code)}. {last}".strip(), REINSTALL)


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def _table(found: list[Finding]) -> Table:
    names = ("part", "is", "what was found")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None, padding=(0, 2, 0, 0))
    for each in found:
        table.add_row(Text(each.part), Text(each.state, _STYLES[each.state]), Text(each.what))
    return table


def _summary(problems: list[Finding], unread: list[str]) -> str:
    """Returns what to do, in lines."""
    if not problems:
        return "All is well."
    lines = ["1 problem:" if len(problems) == 1 else f"{len(problems)} problems:"]
    lines += [f"{each.part}: run  {each.mend}" for each in problems]
    if unread:
        lines.append(f"The rest is checked when {' and '.join(unread)} can be used.")
    return "\n".join(lines)
