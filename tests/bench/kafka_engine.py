"""ClickHouse's own Kafka engine with materialized views: the strongest peer (`kafka_engine.sql` is all of it).

It takes the topics as JSONAsString and parses each message once, keeps each person's last times, counts events by
minute and segment and, if it publishes, counts people by segment, measure and window for every step of event time
that its newest event has left behind. The directory is loaded beforehand.

Reading begins when its consumers have their partitions. The end is when every event is in `activity`, and the last
step published.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from clickhouse_driver import Client

from tests.bench.processes import Meter
from tests.bench.runs import Run
from tests.bench.stage import START, Record, Stage, wait_until

_HERE: Final = Path(__file__).parent
_STEP: Final = (_HERE / "kafka_engine_step.sql").read_text()
_ON_THE_HOUR: Final = {"also": ", (manager)", "manager": "manager", "no_manager": "grouping(manager)"}
_BETWEEN_HOURS: Final = {"also": "", "manager": "''", "no_manager": "1"}
_LOOK_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 300.0


def kafka_engine(stage: Stage, record: Record, *, publishing: bool) -> Run:
    """Run it over a record."""
    database = f"engine_{record.next_run().name.replace('-', '_')}"
    address = record.settings.clickhouse
    with Client(address.host, address.port) as client, _made(client, database, record):
        ask = f"SELECT countIf(notEmpty(assignments.topic)) FROM system.kafka_consumers WHERE database = '{database}'"
        start = wait_until(lambda: client.execute(ask)[0][0], 60, "the Kafka engine's consumers", every=0.02)
        with Meter([stage.database_pid]) as meter:
            _consume(client, database, record, publishing)
            end = time.monotonic()
            spent = meter.cost()
    return Run(record.messages, end - start, spent.cpu_seconds, spent.cpu_seconds, spent.bytes)


@contextmanager
def _made(client: Any, database: str, record: Record) -> Iterator[None]:
    names = {
        "database": database,
        "brokers": record.settings.kafka,
        "topics": ",".join(record.topics),
        "group": database,
        "consumers": str(min(record.shape.partitions, os.cpu_count() or 1)),
    }
    *tables, queue, view = _filled((_HERE / "kafka_engine.sql").read_text(), names).split("\n;\n")
    for statement in tables:
        client.execute(statement)
    _load(client, database, record)
    try:
        client.execute(queue)
        client.execute(view)
        yield
    finally:
        for table in ("to_events", "queue"):
            client.execute(f"DROP TABLE IF EXISTS {database}.{table} SYNC")
        client.execute(f"DROP DATABASE {database} SYNC")


def _load(client: Any, database: str, record: Record) -> None:
    """Fill the directory."""
    people = [msgspec.json.decode(line) for line in record.shape.company.directory()]
    rows = [
        (
            one["person"],
            *(one.get(name) or "unknown" for name in ("region", "department", "manager")),
            one.get("enabled") is False or one.get("kind") == "service",
        )
        for one in people
    ]
    client.execute(f"INSERT INTO {database}.people VALUES", rows)
    client.execute(f"SYSTEM RELOAD DICTIONARY {database}.listed")


def _filled(sql: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        sql = sql.replace(f"{{{name}}}", value)
    return sql


def _consume(client: Any, database: str, record: Record, publishing: bool) -> None:
    """Wait until all is counted; meanwhile publish every step that the newest event has passed."""
    step, last = record.shape.step_seconds, record.last_step
    published = int(START.timestamp())
    deadline = time.monotonic() + _LONGEST_SECONDS
    events, newest = 0, 0
    expected = record.sent.events
    while events < expected or (publishing and published < last):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the Kafka engine has counted {events:,} of {expected:,} events")
        ask = f"SELECT sum(events), toUnixTimestamp(max(active)) FROM {database}.seen"
        events, newest = map(int, client.execute(ask)[0])
        reached = last if events >= expected else newest
        while publishing and published + step <= reached:
            published += step
            managers = _ON_THE_HOUR if published % 3600 == 0 else _BETWEEN_HOURS
            client.execute(_filled(_STEP, {"database": database, "at": str(published)} | managers))
        if not publishing or published + step > reached:
            time.sleep(_LOOK_SECONDS)
