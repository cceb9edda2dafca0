"""The entry point of the command line: parses arguments, runs a command, and reports errors."""

import argparse
import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

import tf_softpool
from tf_softpool import starting
from tf_softpool.cli import export, info, replace
from tf_softpool.cli.options import UsageError
from tf_softpool.cli.switches import with_switches
from tf_softpool.cli.terminal import Terminal
from tf_softpool.quiet import Capture, captured

# Each command is a module with a function `add_parser(commands)`. The parser that this function adds sets
# `run` to a function that takes the parsed arguments and a `Terminal`, and returns the exit code. The parser
# also sets `parser` to itself, and has the option `--verbose`.
COMMANDS = (replace, export, info)
FAILED = 1


def _stop(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: list of str. Default: the arguments of the process.

    Returns:
        int. The exit code: 0 after success and 1 after an error, which is printed to stderr. A command's
        help lists its other codes.

    Raises:
        SystemExit: with code 2 after bad usage, with code 0 after `--help` or `--version`, or with code
            128 + 15 if SIGTERM arrives, or with 128 + 1 if SIGHUP does.
    """
    parser = argparse.ArgumentParser(prog="tf-softpool", description=tf_softpool.__doc__)
    parser.add_argument("--version", action="version", version=tf_softpool.__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        command.add_parser(commands)
    _heed_signals()
    if starting.beginning is not None:
        starting.beginning.end()
    options = parser.parse_args(arguments)
    try:
        with _capture(options) as capture, captured(capture) as streams:
            return _run(options, Terminal(streams))
    except UsageError as error:
        used: argparse.ArgumentParser = options.parser
        used.error(with_switches(str(error)))


def _heed_signals() -> None:
    """Lets signals that end a process raise an exception, so that a half-written model is removed."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            # A signal that is ignored, as under nohup, stays ignored.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _stop)


@contextlib.contextmanager
def _capture(options: argparse.Namespace) -> Iterator[Capture | None]:
    """Yields where to put what libraries print, or None if the user wants to see it."""
    if options.verbose:
        yield None
    elif starting.beginning is not None:
        yield starting.beginning.capture
    else:
        with contextlib.closing(Capture()) as capture:
            yield capture


def _run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Runs the command that was asked for, and prints why it failed if it did."""
    try:
        code: int = options.run(options, terminal)
        return code
    except KeyboardInterrupt:
        terminal.error("interrupted: nothing was written")
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        terminal.error(str(error))
    return FAILED
