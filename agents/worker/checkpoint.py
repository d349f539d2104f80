"""State in Kafka: one transaction per checkpoint, fenced by its transactional id.

    Ledger      the transactions of one owner's state: one partition of a compacted topic, and what is published with it
    Checkpoint  those of one source partition; the judge's are in baselines.py

    begin     init the producer (whoever owned the partition before can commit no more), read the pages, raise the epoch
    commit    changed pages, the head, and every message published since the last one: all of it or nothing

Rows go to ClickHouse before the commit. What a crash makes be done again is done with a greater epoch, so its rows
replace those written before. The group's offsets follow the head and never lead.

What is published in thousands goes as `Bundle`s: single messages cost aiokafka some 20 us each, in batches about one.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced

from agents import clock
from agents.errors import Failed
from agents.kafka import codecs  # noqa: F401  (what importing it does is wanted)
from agents.kafka.producing import Sends, stored
from agents.kafka.security import aiokafka_options
from agents.logs import told
from agents.settings import Settings
from pipeline import pages
from pipeline.pages import HEAD, BadPages, Dirty, Head
from pipeline.partition import Partition
from schemas.topics import PAGES, Topic

log = logging.getLogger(__name__)
T = TypeVar("T")

LARGEST_REQUEST = 4 << 20
BATCH_BYTES = 256 << 10
TRANSACTION_MS = 600_000
"""A transaction may outlive a broker's restart; the next owner ends it at once, so nobody waits so long for it."""
MOST_SHARE = 10
"""A checkpoint that took t seconds is followed by at least 10 t without one: large states make fewer of them."""
LONGEST_SECONDS = 60.0
"""But not longer than this between two: what made one slow may have been a broker that was away."""
STAGGERED = 4
"""Partitions in turn, so that while one makes a checkpoint others read on."""
CLOSE_SECONDS = 2.0


class Fenced(Exception):  # noqa: N818  (it is news, not a fault)
    """This producer can commit no more: another worker owns the state, or it must be taken anew."""


class Outgoing(NamedTuple):
    """A message to publish; without a partition the key decides."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Bundle(NamedTuple):
    """Many messages, key and value, for one partition; stored in this order."""

    topic: str
    partition: int
    records: Sequence[tuple[bytes, bytes]]


class Ledger:
    """The transactions of one owner, which its name fences."""

    def __init__(self, settings: Settings, topic: Topic, number: int, owner: str, *, partitions: int) -> None:
        self._settings = settings
        self._topic = topic
        self._partitions = partitions
        self._tp = TopicPartition(topic.full_name(settings.prefix), number)
        self._producer = AIOKafkaProducer(
            transactional_id=f"{settings.group}-{owner}",
            transaction_timeout_ms=TRANSACTION_MS,
            max_request_size=LARGEST_REQUEST,
            max_batch_size=BATCH_BYTES,
            compression_type="lz4",
            **aiokafka_options(settings),
        )
        self._dirty = Dirty()
        self._every = float(settings.checkpoint_seconds)
        self._next = clock.monotonic() + self._every * (1 - number % STAGGERED / STAGGERED)
        self.head = Head(partitions=0, step_seconds=settings.step_seconds, epoch=0, offsets={}, sent={})
        self.at = clock.monotonic()
        """When the last one was committed."""

    @property
    def epoch(self) -> int:
        """Greater than that of every owner before."""
        return self.head.epoch

    def due(self) -> bool:
        """Say whether it is time for the next one."""
        return clock.monotonic() >= self._next

    async def _take_over(self, restore: Callable[[dict[str, bytes]], T]) -> T:
        """Fence whoever owned this before, restore the state from its pages, and raise the epoch. Raises Failed.

        `restore` runs in a thread.
        """
        try:
            await self._producer.start()
            found = await read_pages(self._settings, self._tp.partition, self._topic)
            try:
                if HEAD in found:
                    self.head = Head.decode(found.pop(HEAD))
                state = await asyncio.to_thread(restore, found)
            except BadPages as bad:
                raise Failed(str(bad)) from None
            self._dirty = Dirty(found)
            # the clock stands in for a head that was lost: rows with a smaller version would be ignored
            epoch = max(self.head.epoch + 1, clock.now_ms() // 1000)
            step = self._settings.step_seconds
            self.head = msgspec.structs.replace(self.head, partitions=self._partitions, step_seconds=step, epoch=epoch)
            await self._send({HEAD: self.head.encode()}, ())
        except BaseException:
            await self.close()
            raise
        self.at = clock.monotonic()
        return state

    async def _commit(
        self,
        encode: Callable[[], Mapping[str, bytes]],
        head: Head,
        outgoing: Sequence[Outgoing | Bundle],
    ) -> None:
        """Return when it is committed; try again while Kafka is away. `encode` runs in a thread. Raises Fenced."""
        began = clock.monotonic()
        changed = await asyncio.to_thread(lambda: self._dirty.changed(encode()))
        await self._until_sent(changed | {HEAD: head.encode()}, outgoing)
        self._dirty.committed(changed)
        self.head = head
        self.at = clock.monotonic()
        self._next = self.at + max(self._every, min(MOST_SHARE * (self.at - began), LONGEST_SECONDS))

    async def _until_sent(self, changed: Mapping[str, bytes | None], outgoing: Sequence[Outgoing | Bundle]) -> None:
        pause = 0.2
        while True:
            try:
                await self._send(changed, outgoing)
            except (ProducerFenced, IllegalOperation):  # the latter when the takeover is noticed between two sends
                raise Fenced from None
            except KafkaError as exc:
                if self._producer._txn_manager.is_fatal_error():  # a new producer must take over from the pages
                    raise Fenced from None
                log.warning("checkpoint not written, trying again", extra=told(error=type(exc).__name__))
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  (workers are not to retry in step)
                pause = min(2 * pause, 10.0)
            else:
                return

    async def _send(self, changed: Mapping[str, bytes | None], outgoing: Sequence[Outgoing | Bundle]) -> None:
        page_topic, number = self._tp
        singles = [Outgoing(page_topic, number, key.encode(), page, ()) for key, page in changed.items()]
        singles += [one for one in outgoing if isinstance(one, Outgoing)]
        bundles = [one for one in outgoing if isinstance(one, Bundle)]
        batches = await asyncio.to_thread(lambda: [(one, self._batches(one.records)) for one in bundles])
        async with self._producer.transaction():
            await stored(self._sends(singles, batches))

    def _sends(self, singles: Iterable[Outgoing], bundles: Iterable[tuple[Bundle, list[Any]]]) -> Sends:
        for one in singles:
            # aiokafka sends nothing that has neither key nor value
            value = b"" if one.key is None and one.value is None else one.value
            yield self._producer.send(one.topic, value, one.key, one.partition, headers=list(one.headers))
        for bundle, batches in bundles:
            for batch in batches:
                yield self._producer.send_batch(batch, topic=bundle.topic, partition=bundle.partition)

    def _batches(self, records: Sequence[tuple[bytes, bytes]]) -> list[Any]:
        """Return aiokafka's batches; each can be sent once only."""
        batch = self._producer.create_batch()
        batches = [batch]
        for key, value in records:
            if batch.append(timestamp=None, key=key, value=value) is None:
                batch = self._producer.create_batch()
                batches.append(batch)
                batch.append(timestamp=None, key=key, value=value)
        batch.close()
        return batches

    async def close(self) -> None:
        """End the connection; what was not committed is forgotten."""
        try:
            await asyncio.wait_for(self._producer.stop(), CLOSE_SECONDS)
        except (KafkaError, TimeoutError) as exc:
            log.debug("the producer of checkpoints did not end in order: %s", type(exc).__name__)


