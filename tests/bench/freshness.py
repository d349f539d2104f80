"""How old numbers are, at a steady rate of events that happen now (ESN_TIME=clock, one worker, default settings).

/metrics    After everybody has acted, every half second somebody new does. The company then has one active person more:
            the time from sending until a scrape that shows it has ended. Scrapes are made one after the other, four a
            second; the wait for the next one is part of the figure.
activity    A minute closes when the lateness has passed since its end. Rows of `activity` are asked for four times a
            second; the time from the closing until a minute's rows of a source partition are there, each minute and
            source partition weighted by its events.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from agents.kafka.broker import create_topics, partition_of, producer
from agents.settings import Settings
from agents.storage.clickhouse import Reader
from agents.storage.migrations import migrate
from schemas.topics import CONTENT, DIRECTORY
from tests.bench.load import PARTITIONS, event, person
from tests.bench.processes import Meter
from tests.bench.stage import Stage
from tests.bench.tables import machine, markdown, percentile, put
from tests.bench.workers import ROOT, workers
from tests.live.scraping import free_port, get, samples

PEOPLE: Final = 50_000
RATES: Final = (1_000, 10_000)
_PROBE_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.25
_WARM_SECONDS: Final = 15.0
"""After everybody has acted once."""
_HEAD = (
    "events/s",
    "sent",
    "to /metrics, median",
    "p99",
    "to activity, median",
    "p99",
    "CPU s / M",
    "peak MiB",
    "over",
)


@dataclass
class Seen:
    """What one rate gave, in seconds."""

    metrics: list[float] = field(default_factory=list)
    activity: list[tuple[float, int]] = field(default_factory=list)
    """(delay, events)"""
    sent: float = 0.0
    cpu_per_million: float = 0.0
    peak_bytes: int = 0
    longest_pause: float = 0.0


def freshness(stage: Stage, out: Path, minutes: int, lateness_seconds: int) -> None:
    """Measure at each rate, print and write."""
    on = machine()
    seen = {rate: _at(stage, rate, minutes, lateness_seconds) for rate in RATES}
    rows = [_row(rate, found, minutes) for rate, found in seen.items()]
    figures: dict[str, Any] = {"machine": on, "lateness_seconds": lateness_seconds, "people": PEOPLE}
    figures["rates"] = {str(rate): found.__dict__ for rate, found in seen.items()}
    put(out, "freshness", markdown(_HEAD, rows), figures)


def _row(rate: int, seen: Seen, minutes: int) -> tuple[str, ...]:
    weighted = [delay for delay, events in seen.activity for _ in range(max(1, events // 100))]
    delays = [percentile(values, share) for values in (seen.metrics, weighted) for share in (0.5, 0.99)]
    costs = f"{seen.cpu_per_million:.1f}", f"{seen.peak_bytes / 2**20:.0f}"
    over = (
        f"{len(seen.metrics)} people, {minutes} minutes; longest pause of the loop {seen.longest_pause * 1000:.0f} ms"
    )
    return f"{rate:,}", f"{seen.sent:,.0f}", *(f"{delay:.2f} s" for delay in delays), *costs, over


def _at(stage: Stage, rate: int, minutes: int, lateness_seconds: int) -> Seen:
    """Run one rate: until so many whole minutes have closed."""
    port = free_port()
    settings, env = stage.settings(f"fresh{rate}", ESN_LATENESS_SECONDS=str(lateness_seconds), ESN_WEB_PORT=str(port))
    create_topics(settings, PARTITIONS)
    migrate(settings)
    _list_people(settings)
    folder = stage.folder / f"freshness-{rate}"
    folder.mkdir()
    warm = PEOPLE / rate * 1.1 + _WARM_SECONDS
    seconds = warm + 60 * (minutes + 1) + lateness_seconds + 15
    seen = Seen()
    with workers(1, env, folder) as (worker,), _load(env, rate, seconds) as load, Meter([worker.process.pid]) as meter:
        began = time.time()
        time.sleep(warm)
        end = time.time() + seconds - warm
        watching = threading.Thread(target=_watch_activity, args=(settings, end, began + warm, seen))
        watching.start()
        _probe(settings, port, end, seen)
        watching.join()
        *_, total = load.communicate(timeout=60)[0].split()
        spent = meter.cost()
        page = get(port, "/metrics")[1]
    seen.sent = int(total) / seconds
    seen.cpu_per_million, seen.peak_bytes = spent.cpu_seconds * 1e6 / int(total), spent.bytes
    seen.longest_pause = max(samples(page, "esn_event_loop_pause_seconds").values(), default=0.0)
    click.echo(f"{rate} events/s: {seen.sent:,.0f} were sent", err=True)
    return seen


def _list_people(settings: Settings) -> None:
    with producer(settings) as stream:
        for number in range(PEOPLE):
            listing = {"person": person(number), "region": f"r{number % 6}", "department": f"d{number % 40}"}
            key = person(number).encode()
            value = json.dumps(listing | {"manager": person(number // 8)}).encode()
            stream.send(settings.topic(DIRECTORY.name), value, key, partition_of(key, PARTITIONS))


@contextmanager
def _load(env: dict[str, str], rate: int, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")} | env
    command = [sys.executable, "-m", "tests.bench.load", str(rate), str(seconds), str(PEOPLE)]
    with subprocess.Popen(command, env=clean, cwd=ROOT, stdout=subprocess.PIPE, text=True) as load:
        try:
            yield load
        finally:
            load.terminate()


def _probe(settings: Settings, port: int, end: float, seen: Seen) -> None:
    """Let new people act, and scrape until each is counted."""
    sent: list[float] = []
    stop = threading.Event()

    def act() -> None:
        with producer(settings) as stream:
            while not stop.wait(_PROBE_SECONDS):
                who = f"probe-{len(sent)}"
                key = who.encode()
                sent.append(time.time())
                value = event("view", -len(sent), who)
                stream.send(settings.topic(CONTENT.name), value, key, partition_of(key, PARTITIONS))
                stream.flush()

    acting = threading.Thread(target=act)
    acting.start()
    wanted = ("company", "all", "active", "28d")
    while time.time() < end:
        begun = time.time()
        page = get(port, "/metrics")[1]
        found = samples(page, "esn_active_people", "dimension", "member", "measure", "window").get(wanted, 0)
        now = time.time()
        seen.metrics.extend(now - at for at in sent[len(seen.metrics) : max(0, int(found) - PEOPLE)])
        time.sleep(max(0.0, begun + _LOOK_SECONDS - now))
    stop.set()
    acting.join()
    seen.metrics.extend(end - at for at in sent[len(seen.metrics) :] if end - at > 5)  # these were never seen


def _watch_activity(settings: Settings, end: float, first: float, seen: Seen) -> None:
    """Note when each minute's row of each source partition is there."""
    known: dict[tuple[int, int], float] = {}
    ask = (
        "SELECT toUnixTimestamp(minute), source_partition, sum(events) FROM activity_rows "
        "WHERE dimension = 'company' GROUP BY minute, source_partition"
    )
    events: dict[tuple[int, int], int] = {}
    with Reader.of(settings) as reader:
        while time.time() < end:
            begun = time.time()
            for minute, part, count in reader.query(ask)[1]:
                known.setdefault((minute, part), time.time())
                events[minute, part] = int(count)
            time.sleep(max(0.0, begun + _LOOK_SECONDS - time.time()))
    for (minute, part), at in known.items():
        if minute >= first:  # whole minutes, all of them under load
            seen.activity.append((at - minute - 60 - settings.lateness_seconds, events[minute, part]))
