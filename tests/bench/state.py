"""What people cost: memory, closings, checkpoints, recovery.

Memory and closing times are of one source partition that holds everybody (`state_memory.py`), in a process without
anything else. Pauses, checkpoints and recovery are of one worker with four source partitions: everybody is listed
and acts for a while, the worker is killed, and its state is taken over from Kafka, one partition after the other.
"""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from agents.settings import Settings
from agents.worker.checkpoint import Checkpoint, read_pages
from schemas.topics import CONTENT, DIRECTORY, LOGINS, NAMED
from tests.bench.stage import Record, Shape, Stage, wait_until
from tests.bench.tables import machine, markdown, put
from tests.bench.workers import ROOT, workers
from tests.live.scraping import free_port, get, samples

SIZES: Final = (10_000, 100_000, 1_000_000)
_READ: Final = (LOGINS, CONTENT, DIRECTORY, NAMED)
_HEAD = (
    "people",
    "bytes/person",
    "windows, counters, ids",
    "person in a community, bytes",
    "duplicates, bytes/event",
    "close a step",
    "longest pause of the loop",
    "checkpoint MiB",
    "recovery",
    "over",
)


@dataclass
class _Live:
    """What a worker showed."""

    longest_pause: float
    checkpoint_bytes: int
    recovery_seconds: float


def state(stage: Stage, out: Path, sizes: tuple[int, ...]) -> None:
    """Measure each size, print and write."""
    on = machine()
    rows, figures = [], {}
    for people in sizes:
        command = [sys.executable, "-m", "tests.bench.state_memory", str(people)]
        told = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
        click.echo(f"{people:,} people: {told}", err=True)
        live = asyncio.run(_live(stage, people))
        figures[str(people)] = told | live.__dict__
        rows.append(
            (
                f"{people:,}",
                f"{told['bytes_per_person']:.0f}",
                f"{told['held_per_person']:.0f}",
                f"{told['bytes_per_pair']:.0f}",
                f"{told['duplicates_bytes_per_event']:.0f}",
                f"{told['close_seconds'] * 1000:.0f} ms",
                f"{live.longest_pause * 1000:.0f} ms",
                f"{live.checkpoint_bytes / 2**20:.1f}",
                f"{live.recovery_seconds:.1f} s",
                f"duplicates of {told['duplicates_events']:,} events; 4 source partitions for the last three",
            )
        )
    on_all: dict[str, Any] = {"machine": on, "sizes": figures}
    put(out, "state", markdown(_HEAD, rows), on_all)


async def _live(stage: Stage, people: int) -> _Live:
    """Run a worker over so many people, kill it, and recover its state."""
    record = stage.record(
        f"state{people}", Shape(events=max(200_000, people), people=people, rate=max(100, people / 500))
    )
    pause = await asyncio.to_thread(_worked, record)
    settings = record.settings
    begun = time.monotonic()
    partitions = record.shape.partitions
    for number in range(partitions):
        checkpoint, _state = await Checkpoint.begin(settings, number, partitions)
        await checkpoint.close()
    recovered = time.monotonic() - begun
    size = sum([await _pages_bytes(settings, number) for number in range(partitions)])
    return _Live(pause, size, recovered)


async def _pages_bytes(settings: Settings, number: int) -> int:
    return sum(map(len, (await read_pages(settings, number)).values()))


def _worked(record: Record) -> float:
    """Let a worker read all of it; kill it after its last checkpoint; return its longest pause."""
    port = free_port()
    with workers(1, record.env | {"ESN_WEB_PORT": str(port)}, record.next_run()) as (worker,):
        read = wait_until(lambda: _all_read(port, record), 900, "all to be read", every=2)

        def saved() -> bool:
            ages = samples(get(port, "/metrics")[1], "esn_checkpoint_age_seconds", "partition")
            return bool(ages) and all(age < time.monotonic() - read for age in ages.values())

        page = get(port, "/metrics")[1]
        wait_until(saved, 300, "the last checkpoint", every=1)
        worker.process.kill()
        worker.process.wait()
    return max(samples(page, "esn_event_loop_pause_seconds").values(), default=0.0)


def _all_read(port: int, record: Record) -> bool:
    lag = samples(get(port, "/metrics")[1], "esn_consumer_lag_events", "topic", "partition")
    return len(lag) == len(_READ) * record.shape.partitions and not any(lag.values())
