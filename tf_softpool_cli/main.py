"""The command line: parses arguments, checks what needs no TensorFlow, and then runs a command."""

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import tf_softpool_cli
from tf_softpool_cli import completion, messages
from tf_softpool_cli.commands import bench, compare, doctor, export, info, replace
from tf_softpool_cli.installed import require_backend
from tf_softpool_cli.options import UsageError
from tf_softpool_cli.quiet import Capture, captured
from tf_softpool_cli.stopping import Stopping
from tf_softpool_cli.switches import with_switches

if TYPE_CHECKING:
    from tf_softpool_cli.terminal import Terminal

# Each command is a module with a function `add_parser(commands)`. The parser that this function adds sets
# `parser` to itself, `check` to a function that takes the parsed arguments and raises an error if they cannot
# be right, and `module` to the name of a module. The function `run` of that module takes the parsed arguments
# and a `Terminal`, and returns the exit code. If the parser sets `is_light`, the module does without
# TensorFlow.
COMMANDS = (replace, export, info, bench, compare, doctor)
FAILED = 1
# What a command may raise, with a message for the user.
_ERRORS = (ImportError, OSError, RuntimeError, ValueError)
_DESCRIPTION = "Poolings that lose less, for Keras on TensorFlow: models with other pooling, exports, checks."


def main(arguments: Sequence[str] | None = None, stopping: Stopping | None = None) -> int:
    """Runs a command.

    Args:
        arguments: list of str. Default: the arguments of the process.
        stopping: `Stopping` that has started, if the process is there for this command alone. A guard then
            says why the process died, if it does.

    Returns:
        int. The exit code: 0 after success and 1 after an error, which is printed to stderr. A command's
        help lists its other codes.

    Raises:
        KeyboardInterrupt: if SIGINT arrives. A message has been printed.
        SystemExit: with code 2 after bad usage, with code 0 after `--help` or `--version`, or with code
            128 + 15 if SIGTERM arrives, or with 128 + 1 if SIGHUP does.
    """
    options = make_parser().parse_args(arguments)
    try:
        if problem := _problem(options):
            with captured(None) as streams:
                messages.say(streams.stderr, "error", problem)
            return FAILED
        with _capture(options, stopping) as capture:
            return _run(options, capture, stopping or Stopping())
    except UsageError as error:
        used: argparse.ArgumentParser = options.parser
        used.error(with_switches(str(error)))


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = argparse.ArgumentParser(prog="tf-softpool", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=tf_softpool_cli.__version__)
    completion.add_option(parser)
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def _problem(options: argparse.Namespace) -> str | None:
    """Returns why a command cannot do its work, as far as that shows without TensorFlow, or None.

    Raises:
        UsageError: if the arguments do not fit together.
    """
    try:
        options.check(options)
        if not options.is_light:
            require_backend()
    except _ERRORS as error:
        return str(error)
    return None


@contextlib.contextmanager
def _capture(options: argparse.Namespace, stopping: Stopping | None) -> Iterator[Capture | None]:
    """Yields where to put what libraries print, or None if the user wants to see it or no library runs."""
    if options.is_light:
        yield None
        return
    if stopping is not None:
        from tf_softpool_cli.temporary import use_own_folder

        use_own_folder(stopping)
    if options.verbose:
        yield None
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with contextlib.closing(Capture()) as capture:
        if stopping is not None:
            _watch(capture, stopping)
        yield capture


def _run(options: argparse.Namespace, capture: Capture | None, stopping: Stopping) -> int:
    """Runs the command that was asked for, and prints why it failed if it did."""
    # rich takes a tenth of a second.
    from tf_softpool_cli.terminal import Terminal

    with captured(capture) as streams:
        terminal = Terminal(streams, options.quiet)
        try:
            command = _imported(options)
            with stopping.working():
                return command(options, terminal)
        except KeyboardInterrupt:
            terminal.error("interrupted" if terminal.has_written else messages.INTERRUPTED)
            raise
        except _ERRORS as error:
            terminal.error(str(error))
        except MemoryError as error:
            terminal.error(f"there is not enough memory. {error}".rstrip(" "))
        return FAILED


def _watch(capture: Capture, stopping: Stopping) -> None:
    """Lets a guard watch over this process, and messages about signals pass by the capture."""
    from tf_softpool_cli.guard import Guard

    stopping.ending.callback(Guard(capture, stopping.ending).dismiss)
    said = messages.line("error", messages.INTERRUPTED).encode()
    stopping.say = lambda: capture.say(said)


def _imported(options: argparse.Namespace) -> "Callable[[argparse.Namespace, Terminal], int]":
    """Imports the command's module, and so TensorFlow unless the command is light, and returns its function.

    Raises:
        ImportError: if that fails.
    """
    try:
        run: Callable[[argparse.Namespace, Terminal], int] = importlib.import_module(options.module).run
    except Exception as error:
        if options.verbose:
            sys.excepthook(type(error), error, error.__traceback__)
        raise ImportError(
            f"tf_softpool cannot be imported: {type(error).__name__}: {error}. "
            "`tf-softpool doctor` says what is wrong with this installation."
        ) from error
    return run