class Checkpoint(Ledger):
    """The transactions of one source partition; made by `begin`."""

    def __init__(self, settings: Settings, number: int, partitions: int) -> None:
        super().__init__(settings, PAGES, number, str(number), partitions=partitions)

    @classmethod
    async def begin(cls, settings: Settings, number: int, partitions: int) -> tuple[Self, Partition]:
        """Take over a source partition: return its checkpoint and its state. Raises Failed, KafkaError."""
        self = cls(settings, number, partitions)
        return self, await self._take_over(lambda found: self._restore(found, number))

    def _restore(self, found: dict[str, bytes], number: int) -> Partition:
        settings = self._settings
        step_ms, lateness_ms = settings.step_seconds * 1000, settings.lateness_seconds * 1000
        zone = ZoneInfo(settings.timezone)
        if not found:
            return Partition(number, self._partitions, step_ms=step_ms, lateness_ms=lateness_ms, zone=zone)
        if self.head.partitions != self._partitions:
            raise Failed(
                f"the state is of {self.head.partitions} source partitions, the topics have {self._partitions}: "
                "stop all workers and run `esn-pulse repartition`"
            )
        state = pages.decode(found, number, self._partitions, step_ms, lateness_ms, zone)
        size = sum(map(len, found.values()))
        log.info(
            "state recovered", extra=told(partition=number, pages=len(found), bytes=size, people=len(state.people))
        )
        return state

    async def commit(
        self,
        state: Partition,
        offsets: dict[str, int],
        sent: dict[str, int],
        outgoing: Sequence[Outgoing | Bundle],
    ) -> None:
        """Return when it is committed; try again while Kafka is away. The state must not change meanwhile.

        `offsets`: per input topic, where to read on; `sent`: up to where what was put aside is among `outgoing` or
        was committed before. Raises Fenced.
        """
        closed = None if state.next_step is None else state.next_step - state.step_ms
        head = Head(self._partitions, self._settings.step_seconds, self.epoch, offsets, sent, closed)
        await self._commit(lambda: pages.encode(state), head, outgoing)


async def read_pages(settings: Settings, number: int, topic: Topic = PAGES) -> dict[str, bytes]:
    """Return all pages of a partition, the head's too, as of the last transaction that was committed."""
    tp = TopicPartition(topic.full_name(settings.prefix), number)
    consumer = AIOKafkaConsumer(
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 << 20,
        **aiokafka_options(settings),
    )
    found: dict[str, bytes] = {}
    try:
        await consumer.start()
        if tp.topic not in await consumer.topics():
            raise Failed(f"there is no topic {tp.topic}: run `esn-pulse topics`")
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for records in (await consumer.getmany(tp, timeout_ms=500)).values():
                for record in records:
                    _put(found, record)
    finally:
        await consumer.stop()
    return found


def _put(found: dict[str, bytes], record: Any) -> None:
    key = record.key.decode()
    if record.value is None:
        found.pop(key, None)
    else:
        found[key] = record.value
