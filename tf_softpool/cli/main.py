"""The commands, and what they share: parsing, errors, exit codes."""

import argparse
import os
import signal
import threading

import tf_softpool
from tf_softpool.cli import export, info, replace
from tf_softpool.cli.terminal import Terminal

# A command is a module with `add_parser(commands)`, which sets `run` to a function of the arguments and a
# `Terminal`, which returns the exit code.
COMMANDS = (replace, export, info)
FAILED = 1


def _stop(number, _):
    raise SystemExit(128 + number)


def main(arguments=None):
    """Runs a command.

    Args:
        arguments: list of strings. Default: those of the process.

    Returns:
        The exit code: 0 if all went well, 1 after an error, which is on stderr, and what a command's help
        says. Bad usage exits with 2, as argparse has it.
    """
    parser = argparse.ArgumentParser(prog="tf-softpool", description=tf_softpool.__doc__)
    parser.add_argument("--version", action="version", version=tf_softpool.__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    terminal = Terminal()
    if threading.current_thread() is threading.main_thread():
        # As an exception, which lets what is half written be removed.
        signal.signal(signal.SIGTERM, _stop)
    try:
        return options.run(options, terminal)
    except KeyboardInterrupt:
        terminal.error("interrupted: nothing was written")
    except BrokenPipeError:
        # Whoever reads our output has gone, and Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        terminal.error(str(error))
    return FAILED
