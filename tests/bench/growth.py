"""Rate and memory of the whole path while one thing grows: people, members per dimension, source partitions.

One worker, the same number of events at the same rate each time, so that with more people or members more is counted
for an event. Members are departments and communities, so many of each. Reading the directory is part of it.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import click

from tests.bench.runs import Run
from tests.bench.stage import Shape, Stage
from tests.bench.tables import machine, markdown, put
from tests.bench.whole_path import whole_path

_HEAD = ("what grows", "value", "events/s", "CPU s / M events", "peak MiB", "times the first: value, CPU, memory")
VARIABLES: Final = {
    "people": [{"people": value} for value in (10_000, 50_000, 200_000, 500_000)],
    "members": [{"departments": value, "communities": value} for value in (10, 100, 1_000, 5_000)],
    "partitions": [{"partitions": value} for value in (1, 4, 16, 32)],
}


def growth(stage: Stage, out: Path, events: int) -> None:
    """Measure, print and write."""
    on = machine()
    rows: list[tuple[str, ...]] = []
    runs: dict[str, list[dict[str, Any]]] = {}
    for what, values in VARIABLES.items():
        first: tuple[int, Run] | None = None
        for changed in values:
            value = next(iter(changed.values()))
            shape = replace(Shape(events=events), **changed)
            try:
                run = whole_path(stage, stage.record(f"grow_{what}_{value}", shape), 1)
            except (TimeoutError, RuntimeError) as error:
                click.echo(f"{what} {value:,}: {error}", err=True)
                rows.append((what, f"{value:,}", "-", "-", "-", str(error)[:200]))
                continue
            click.echo(f"{what} {value:,}: {run.rate:,.0f} events/s, {run.peak_bytes / 2**20:.0f} MiB", err=True)
            first = first or (value, run)
            runs.setdefault(what, []).append({"value": value} | asdict(run))
            rows.append(_row(what, value, run, *first))
    put(out, "growth", markdown(_HEAD, rows), {"machine": on, "events": events, "runs": runs})


def _row(what: str, value: int, run: Run, first_value: int, first: Run) -> tuple[str, ...]:
    times = (value / first_value, run.cpu_per_million / first.cpu_per_million, run.peak_bytes / first.peak_bytes)
    return (
        what,
        f"{value:,}",
        f"{run.rate:,.0f}",
        f"{run.cpu_per_million:.1f}",
        f"{run.peak_bytes / 2**20:.0f}",
        ", ".join(f"{one:.1f}" for one in times),
    )
