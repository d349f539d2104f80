"""`esn-pulse replay`: send a recorded file to Kafka, and show how far it is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agents.replay import Record, Sent, send
from agents.settings import Settings, pass_settings

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


class _Speed(click.ParamType):
    name = "N or max"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Take `max` or a number above 0."""
        if value == "max":
            return None
        try:
            speed = float(value.removesuffix("x"))
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail(f"{value} is neither max nor a number above 0", param, ctx)
        return speed


@click.command("replay")
@click.argument("events", type=_FILE, nargs=-1, required=True)
@click.option("--people", type=_FILE, help="The directory, one record a line; it is sent first.")
@click.option("--speed", type=_Speed(), default="max", help="So many times faster than it happened; default max.")
@pass_settings
def command(settings: Settings, events: tuple[Path, ...], people: Path | None, speed: float | None) -> None:
    """Send a recorded file to Kafka, one event a line (.jsonl or .jsonl.gz).

    Several files are sent one after another, as one record. Heartbeats move time between and after the events.
    """
    record = Record(events)
    with _progress(record) as progress:
        sent = send(settings, record, Record([people] if people else []), speed=speed, progress=progress)
    click.echo(summary(sent))


def summary(sent: Sent) -> str:
    """Return the closing line: counts, duration and rate."""
    text = (
        f"sent {sent.events:,} events, {sent.heartbeats:,} heartbeats and {sent.people:,} people in "
        f"{sent.seconds:.1f} s ({sent.events / max(sent.seconds, 0.001):,.0f} events/s)"
    )
    if sent.forgotten:
        text += f"; {sent.forgotten:,} people forgotten"
    if sent.refused:
        text += f"; {sent.refused:,} more lines that the worker will refuse"
    if sent.too_long:
        text += f"; {sent.too_long:,} lines left out because they are longer than 2 MiB"
    return text


@contextmanager
def _progress(record: Record) -> Iterator[Callable[[Sent], None]]:
    """Show a bar in a terminal, else a line every tenth."""
    if not sys.stderr.isatty():
        yield _lines(record)
        return
    told = TextColumn("{task.fields[events]:,} events")
    columns = BarColumn(), TaskProgressColumn(), told, TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=record.size, events=0)
        yield lambda sent: bar.update(task, completed=record.position, events=sent.events)


def _lines(record: Record) -> Callable[[Sent], None]:
    tenths = 0

    def tell(sent: Sent) -> None:
        nonlocal tenths
        now = record.position * 10 // max(record.size, 1)
        if now > tenths:
            tenths = now
            click.echo(f"{now * 10} %: {sent.events:,} events", err=True)

    return tell
