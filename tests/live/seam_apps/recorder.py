"""A worker in this process that writes down what the seam does to it, in order."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition
from faust.types import TP

from agents.seam.batches import Batch, Batches
from agents.seam.faust_driver import faust_settings

SMALL_FETCH = 4_000  # bytes: some tens of records a slice


async def until(true: Callable[[], object], seconds: float = 40) -> None:
    """Wait for something that has to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def partitions(*topics: str, count: int) -> list[TP]:
    return [TP(topic, partition) for topic in topics for partition in range(count)]


class Broker:
    """What a test does to Kafka beside the worker."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def _ask(self, question: Callable[[Any], Awaitable[Any]]) -> Any:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        try:
            return await question(admin)
        finally:
            await admin.close()

    async def create(self, partitions: Mapping[str, int], **config: str) -> None:
        topics = [NewTopic(name, count, 1, topic_configs=config) for name, count in partitions.items()]
        await self._ask(lambda admin: admin.create_topics(topics))

    async def send(self, counts: Mapping[TP, int], value: bytes = b"x" * 100) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.address, max_batch_size=SMALL_FETCH // 2, max_request_size=3 << 20
        )
        await producer.start()
        try:
            for tp, count in counts.items():
                for _ in range(count):
                    await producer.send(tp.topic, value, partition=tp.partition)
        finally:
            await producer.stop()

    async def committed(self, group: str) -> dict[TP, int]:
        found = await self._ask(lambda admin: admin.list_consumer_group_offsets(group))
        return {TP(*tp): at.offset for tp, at in found.items() if at.offset >= 0}

    async def until_committed(self, group: str, offsets: Mapping[TP, int], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while await self.committed(group) != offsets:  # noqa: ASYNC110 (the broker rings no bell)
                await asyncio.sleep(0.05)

    async def forget_before(self, tp: TP, offset: int) -> None:
        """Do what retention does: move the log's start."""
        records = {TopicPartition(*tp): RecordsToDelete(before_offset=offset)}
        await self._ask(lambda admin: admin.delete_records(records))


class Recorder:
    """One worker of a group. `asked`, `taken` and slices stand in `log`, in the order of events.

    positions: "committed" (as a worker without checkpoints, but what it has applied itself wins) or a mapping.
    """

    def __init__(self, broker: Broker, group: str, topics: Collection[str], datadir: Path, **settings: Any) -> None:
        self.broker, self.group, self.topics = broker, group, topics
        self.log: list[tuple[Any, ...]] = []
        self.applied: dict[TP, int] = {}
        self.seen: dict[TP, list[int]] = defaultdict(list)
        self.start_at: Mapping[TP, int] | None = None
        self.mark = True
        self.pace = 0.0
        self.busy = False
        self.on_batch: Callable[[Batch], object] = lambda _batch: None
        self.on_taken: Callable[[set[TP]], object] = lambda _tps: None
        known = faust_settings(kafka=broker.address, group=group, datadir=datadir)
        options = {"web_enabled": False, "broker_commit_interval": 0.2, **settings}
        self.app = faust.App(**{**known, **options})
        self.batches = Batches(self.app, positions=self._positions, revoked=self._revoked)
        self.batches.agent(self._handle, *topics, name="recorder")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        assert not self.busy, "callbacks never run at the same time"
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    async def _positions(self, tps: set[TP]) -> Mapping[TP, int]:
        with self._alone():
            committed = await self.broker.committed(self.group)
        found = self.start_at
        if found is None:
            self.applied = {tp: self.applied.get(tp, committed.get(tp, 0)) for tp in tps}
            found = dict(self.applied)
        self.log.append(("asked", set(tps), found, committed))
        return found

    async def _revoked(self, tps: set[TP]) -> None:
        self.log.append(("taken", set(tps)))
        with self._alone():
            self.on_taken(tps)
            await asyncio.sleep(0)

    async def _handle(self, batch: Batch) -> None:
        offsets = [record.offset for record in batch.records]
        self.log.append(("slice", batch.tp, offsets[0], batch.next_offset))
        with self._alone():
            self.on_batch(batch)
            await asyncio.sleep(self.pace)
        self.seen[batch.tp].extend(offsets)
        self.applied[batch.tp] = batch.next_offset
        if self.mark:
            self.batches.mark_durable(batch.tp, batch.next_offset)

    def total(self) -> int:
        return sum(map(len, self.seen.values()))

    def owned(self) -> set[TP]:
        asked = [entry[1] for entry in self.log if entry[0] == "asked"]
        return asked[-1] if asked else set()

    async def __aenter__(self) -> Self:
        self.starting = asyncio.create_task(self.app.start())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await asyncio.wait_for(self.app.stop(), 60)
        self.starting.cancel()
        await asyncio.gather(self.starting, return_exceptions=True)
