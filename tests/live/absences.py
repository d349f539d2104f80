"""Records on the real stack, and what the judge tells of them: first a company of three departments.

Its records are short and heartbeats rare (each five minutes), for what is looked at are sixteen days in hours.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agents.kafka.broker import admin, consumer, partition_of, producer, read
from agents.simulation import REGIONS, Company, Drop
from tests.live.rig import Rig, rig, wait_until

Json = dict[str, Any]
PARTITIONS: Final = 2
START: Final = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
HOUR: Final = timedelta(hours=1)
NINE: Final = START + timedelta(days=15, hours=9)
"""Of a Tuesday, after the two weeks in which the judge learns."""
_PER_PERSON_DAY: Final = 12


def company(days: int, *drops: Drop) -> tuple[list[Json], list[Json]]:
    """Return directory and events; nobody moves or is forgotten."""
    people = 150
    made = Company(
        people=people,
        seed=5,
        start=START,
        days=days,
        rate=people * _PER_PERSON_DAY / 86_400,
        regions=REGIONS[:1],
        departments=("Sales", "IT", "Legal"),
        communities=6,
        heartbeat_seconds=300,
        drops=drops,
    )
    return [json.loads(line) for line in made.directory()], [
        line for line in map(json.loads, made.lines()) if "type" in line
    ]


def time_of(line: Json) -> datetime:
    return datetime.fromisoformat(line["time"])


def told(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def judging(kafka: str, clickhouse_url: str, prefix: str, folder: Path) -> Iterator[Rig]:
    """Open a rig whose workers publish and judge hours."""
    folder.mkdir()
    env = {
        "ESN_KAFKA": kafka,
        "ESN_CLICKHOUSE": clickhouse_url,
        "ESN_PREFIX": prefix,
        "ESN_TIME": "events",
        "ESN_STEP_SECONDS": "3600",
        "ESN_CHECKPOINT_SECONDS": "1",
        "ESN_HOME": str(folder),
    }
    with rig(env, folder, PARTITIONS) as opened:
        yield opened


def produce(to: Rig, record: Iterable[Json], directory: Iterable[Json] = ()) -> None:
    """Send a record as sources do: what they do not send, nobody sends."""
    settings = to.settings
    with producer(settings) as sending:
        for person in directory:
            key = person["person"].encode()
            sending.send(settings.topic("esn.directory"), json.dumps(person).encode(), key)
        sending.flush()
        for line in record:
            value = json.dumps(line).encode()
            if line["type"] == "esn.heartbeat":
                for topic in ("esn.logins", "esn.content"):
                    for number in range(PARTITIONS):
                        sending.send(settings.topic(topic), value, partition=number)
            else:
                key = line["data"]["actor"].encode()
                topic = "esn.logins" if line["type"] == "esn.login" else "esn.content"
                sending.send(settings.topic(topic), value, key, partition_of(key, PARTITIONS))


def drops(of: Rig, since: datetime = START) -> list[Json]:
    """Return the view's rows, in a fixed order."""
    asked = {"since": round(since.timestamp())}
    sql = "SELECT * FROM drops WHERE began_at >= toDateTime(%(since)s, 'UTC') ORDER BY began_at, drop_id"
    names, rows = of.reader.query(sql, asked)
    return [dict(zip(names, row, strict=True)) for row in rows]


def published_drops(of: Rig) -> dict[str, Json]:
    """Return what `esn.drops` says last of each."""
    found = read(of.settings, of.settings.topic("esn.drops"))
    return {record.key.decode(): json.loads(record.value) for record in found}


def pulse(of: Rig) -> list[tuple[bytes, Json]]:
    """Return all of `esn.pulse`."""
    return [(record.key, json.loads(record.value)) for record in read(of.settings, of.settings.topic("esn.pulse"))]


def wait_judged(of: Rig, until: datetime) -> None:
    """Wait until everything up to the step that ends at `until` is published, and the judge has committed it."""
    of.wait_published(round(until.timestamp() * 1000) + 1, 240)
    topic = of.settings.topic("esn.pulse")
    closed: dict[int, int] = {}  # by whom, at which offset
    with consumer(of.settings, isolation_level="read_committed") as client, admin(of.settings) as broker:
        client.subscribe([topic])
        client.poll(timeout_ms=0)

        def judged() -> bool:
            of.check_alive()
            for records in client.poll(timeout_ms=200).values():
                for record in records:
                    if record.key == b"closing" and (line := json.loads(record.value))["at"] >= told(until):
                        closed.setdefault(line["source_partition"], record.offset)
            committed = broker.group_offsets(of.settings.group).get((topic, 0), 0)
            return len(closed) == PARTITIONS and committed > max(closed.values())

        wait_until(judged, 240, f"the judge\n{of.logs()[-2000:]}")
