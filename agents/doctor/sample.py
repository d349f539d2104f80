"""The latest messages of each input partition, summed up.

Rules: records are read, looked at and dropped one by one; only counts and times stay.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.errors import Failed
from agents.kafka.broker import partition_of
from agents.kafka.security import aiokafka_options
from agents.settings import Settings
from pipeline.reading import is_moved
from schemas import directory, events
from schemas.events import HEARTBEAT, Refused
from schemas.topics import DIRECTORY

_MOST_MESSAGES: Final = 500
_MESSAGES_A_TOPIC: Final = 10_000
_SECONDS: Final = 20.0


@dataclass
class Feed:
    """One partition of an input topic; times in ms."""

    first: int
    end: int
    events: int = 0
    heartbeats: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    misplaced: Counter[str] = field(default_factory=Counter)
    """Why an event is in another partition than its actor's -> how many."""
    clock_ms: int | None = None
    """The greatest of min(event or heartbeat time, Kafka timestamp)."""
    earliest_ms: int | None = None
    """The earliest event's time."""
    newest_produced_ms: int | None = None
    delays_ms: list[int] = field(default_factory=list)
    """Kafka timestamp less event time, of each event."""


Feeds = dict[tuple[str, int], Feed]
"""By topic (full name) and partition."""


def take(settings: Settings, offsets: Mapping[str, Mapping[int, tuple[int, int]]]) -> Feeds:
    """Look at the latest messages; `offsets` is, by topic and partition, the first and the end. Raises Failed."""
    feeds = {(topic, p): Feed(*ends) for topic, of_topic in offsets.items() for p, ends in of_topic.items()}
    try:
        asyncio.run(_take(settings, feeds, aiokafka_options(settings)))
    except (KafkaError, TimeoutError) as error:
        raise Failed(
            f"Kafka at {settings.kafka} does not hand out messages ({type(error).__name__}): look into the broker's log"
        ) from None
    return feeds


async def _take(settings: Settings, feeds: Feeds, options: dict[str, Any]) -> None:
    consumer = AIOKafkaConsumer(**options, enable_auto_commit=False, max_partition_fetch_bytes=4 << 20)
    await consumer.start()
    try:
        await asyncio.wait_for(_read(settings, consumer, feeds), _SECONDS)
    finally:
        await consumer.stop()


async def _read(settings: Settings, consumer: AIOKafkaConsumer, feeds: Feeds) -> None:
    counts = Counter(topic for topic, _ in feeds)
    open_ = {TopicPartition(*place): feed for place, feed in feeds.items() if feed.end > feed.first}
    consumer.assign(list(open_))
    for tp, feed in open_.items():
        most = max(20, min(_MOST_MESSAGES, _MESSAGES_A_TOPIC // counts[tp.topic]))
        consumer.seek(tp, max(feed.first, feed.end - most))
    look = _Look(settings, counts)
    while open_:
        for tp, records in (await consumer.getmany(*open_, timeout_ms=500)).items():
            for record in records:
                if record.offset < open_[tp].end:
                    look.at(record, open_[tp])
        open_ = {tp: feed for tp, feed in open_.items() if await consumer.position(tp) < feed.end}


class _Look:
    """Looks at single records."""

    def __init__(self, settings: Settings, partitions: Mapping[str, int]) -> None:
        self._partitions = partitions
        self._directory = settings.topic(DIRECTORY.name)
        self._refuse_old = settings.time == "clock"

    def at(self, record: Any, feed: Feed) -> None:
        """Count one record."""
        feed.newest_produced_ms = max(feed.newest_produced_ms or 0, record.timestamp)
        try:
            person = self._listing(record, feed) if record.topic == self._directory else self._event(record, feed)
        except Refused as refused:
            feed.refused[refused.reason] += 1
            return
        if person is not None and not is_moved(record):
            cause = misplaced(person.encode(), record.key, record.partition, self._partitions[record.topic])
            if cause:
                feed.misplaced[cause] += 1

    def _listing(self, record: Any, feed: Feed) -> str | None:
        feed.events += 1
        return directory.read_key(record.key) if record.value is None else directory.read(record.value).person

    def _event(self, record: Any, feed: Feed) -> str | None:
        event = events.read(record.value, record.timestamp, refuse_old=self._refuse_old)
        feed.clock_ms = _greatest(feed.clock_ms, min(event.time_ms, record.timestamp))
        if event.type == HEARTBEAT or event.data is None:
            feed.heartbeats += 1
            return None
        feed.events += 1
        feed.delays_ms.append(record.timestamp - event.time_ms)
        feed.earliest_ms = min(event.time_ms, feed.earliest_ms or event.time_ms)
        return event.data.actor


def misplaced(person: bytes, key: bytes | None, partition: int, partitions: int) -> str:
    """Return why a message is not in its person's partition; nothing if it is."""
    if partition_of(person, partitions) == partition:
        return ""
    if key is None:
        return "no key"
    if key != person:
        return "another key"
    return "crc32" if zlib.crc32(key) % partitions == partition else "another partitioner"


def _greatest(before: int | None, time: int) -> int:
    return time if before is None else max(before, time)


def newest(feeds: Iterable[Feed]) -> int | None:
    """Return the latest time of producing, ms."""
    return max((feed.newest_produced_ms for feed in feeds if feed.newest_produced_ms is not None), default=None)
