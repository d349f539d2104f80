"""What a person sees while waiting: bars in a terminal, plain lines elsewhere; never on standard output."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import rich.progress
from rich.console import Console

Advance = Callable[[int], None]


class Progress:
    """Tells how far something is. `stream` defaults to standard error."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream or sys.stderr, highlight=False)

    def line(self, text: str) -> None:
        """Write one line as it is."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def bar(self, what: str, total: int, *, in_bytes: bool = False) -> Iterator[Advance]:
        """Give a function that is told how much more is done, of `total`."""
        if not self._console.is_terminal:
            yield self._lines(what, total)
            return
        amount = rich.progress.DownloadColumn() if in_bytes else rich.progress.MofNCompleteColumn()
        columns = ("{task.description}", rich.progress.BarColumn(), amount)
        with rich.progress.Progress(*columns, console=self._console, transient=True) as shown:
            task = shown.add_task(what, total=total or None)
            yield lambda more: shown.advance(task, more)

    def _lines(self, what: str, total: int) -> Advance:
        self.line(f"{what} ...")
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            quarter, done = 4 * done // max(total, 1), done + more
            if 4 * done // max(total, 1) > quarter:
                self.line(f"{what}: {100 * done // max(total, 1)} %")

        return advance
