"""The contestants one after the other over the same record, some rounds of all of them."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tests.bench.contestants import CONTESTANTS
from tests.bench.environments import PINS
from tests.bench.runs import Run
from tests.bench.stage import Shape, Stage
from tests.bench.tables import machine, markdown, put, spread

_HEAD = ("contestant", "events/s", "CPU s / M events", "of it ClickHouse", "peak MiB", "events", "what it does")


def throughput(stage: Stage, out: Path, shape: Shape, rounds: int, only: Sequence[str]) -> None:
    """Run, print and write."""
    on = machine()
    record = stage.record("bench", shape)
    chosen = [name for name in CONTESTANTS if not only or name in only]
    runs: dict[str, list[Run]] = {name: [] for name in chosen}
    failures: dict[str, str] = {}
    for number in range(rounds):
        for name in chosen:
            stage.calm()
            try:
                run = CONTESTANTS[name].run(stage, record)
            except Exception as error:  # the others are to run all the same; the table says who did not
                failures[name] = f"{type(error).__name__}: {str(error)[:300]}"
                click.echo(f"round {number + 1}, {name}: {failures[name]}", err=True)
                continue
            runs[name].append(run)
            click.echo(
                f"round {number + 1}, {name}: {run.rate:,.0f} events/s, {run.cpu_per_million:.1f} CPU s / M "
                f"(ClickHouse {run.database_seconds * 1e6 / run.events:.1f}), {run.peak_bytes / 2**20:.0f} MiB, "
                f"{run.events:,} events in {run.seconds:.1f} s",
                err=True,
            )
    table = markdown(_HEAD, [_row(name, runs[name], failures.get(name, "")) for name in chosen])
    figures: dict[str, Any] = {
        "machine": on,
        "record": asdict(shape) | {"messages": record.messages, "events_sent": record.sent.events},
        "pins": PINS,
        "runs": {name: [asdict(run) for run in runs[name]] for name in chosen},
        "failures": failures,
    }
    put(out, "throughput", table, figures)


def _row(name: str, runs: Sequence[Run], failure: str) -> Sequence[str]:
    told = CONTESTANTS[name]
    if not runs:
        return told.name, "-", "-", "-", "-", "-", f"did not run: {failure}"
    database = [run.database_seconds * 1e6 / run.events for run in runs]
    return (
        told.name,
        spread([run.rate for run in runs]),
        spread([run.cpu_per_million for run in runs], 1),
        spread(database, 1) if any(database) else "",
        spread([run.peak_bytes / 2**20 for run in runs]),
        spread([run.events for run in runs]),
        told.does,
    )
