"""Hostile messages into a rig's topics, and what must be there afterwards: in `esn.rejects`, the view, the offsets."""

import asyncio
import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from agents import clock
from agents.kafka import broker
from agents.kafka.broker import partition_of
from agents.kafka.bulk import bulk
from agents.replay import Message, Script
from schemas.topics import CONTENT, DIRECTORY, LOGINS, REJECTS
from tests.hostile import WORDS, Refusable, refusable
from tests.hostile_directory import odd_listings, refusable_listings
from tests.live.rig import Json, Rig, wait_until

PARTITIONS = 4
KEYS = (None, b"", b"hostile-1", b"\xff\x00\xfe", b"k" * 5000)
Place = tuple[str, int, int]


def message_of(actor: str, value: bytes) -> Message:
    topic = CONTENT if b'"esn.content"' in value else LOGINS
    return Message(topic.name, partition_of(actor.encode(), PARTITIONS), actor.encode(), value)


def sendable_listings() -> list[Refusable]:
    """Kafka takes no record without a key for a topic that is compacted."""
    return [case for case in refusable_listings() if case.value is not None or case.key is not None]


def send_directory(served: Rig, people: Sequence[Json]) -> None:
    good = [(person["person"], json.dumps(person).encode()) for person in people]
    good += [(one.actor, one.value) for one in odd_listings()]
    messages = [Message("", partition_of(name.encode(), PARTITIONS), name.encode(), value) for name, value in good]
    bad = [
        Message("", n % PARTITIONS, case.key if case.value is None else b"hostile-%d" % n, case.value)
        for n, case in enumerate(sendable_listings())
    ]
    with broker.producer(served.settings) as producer:
        for one in mixed(messages, bad):
            producer.send(served.settings.topic(DIRECTORY.name), one.value, one.key, one.partition)


def send_record(served: Rig, first: Sequence[bytes], between: Sequence[Message], then: Sequence[bytes]) -> None:
    """Send as replay does; bad messages lie between the good ones, anywhere and with any key."""
    script = Script(PARTITIONS, served.settings, clock.now_ms)
    messages = [*(one for line in first for one in script.line(line)), *between]
    messages += [one for line in then for one in script.line(line)]
    bad = [
        Message((LOGINS, CONTENT)[n % 2].name, n % PARTITIONS, case.key or KEYS[n % len(KEYS)], case.value)
        for n, case in enumerate(refusable())
    ]
    with bulk(served.settings) as stream:  # kafka-python sends nothing that has neither key nor value
        stream.send(served.settings.topic(CONTENT.name), None, None, 1)
        stream.flush()
    with broker.producer(served.settings) as producer:
        for one in [*mixed(messages, bad), *script.finish()]:
            producer.send(served.settings.topic(one.topic), one.value, one.key, one.partition)


def mixed(good: Sequence[Message], bad: Sequence[Message]) -> list[Message]:
    """Put the bad ones anywhere between the good ones, which keep their order."""
    chance = random.Random(7)
    places = sorted((chance.randrange(len(good) + 1), n) for n in range(len(bad)))
    result = list(good)
    for place, n in reversed(places):
        result.insert(place, bad[n])
    return result


def produce(served: Rig, send: Any) -> None:
    """Send what kafka-python does not let one send."""

    async def work() -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=served.settings.kafka, max_request_size=64 << 20, compression_type="gzip"
        ) as producer:
            await send(producer)

    asyncio.run(work())


def rejected(served: Rig, many: int, *, moved: bool = False) -> list[Any]:
    """Wait for so many records of esn.rejects that are committed; return all there are a checkpoint later."""
    topic = served.settings.topic(REJECTS.name)

    def there() -> list[Any]:
        served.check_alive()
        return list(broker.read(served.settings, topic))

    wait_until(lambda: len(there()) >= many, 60, f"{many} committed records of rejects\n{served.logs()[-2000:]}")
    read_to_the_end(served, moved=moved)
    return there()


def reasons(served: Rig) -> dict[Place, str]:
    rows = served.reader.query("SELECT topic, partition, offset, reason FROM rejects")[1]
    found = {(topic, partition, offset): reason for topic, partition, offset, reason in rows}
    assert len(found) == len(rows)
    return found


def count(served: Rig) -> int:
    served.check_alive()
    return int(served.reader.query("SELECT count() FROM rejects")[1][0][0])


def put_aside(served: Rig) -> Mapping[Place, str]:
    """Check the topic and the view of rejects against the inputs, to the byte; return the reasons by place."""
    names = {topic.name: served.settings.topic(topic.name) for topic in (LOGINS, CONTENT, DIRECTORY)}
    of_events: dict[Any, str] = {case.value: case.reason for case in refusable()}
    of_directory: dict[Any, str] = {
        (None if case.value else case.key, case.value): case.reason for case in sendable_listings()
    }
    reason: str | None
    expected: dict[Place, tuple[str, bytes | None, bytes | None]] = {}
    for topic, full_name in names.items():
        for record in broker.read(served.settings, full_name, isolation_level="read_uncommitted"):
            if topic == DIRECTORY.name:
                key = (None, record.value) if record.value else (record.key, record.value)
                reason = of_directory.get(key, "empty" if record.value == b"" else None)
            else:
                reason = of_events.get(record.value)
            if reason:
                expected[full_name, record.partition, record.offset] = (reason, record.key, record.value)
    found = rejected(served, len(expected))
    told = [(dict(one.headers), one.key, one.value) for one in found]
    places = [(one["topic"].decode(), int(one["partition"]), int(one["offset"])) for one, _, _ in told]
    assert len(set(places)) == len(places), "something was put aside twice"
    assert {one.keys() == {"reason", "topic", "partition", "offset"} for one, _, _ in told} == {True}
    nothing = (None, None), (None, b"")  # aiokafka sends nothing that has neither key nor value
    for place, (headers, key, value) in zip(places, told, strict=True):
        reason, raw_key, raw_value = expected[place]
        assert headers["reason"].decode() == reason
        assert (key, value) == (raw_key, raw_value) or ((raw_key, raw_value), (key, value)) == nothing
    assert set(places) == set(expected)
    assert reasons(served) == {place: reason for place, (reason, _, _) in expected.items()}
    return {place: reason for place, (reason, _, _) in expected.items()}


def read_to_the_end(served: Rig, *, moved: bool = False) -> None:
    """The group's offsets reach the end of every input, past whatever lies there.

    Behind messages that were moved lie the marks of their transactions, which nobody reads.
    """
    topics = [served.settings.topic(topic.name) for topic in (LOGINS, CONTENT, DIRECTORY)]

    def reached() -> bool:
        served.check_alive()
        with broker.admin(served.settings) as admin:
            done = admin.group_offsets(served.settings.group)
            ends = {(topic, n): end for topic in topics for n, (_, end) in admin.offsets(topic).items()}
        if moved:
            ends = {
                (topic, one.partition): one.offset + 1
                for topic in topics
                for one in broker.read(served.settings, topic, isolation_level="read_uncommitted")
            }
        return all(done.get(place, 0) >= end for place, end in ends.items())

    wait_until(reached, 60, f"offsets at the end\n{served.logs()[-2000:]}")


def assert_silent(log: str, names: set[str]) -> None:
    assert "DEBUG" in log
    for word in (WORDS, "hostile-", "odd-", "\\xff\\xfe", *(name for name in names if len(name) > 6)):
        assert word not in log
    short = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b")
    assert not short.findall(log)
