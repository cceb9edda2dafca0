"""The output of commands: results on stdout, messages on stderr."""

import contextlib
import warnings
from collections.abc import Callable, Iterator

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

from tf_softpool.rewriting.policy.report import plain_text


class Terminal:
    """The output streams of the process. Text is plain on a stream that is not a terminal."""

    def __init__(self) -> None:
        self._results = Console(markup=False, highlight=False)
        self._messages = Console(markup=False, highlight=False, stderr=True)

    def show(self, result: str | Table) -> None:
        """Prints a result. A table is as wide as it needs to be if stdout is not a terminal.

        Raises:
            OSError: if stdout cannot be written.
        """
        if isinstance(result, Table) and not self._results.is_terminal:
            result = plain_text(result)
        try:
            self._results.print(result, soft_wrap=isinstance(result, str))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(f"the command succeeded, but its result cannot be printed: {error}") from error

    def error(self, text: str) -> None:
        """Prints why a command failed."""
        self._messages.print(f"tf-softpool: error: {text}", soft_wrap=True)

    @contextlib.contextmanager
    def warnings(self) -> Iterator[None]:
        """Prints the warnings that the block gives, each once on a line of its own, when the block ends."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            warnings.simplefilter("always", RuntimeWarning)
            try:
                yield
            finally:
                for text in dict.fromkeys(str(warning.message) for warning in caught):
                    self._messages.print(f"tf-softpool: warning: {text}", soft_wrap=True)

    @contextlib.contextmanager
    def progress(self, steps: int) -> Iterator[Callable[[str], None]]:
        """Shows a progress bar during the block, if stderr is a terminal.

        Args:
            steps: int. The number of steps.

        Yields:
            A function to call with the name of each step as the step begins.
        """
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(
            *columns, console=self._messages, transient=True, disable=not self._messages.is_terminal
        ) as bar:
            task, begun = bar.add_task("starting", total=steps), 0

            def step(name: str) -> None:
                nonlocal begun
                bar.update(task, description=name, completed=begun)
                begun += 1

            yield step
