"""What commands say, and where: results on stdout, all else on stderr."""

import contextlib
import warnings

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
    """The two streams of a process, plain where they are not a terminal's."""

    def __init__(self):
        self._results = Console(markup=False, highlight=False)
        self._messages = Console(markup=False, highlight=False, stderr=True)

    def show(self, result):
        """Prints a result: text, or a table, which is as wide as it is where no terminal limits it."""
        if isinstance(result, Table) and not self._results.is_terminal:
            result = plain_text(result)
        try:
            self._results.print(result, soft_wrap=isinstance(result, str))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(f"what was asked for is done, but cannot be printed: {error}") from error

    def error(self, text):
        """Prints why a command failed."""
        self._messages.print(f"tf-softpool: error: {text}", soft_wrap=True)

    @contextlib.contextmanager
    def warnings(self):
        """Prints the warnings that come up inside, a line each."""
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
    def progress(self, steps):
        """A bar of so many steps. Gives a function to call with the name of each step that begins."""
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

            def step(name):
                nonlocal begun
                bar.update(task, description=name, completed=begun)
                begun += 1

            yield step
