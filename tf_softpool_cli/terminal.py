"""The output of commands: results on stdout, messages on stderr."""

import contextlib
import inspect
import os
import warnings
from collections.abc import Callable, Collection, Iterator
from types import FrameType
from typing import IO, Any, TextIO, cast

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from tf_softpool_cli import messages
from tf_softpool_cli.quiet import Streams
from tf_softpool_cli.tables import plain_text

# With fewer columns, rich would cut words into letters. The terminal itself breaks lines better.
_NARROW = 60


class Terminal:
    """What leads to the user. Text is plain on a stream that is not a terminal.

    Args:
        streams: the `Streams` to write to.
        quiet: bool. Whether progress and warnings are left out. Default: False.

    Attributes:
        has_written: bool. Whether what the command writes is there. The command sets it.
    """

    def __init__(self, streams: Streams, quiet: bool = False) -> None:
        self.has_written = False
        self._quiet = quiet
        self._stderr = streams.stderr
        # It has all methods that rich calls.
        forgiving = cast(IO[str], _Forgiving(streams.stderr))
        self._results = _Results(
            markup=False, highlight=False, file=streams.stdout, width=_width_of(streams.stdout)
        )
        self._progress = Console(
            markup=False, highlight=False, file=forgiving, width=_width_of(streams.stderr)
        )

    def show(self, result: str | Table) -> bool:
        """Prints a result. A table is as wide as it needs to be if stdout is not a terminal, or a narrow one.

        Returns:
            False if stdout cannot be written, which a message then says. The work that has been done stays
            done.
        """
        fits = self._results.is_terminal and self._results.width >= _NARROW
        if isinstance(result, Table) and not fits:
            result = plain_text(result)
        try:
            self._results.print(result, soft_wrap=isinstance(result, str))
        except OSError as error:
            self._say("warning", f"the result cannot be printed: {error}")
            return False
        return True

    def error(self, text: str) -> None:
        """Prints why a command failed."""
        self._say("error", text)

    def _say(self, what: str, text: str) -> None:
        messages.say(self._stderr, what, text)

    @contextlib.contextmanager
    def warnings(self) -> Iterator[Collection[str]]:
        """Prints our own warnings in the block, each once on a line of its own, when the block ends.

        Warnings of other packages are about calls in our code, and are no concern of the user's.

        Yields:
            The warnings that the user reads. They are added as they come.
        """
        texts: dict[str, None] = {}

        def note(message: Warning | str, *_: Any, **__: Any) -> None:
            if not self._quiet and _is_ours(inspect.currentframe()):
                texts[str(message)] = None

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            warnings.simplefilter("always", RuntimeWarning)
            warnings.showwarning = cast(Any, note)
            try:
                yield texts.keys()
            finally:
                for text in texts:
                    self._say("warning", text)

    @contextlib.contextmanager
    def progress(self, steps: int) -> Iterator[Callable[[str], None]]:
        """Shows a progress bar during the block, if stderr is a terminal.

        Args:
            steps: int. The number of steps.

        Yields:
            A function to call with the name of each step as the step begins.
        """
        is_utf_8 = self._progress.encoding.lower().startswith("utf")
        columns = (
            SpinnerColumn("dots" if is_utf_8 else "line"),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        # rich takes a file for a terminal under FORCE_COLOR, but a bar moves in terminals only.
        shows = self._stderr.isatty() and not self._progress.is_dumb_terminal and not self._quiet
        with Progress(
            *columns,
            console=self._progress,
            transient=True,
            disable=not shows,
            # What libraries print must not appear above the bar.
            redirect_stdout=False,
            redirect_stderr=False,
        ) as bar:
            task, begun = bar.add_task("starting", total=steps), 0

            def step(name: str) -> None:
                nonlocal begun
                bar.update(task, description=name, completed=begun)
                begun += 1

            yield step


def _width_of(stream: TextIO) -> int | None:
    """Returns the width of a terminal, or None to let rich decide.

    Rich itself asks the usual descriptors, which may be redirected.
    """
    if "COLUMNS" in os.environ or not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None


def _is_ours(frame: FrameType | None) -> bool:
    """Returns whether a function of this package called `warnings.warn`.

    Args:
        frame: the frame of the function that `warnings` calls for a warning.
    """
    frame = frame and frame.f_back
    while frame is not None and frame.f_globals.get("__name__") == "warnings":
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__")).startswith("tf_softpool.")


class _Results(Console):
    """A console that goes on if the program that reads stdout has seen enough. rich itself would exit."""

    def on_broken_pipe(self) -> None:
        """Prints nothing more."""
        self.quiet = True


class _Forgiving:
    """A stream for messages: if it cannot be written, there is nobody to tell, and the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Writes text if that is possible."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes the stream if that is possible."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Returns whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Returns the descriptor of the stream."""
        return self._stream.fileno()
