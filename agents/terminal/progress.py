"""How far long work is, on standard error: a bar in a terminal, else a line every ten seconds, and none before that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agents.clock import monotonic

_EVERY_SECONDS = 10.0

Tell = Callable[[int], None]
"""Called with how much is done so far, as often as one likes."""


@contextmanager
def progress(doing: str, total: int, unit: str, now: Callable[[], float] = monotonic) -> Iterator[Tell]:
    """Show the progress of something: `doing` 10 of `total` `unit`."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(doing, total, unit, now)
        return
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.update(task, completed=done)


def _lines(doing: str, total: int, unit: str, now: Callable[[], float]) -> Tell:
    told_at = now()

    def tell(done: int) -> None:
        nonlocal told_at
        if now() - told_at >= _EVERY_SECONDS:
            told_at = now()
            click.echo(f"{doing}: {done:,} of {total:,} {unit}", err=True)

    return tell
