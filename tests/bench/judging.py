"""What it costs to judge: one step of many series, from its records to its drops, and the state of a series."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import numpy as np

from pipeline.calendars import Calendar
from pipeline.judge import FINE, HOUR, Judge
from pipeline.pulse_book import Counts, Key, Part
from schemas.pulse import CLOSING, Closing, Row, instant
from tests.bench.tables import machine, markdown, percentile, put
from tests.pipeline.pulses import DAY, MONDAY, SHARES, encode

SERIES: Final = 10_000
_HEAD = ("steps of", "series", "median", "99 %", "longest (midnight)", "bytes/series", "over")


def judging(out: Path, *, quick: bool) -> None:
    """Measure hours and five minutes, print and write."""
    series = 1_000 if quick else SERIES
    rows, figures = [], {}
    for step, warm_days, days in ((HOUR, 15, 2), (FINE, 1, 1)):
        judge, seconds = _judged(series, step, warm_days, days)
        grid = judge.grids[0]
        size = sum(column.nbytes for column in grid.bank.dump().values()) / len(grid.keys)
        figures[str(step)] = {"seconds": seconds, "bytes_per_series": size}
        told = (
            f"{value * 1000:.0f} ms" for value in (percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds))
        )
        rows.append((f"{step} s", f"{len(grid.keys):,}", *told, f"{size:,.0f}", f"{len(seconds)} steps"))
        click.echo(str(rows[-1]), err=True)
    put(out, "judging", markdown(_HEAD, rows), {"machine": machine(), "steps": figures})


def _judged(series: int, step: int, warm_days: int, days: int) -> tuple[Judge, list[float]]:
    """Judge some days; time the last of them, from the first record of a step to its drops."""
    judge, seconds = Judge(step, Calendar()), []
    judge.book.partitions = 1
    begin = MONDAY + warm_days * DAY
    for at, rows in _steps(series, step, warm_days + days):
        if at <= begin:
            judge.book.waiting[at], judge.book.closed[0] = {0: Part(1, rows)}, at
            judge.judge()
            continue
        records = [_record(at, key, counts) for key, counts in rows.items()]
        begun = time.perf_counter()
        judge.book.hear(records)
        judge.book.hear([(CLOSING, encode(Closing(instant(at), 0, 1, 1, True, None)))])
        judge.judge()
        seconds.append(time.perf_counter() - begun)
    return judge, seconds


def _record(at: int, key: Key, counts: Counts) -> tuple[bytes, bytes]:
    people = (counts.w5m, counts.w1h, counts.w1h, counts.w7d, counts.w28d)
    row = Row(instant(at), 0, 1, *key, counts.enabled, *people, True)
    return f"{key[0]}/{key[1]}".encode(), encode(row)


def _steps(series: int, step: int, days: int) -> Iterator[tuple[int, dict[Key, Counts]]]:
    """Give each step's end and its rows: departments of all sizes, in three measures."""
    rng = np.random.default_rng(1)
    size = np.clip(rng.lognormal(3.5, 1, series // len(SHARES)), 5, 5_000).astype(int)
    for at in range(MONDAY + step, MONDAY + days * DAY + 1, step):
        busy = 8 <= (at - step) // HOUR % 24 < 17
        rows: dict[Key, Counts] = {}
        for measure, share in SHARES.items():
            came = rng.binomial(size, (0.4 if busy else 0.02) * share * min(1, step / HOUR * 3))
            people = [*zip(came.tolist(), size.tolist(), strict=True), (int(came.sum()), int(size.sum()))]
            for number, (seen, enabled) in enumerate(people):
                segment = ("department", f"D{number}") if number < len(size) else ("company", "all")
                rows[*segment, measure] = Counts(seen, seen, enabled, enabled, enabled)
        yield at, rows
