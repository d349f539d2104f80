"""Producers whose partitioners differ: each message reaches its person's partition once, and nobody counts twice.

librdkafka's default takes crc32 of the key where Kafka's takes murmur2, so about (n - 1) / n of its messages lie in
other people's partitions. With a lateness longer than the record nothing closes before all of them have arrived.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import pytest

from agents import clock
from agents.kafka import broker
from agents.kafka.broker import partition_of
from agents.replay import Message, Script
from agents.simulation import Company
from schemas.topics import CONTENT, DIRECTORY, LOGINS
from tests.live.hostile_rig import read_to_the_end
from tests.live.rig import Json, Rig, rig, wait_until
from tests.live.scraping import free_port, get, samples
from tests.recount import assert_varied, recount

pytestmark = pytest.mark.timeout(300)
PARTITIONS, STEP_SECONDS, LATENESS_SECONDS = 4, 3600, 86_400
INPUTS = (LOGINS.name, CONTENT.name, DIRECTORY.name)


class Sent(NamedTuple):
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    right: int
    actor: bytes

    @property
    def is_wrong(self) -> bool:
        return self.partition != self.right


@pytest.fixture
def served(kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path) -> Iterator[Rig]:
    env = {"ESN_KAFKA": kafka, "ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix, "ESN_HOME": str(tmp_path)}
    env |= {"ESN_TIME": "events", "ESN_STEP_SECONDS": str(STEP_SECONDS), "ESN_LATENESS_SECONDS": str(LATENESS_SECONDS)}
    with rig(env | {"ESN_CHECKPOINT_SECONDS": "1", "ESN_PEOPLE_SECONDS": "1"}, tmp_path, PARTITIONS) as made:
        yield made


def librdkafkas(key: bytes) -> int:
    """Emulates `consistent_random`."""
    return crc32(key) % PARTITIONS


def test_two_partitioners_and_nobody_counts_twice(served: Rig) -> None:
    company = Company(people=50, seed=9, start=datetime(2026, 3, 27, tzinfo=UTC), days=0.9, rate=0.03, communities=6)
    people = [json.loads(line) for line in company.directory()]
    record = [json.loads(line) for line in company.lines()]
    record = [line for line in record if line.get("type") in ("esn.login", "esn.content")]
    chance = random.Random(3)
    gone = people.pop()["person"]  # whose null is in a wrong partition, too
    sent = [listed(person, by_crc=n % 2 == 0) for n, person in enumerate(people)]
    sent += [listed({"person": gone}, by_crc=False), listed({"person": gone}, by_crc=True, forget=True)]
    record = [line for line in record if line["data"]["actor"] != gone]
    twice = chance.sample(record, 100)  # sent by both
    events = [acted(line, by_crc=chance.random() < 0.5, key=chance.random() < 0.9) for line in record]
    events += [acted(line, by_crc=by_crc) for line in twice for by_crc in (False, True)]

    port = free_port()
    served.start(ESN_WEB_PORT=str(port))
    script = Script(PARTITIONS, served.settings, clock.now_ms)
    beat(served, [one for one in script.line(json.dumps(record[0]).encode()) if is_heartbeat(one.value)])
    send(served, sent)
    arrive(served, port, sent)
    send(served, events)
    arrive(served, port, [*sent, *events])
    for line in record:
        script.line(json.dumps(line).encode())
    beat(served, script.finish())

    expected = recount([*record, *twice, *twice], people, step_seconds=STEP_SECONDS, lateness_seconds=LATENESS_SECONDS)
    assert_varied(expected.active_people)
    assert_varied(expected.activity)
    served.assert_rows(expected)
    page = get(port, "/metrics")[1]
    assert samples(page, "esn_late_events_total") == {(): 0}
    assert samples(page, "esn_duplicate_events_total") == {(): 200}
    assert not any(samples(page, "esn_rejected_events_total").values())
    assert set(samples(page, "esn_consumer_lag_events", "topic", "partition").values()) == {0}
    check_copies(served, [*sent, *events])


def listed(person: Json, *, by_crc: bool, forget: bool = False) -> Sent:
    key = person["person"].encode()
    right = partition_of(key, PARTITIONS)
    value = None if forget else json.dumps(person).encode()
    return Sent(DIRECTORY.name, librdkafkas(key) if by_crc else right, key, value, right, key)


def acted(line: Json, *, by_crc: bool, key: bool = True) -> Sent:
    """Without a key a producer puts a message anywhere."""
    topic = LOGINS if line["type"] == "esn.login" else CONTENT
    value, actor = json.dumps(line).encode(), line["data"]["actor"].encode()
    right = partition_of(actor, PARTITIONS)
    partition = right if not by_crc else librdkafkas(actor if key else value)
    return Sent(topic.name, partition, actor if key else None, value, right, actor)


def send(served: Rig, messages: list[Sent]) -> None:
    with broker.producer(served.settings) as producer:
        for one in messages:
            producer.send(served.settings.topic(one.topic), one.value, one.key, one.partition)


def arrive(served: Rig, port: int, messages: list[Sent]) -> None:
    """Wait until everything was moved, and what was moved was read."""
    moved = Counter(one.topic for one in messages if one.is_wrong)
    total = Counter(one.topic for one in messages) + moved

    def told() -> bool:
        served.check_alive()
        found = samples(get(port, "/metrics")[1], "esn_moved_events_total", "topic")
        return {topic: found.get((topic,), 0) for topic in moved} == moved

    def there() -> bool:
        return all(len(records(served, topic)) == total[topic] for topic in total)

    wait_until(told, 40, f"{moved} moved\n{served.logs()[-2000:]}")
    wait_until(there, 40, "copies of all that was moved")
    read_to_the_end(served, moved=True)


def beat(served: Rig, heartbeats: Sequence[Message]) -> None:
    with broker.producer(served.settings) as producer:
        for one in heartbeats:
            producer.send(served.settings.topic(one.topic), one.value, one.key, one.partition)


def records(served: Rig, topic: str) -> list[Any]:
    return [one for one in broker.read(served.settings, served.settings.topic(topic)) if not is_heartbeat(one.value)]


def is_heartbeat(value: bytes | None) -> bool:
    return b'"esn.heartbeat"' in (value or b"")


def check_copies(served: Rig, messages: list[Sent]) -> None:
    """Each message in a wrong partition has one copy in the right one, keyed by the actor; the others have none."""
    wrong = [one for one in messages if one.is_wrong]
    assert len(wrong) > len(messages) / 4
    assert {one.topic for one in wrong} == set(INPUTS)
    expected = Counter((one.topic, one.right, one.actor, one.value, b"%d" % one.partition) for one in wrong)
    found = Counter(
        (topic, one.partition, one.key, one.value, dict(one.headers)["esn-moved"])
        for topic in INPUTS
        for one in records(served, topic)
        if one.headers
    )
    assert found == expected
