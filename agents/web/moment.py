"""What a worker is at one moment: copies that a thread may look at for as long as it likes.

Rules: a state is copied whole, in the thread that changes it (`Intake.apart`); whatever else is read here is written in
the event loop, so nothing changes while a line of this file runs. Nothing is counted here: that is for `exporter`.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiokafka.errors import KafkaError
from faust.types import TP

from agents import clock
from agents.seam.batches import Reading
from agents.settings import Settings
from agents.storage.clickhouse import Sink
from agents.worker.feed import Feed
from agents.worker.intake import Intake
from agents.worker.judging import Judging
from agents.worker.vitals import Inserts, Vitals
from pipeline.clocks import INPUTS
from pipeline.judge import Judge, Outlook
from pipeline.partition import Partition
from pipeline.sources import Told
from pipeline.still import still

ENDS_SECONDS = 0.5
"""How long a scrape waits for the broker's answer; then the ends that were last known do."""


class Log(Protocol):
    """What is asked of `Batches`."""

    async def end_offsets(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Ask the broker for the ends."""

    def read_to_end(self, tp: TP) -> Reading:
        """Say how far a partition is read."""


class Worker(Protocol):
    """What is asked of `Pulse`."""

    @property
    def settings(self) -> Settings:
        """Its settings."""

    @property
    def vitals(self) -> Vitals:
        """What it counts about itself."""

    @property
    def intakes(self) -> Mapping[int, Intake]:
        """Its partitions' work."""

    @property
    def judging(self) -> Judging | None:
        """The judge's work, if it is here."""

    @property
    def owned(self) -> frozenset[int] | None:
        """The partitions that may be shown."""

    @property
    def batches(self) -> Log:
        """Its way to the log."""

    @property
    def sink(self) -> Sink | None:
        """Its way to ClickHouse, once it is needed."""


def judge_of(worker: Worker) -> Judge | None:
    """Return the judge if this worker has it: one worker does, and shows what there is once only."""
    judging = worker.judging
    return judging.judge if judging and not judging.fenced and worker.owned is not None else None


@dataclass(frozen=True)
class PartitionMoment:
    """One source partition."""

    state: Partition
    """A copy that can be counted; see `pipeline.still`."""
    watermark_ms: int
    people: int
    checkpoint_age: float
    """Seconds since the last one, or since this worker took over."""
    lag: Mapping[str, int]
    """Topic (without prefix) -> messages in the log that are not applied; missing while the end is not known."""


@dataclass(frozen=True)
class Moment:
    """All of it."""

    owned: frozenset[int] | None
    partitions: Mapping[int, PartitionMoment]
    outlook: Outlook | None
    """None: another worker judges."""
    sources: list[Told]
    events: Counter[tuple[str, str]]
    moved: Counter[str]
    rejected: Counter[str]
    late: int
    duplicate: int
    inserts: Mapping[str, Inserts]
    clickhouse_up: bool | None
    """None: it was not needed yet."""
    longest_pause: float = 0.0


@dataclass
class Observer:
    """Takes moments of one worker."""

    worker: Worker
    _ends: dict[TP, int] = field(default_factory=dict)
    _asking: asyncio.Task[None] | None = None

    async def take(self, longest_pause: float = 0.0) -> Moment:
        """Return the worker as it is, of partitions that it owns all the while."""
        worker = self.worker
        owned = worker.owned
        mine = {number: worker.intakes[number] for number in sorted(owned or ()) if number in worker.intakes}
        intakes = {number: intake for number, intake in mine.items() if not intake.fenced}  # else another shows it
        await self._ask_ends([feed.tp for intake in intakes.values() for feed in intake.inbox.feeds.values()])
        partitions = {}
        for number, intake in intakes.items():
            partitions[number] = await self._partition(intake)
        judge, vitals = judge_of(worker), worker.vitals
        now = max((part.state.clocks.newest for part in partitions.values()), default=0)
        return Moment(
            owned=owned,
            partitions=partitions,
            outlook=judge.outlook if judge and owned is not None else None,
            sources=vitals.sources.told(now) if partitions else [],  # a spare worker hears nobody
            events=vitals.events.copy(),
            moved=vitals.moved.copy(),
            rejected=vitals.rejected.copy(),
            late=vitals.late,
            duplicate=vitals.duplicate,
            inserts={
                table: Inserts(told.buckets.copy(), told.seconds, told.rows) for table, told in vitals.inserts.items()
            },
            clickhouse_up=None if worker.sink is None else worker.sink.up,
            longest_pause=longest_pause,
        )

    async def _partition(self, intake: Intake) -> PartitionMoment:
        # everything below these offsets is read when the thread comes to us
        read = {self._plain(feed.tp.topic): self._read_to(feed) for feed in intake.inbox.feeds.values()}
        age = clock.monotonic() - intake.checkpoint.at
        state, waits = await intake.apart(_still, intake.state)
        ends = {self._plain(feed.tp.topic): self._ends.get(feed.tp) for feed in intake.inbox.feeds.values()}
        return PartitionMoment(
            state=state,
            watermark_ms=state.clocks.watermark,
            people=len(state.people),
            checkpoint_age=age,
            lag={topic: max(0, end - waits.get(topic, read[topic])) for topic, end in ends.items() if end is not None},
        )

    def _plain(self, topic: str) -> str:
        return topic.removeprefix(f"{self.worker.settings.prefix}.") if self.worker.settings.prefix else topic

    def _read_to(self, feed: Feed) -> int:
        """Return the offset below which everything was read."""
        # Compaction leaves holes behind the last message: the broker tells when there is nothing more.
        reading = self.worker.batches.read_to_end(feed.tp)
        return max(feed.read, reading.next_offset or 0) if reading.at_end and not feed.messages else feed.read

    async def _ask_ends(self, tps: list[TP]) -> None:
        if not tps:
            return
        if self._asking is None:
            self._asking = asyncio.create_task(self._answer(tps), name="ends of the log")
        await asyncio.wait([self._asking], timeout=ENDS_SECONDS)

    async def _answer(self, tps: list[TP]) -> None:
        try:
            self._ends.update(await self.worker.batches.end_offsets(tps))
        except KafkaError:
            pass  # the lag is told by the last known ends; that the broker is away, by others
        finally:
            self._asking = None


def _still(state: Partition) -> tuple[Partition, dict[str, int]]:
    """Return a copy of a state, and of each input topic some of which waits to be applied, from which offset on."""
    waits = {topic: state.clocks.next_offset(place) for place, topic in enumerate(INPUTS)}
    return still(state), {topic: offset for topic, offset in waits.items() if offset is not None}
