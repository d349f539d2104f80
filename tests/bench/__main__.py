"""`python -m tests.bench [throughput|durability|freshness|state|growth|judging|hierarchy]`; without one, all in turn.

All of them take about an hour on two cores that have nothing else to do: throughput 25 (slow contestants get 60 s,
or what they need for 50 000 events), durability 6, freshness 12, state 7, growth 6. With --quick it is a fifth of that.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tests.bench.contestants import CONTESTANTS
from tests.bench.durability import durability
from tests.bench.freshness import freshness
from tests.bench.growth import growth
from tests.bench.hierarchy import hierarchy
from tests.bench.judging import judging
from tests.bench.stage import Shape, Stage, staged
from tests.bench.state import SIZES, state
from tests.bench.throughput import throughput

_QUICK_EVENTS = 200_000


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what all take."""
    for option in (
        click.option("--out", type=click.Path(path_type=Path), help="Tables and JSON (default: a new directory)."),
        click.option("--quick", is_flag=True, help="Small, to try it out: the figures mean little."),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True, help=__doc__)
@_options
@click.pass_context
def main(context: click.Context, out: Path | None, quick: bool) -> None:
    """Run one of the commands, or all; one that fails does not keep the others from running."""
    if context.invoked_subcommand is not None:
        return
    out, failed = _out(out), False
    for command in (throughput_, durability_, freshness_, state_, growth_, judging_, hierarchy_):
        begun = time.monotonic()
        try:
            context.invoke(command, out=out, quick=quick)
        except Exception as error:
            failed = True
            click.echo(f"{command.name}: {type(error).__name__}: {error}", err=True)
        click.echo(f"{command.name}: {(time.monotonic() - begun) / 60:.1f} minutes", err=True)
    sys.exit(failed)


def _out(out: Path | None) -> Path:
    return out or Path(tempfile.mkdtemp(prefix="esn-bench-"))


@contextmanager
def _stage() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="esn-bench-") as folder, staged(Path(folder)) as stage:
        yield stage


@main.command("throughput")
@_options
@click.option("--events", type=click.IntRange(50_000), default=3_000_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(CONTESTANTS)), help="Only this one; repeatable.")
def throughput_(out: Path | None, quick: bool, events: int, rounds: int, only: tuple[str, ...]) -> None:
    """Events a second, CPU and memory, side by side."""
    shape = Shape(events=_QUICK_EVENTS if quick else events)
    with _stage() as stage:
        throughput(stage, _out(out), shape, 1 if quick else rounds, only)


@main.command("durability")
@_options
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
def durability_(out: Path | None, quick: bool, rounds: int) -> None:
    """What checkpoints cost, memory in an outage of ClickHouse, and the end of a worker in it."""
    with _stage() as stage:
        durability(stage, _out(out), Shape(events=_QUICK_EVENTS if quick else 3_000_000), 1 if quick else rounds)


@main.command("freshness")
@_options
@click.option("--minutes", type=click.IntRange(1), default=5, show_default=True, help="At each rate.")
def freshness_(out: Path | None, quick: bool, minutes: int) -> None:
    """How old /metrics and activity are, at 1 000 and 10 000 events/s."""
    with _stage() as stage:
        freshness(stage, _out(out), 1 if quick else minutes, 10 if quick else 120)


@main.command("state")
@_options
def state_(out: Path | None, quick: bool) -> None:
    """What people cost: memory, closings, checkpoints, recovery."""
    with _stage() as stage:
        state(stage, _out(out), SIZES[:1] if quick else SIZES)


@main.command("growth")
@_options
@click.option("--events", type=click.IntRange(50_000), default=500_000, show_default=True)
def growth_(out: Path | None, quick: bool, events: int) -> None:
    """Rate and memory over people, members per dimension and partitions."""
    with _stage() as stage:
        growth(stage, _out(out), 50_000 if quick else events)


@main.command("judging")
@_options
def judging_(out: Path | None, quick: bool) -> None:
    """How long 10 000 series take to be judged, and how large their state is."""
    judging(_out(out), quick=quick)


@main.command("hierarchy")
@_options
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True)
def hierarchy_(out: Path | None, quick: bool, seeds: int) -> None:
    """Drops of departments and of everybody, with the hierarchy and without."""
    hierarchy(_out(out), range(1, 2 if quick else seeds + 1), 10 if quick else 20)


if __name__ == "__main__":
    main()
