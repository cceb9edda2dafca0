"""The entry point of the command line: parses arguments, runs a command, and reports errors."""

import argparse
import os
import signal
import threading
from collections.abc import Sequence
from types import FrameType

import tf_softpool
from tf_softpool.cli import export, info, replace
from tf_softpool.cli.terminal import Terminal

# Each command is a module with a function `add_parser(commands)`. The parser that this function adds sets
# `run` to a function that takes the parsed arguments and a `Terminal`, and returns the exit code.
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
            128 + 15 if SIGTERM arrives.
    """
    parser = argparse.ArgumentParser(prog="tf-softpool", description=tf_softpool.__doc__)
    parser.add_argument("--version", action="version", version=tf_softpool.__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    terminal = Terminal()
    if threading.current_thread() is threading.main_thread():
        # SIGTERM raises an exception, so that a half-written model is removed.
        signal.signal(signal.SIGTERM, _stop)
    try:
        code: int = options.run(options, terminal)
        return code
    except KeyboardInterrupt:
        terminal.error("interrupted: nothing was written")
    except BrokenPipeError:
        # The program that reads stdout has ended. Python would print another error about that when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        terminal.error(str(error))
    return FAILED
