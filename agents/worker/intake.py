"""One source partition at work: slices in, rows and messages out. No arithmetic here; that is `pipeline`.

Everything of a partition happens in one task, in this order, again and again:

    read       what other source partitions tell; what was fetched of the directory, up to its end; logins and content
    apply      the acts whose turn it is; the watermark moves
    close      once the directory was read as far as the broker had it *after* that: rows to ClickHouse
    people     rows of people who changed, at most every ESN_PEOPLE_SECONDS
    checkpoint pages, head and what is to be published, at most every ESN_CHECKPOINT_SECONDS; then offsets may follow

The state is touched in one thread only, which all partitions of a worker share (`Intake.apart`): the event loop is free
for Kafka, ClickHouse and /metrics, and pieces of two partitions do not fight for the interpreter lock.

Rows go to ClickHouse while reading goes on, up to a bound; a checkpoint waits until they are there. While ClickHouse
is away the task waits in `close` or `checkpoint`, what arrives piles up to a bound, and then reading pauses.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from faust.types import TP

from agents import clock
from agents.seam.batches import Batch, Batches
from agents.settings import Settings
from agents.storage.clickhouse import Sink
from agents.storage.queued import Stored
from agents.worker.checkpoint import Bundle, Checkpoint, Outgoing
from agents.worker.feed import Feed
from agents.worker.fitting import fitting, weight
from agents.worker.inbox import Inbox
from agents.worker.vitals import Vitals
from agents.worker.work import Work
from pipeline import published, pulse
from pipeline.acts import Acts
from pipeline.partition import Partition
from pipeline.reading import MOVED_HEADER, RESENT_HEADER, Message, Reader, Refusal, Slice
from schemas import named, rows
from schemas.topics import CONTENT, DIRECTORY, LOGINS, NAMED, PULSE, REJECTS, TRANSITIONS

log = logging.getLogger(__name__)
T = TypeVar("T")

INPUTS: Final = (LOGINS, CONTENT)
READ_PER_TURN: Final = 20_000
"""Messages of one topic read before time moves on; the more, the fewer inserts while a backlog is read."""
MOST_STEPS: Final = 300
"""Steps whose rows are made before they are written."""
MOST_ROWS: Final = 100_000
"""The same in rows, about; and how many records of `esn.pulse` wait before a checkpoint is made early."""
MOST_PUT_ASIDE: Final = 8 << 20
"""Bytes that wait to be published before a checkpoint is made early."""
QUIET_SECONDS: Final = 1.0
"""A topic partition that is read to its end and brings nothing new for so long is idle."""
PATIENCE_SECONDS: Final = 5.0
"""With ESN_TIME=events: how long acts wait for the other topic's."""
ERASE_SECONDS: Final = 60.0
"""Removing forgotten people's older rows rewrites parts: not more often than this."""


@dataclass(frozen=True)
class World:
    """What the partitions of a worker share."""

    settings: Settings
    batches: Batches
    sink: Sink
    vitals: Vitals
    partition_of: Callable[[bytes], int]
    target: Callable[[str, str], float | None]
    """The share of people that a segment (dimension, member) is to reach."""
    thread: Executor
    """Of one thread, for what is done to the states of partitions."""


class Intake(Work):
    """The task's owner. `state` and `checkpoint` are this partition's alone."""

    def __init__(self, state: Partition, checkpoint: Checkpoint, world: World) -> None:
        super().__init__(f"partition-{state.number}", checkpoint)
        self.state = state
        self.checkpoint = checkpoint
        self._world = world
        self._settings = world.settings
        self._names = [topic.full_name(self._settings.prefix) for topic in (*INPUTS, DIRECTORY, NAMED)]
        head = checkpoint.head
        logins, content, directory, told = self._names
        self.inbox = Inbox(state.number, (logins, content), directory, told, head.offsets, world.batches, self._news)
        self._sent = dict(head.sent)
        """Per topic, up to where refused and moved messages were published; not again when they are read again."""
        old = self._settings.time == "clock"
        self._reader = Reader(state, world.partition_of, refuse_old=old)
        self._outbox: list[Outgoing] = []
        self._outbox_bytes = 0
        self._pulse: list[pulse.Record] = []
        self._bundles: defaultdict[tuple[str, int], list[pulse.Record]] = defaultdict(list)
        """Per topic (without prefix) and partition, what else is published in bulk."""
        self._rejects: list[rows.Rejects] = []
        self._writes: list[Stored] = []
        """Rows on their way to ClickHouse; a checkpoint waits for them."""
        self._people_at = self._erased_at = -1e9
        self._erase = False
        """Somebody was forgotten whose older rows are still to be removed from ClickHouse's parts."""
        self._sequence = 0
        self._closed_since_saved = False

    async def stop(self) -> None:
        """End the task, wherever it is."""
        for write in self._writes:
            write.cancel()
        await super().stop()

    def receive(self, batch: Batch) -> None:
        """Take a fetched slice; returns at once, and pauses the topic partition if too much waits."""
        self.inbox.receive(batch, self._waiting(batch.tp.topic))

    def positions(self) -> dict[TP, int]:
        """Return where fetching goes on, per topic partition."""
        return {feed.tp: feed.position for feed in self.inbox.feeds.values()}

    async def apart(self, work: Callable[..., T], *given: object) -> T:
        """Do something with the state, in the order of the calls and one at a time; the event loop goes on."""
        return await asyncio.get_running_loop().run_in_executor(self._world.thread, work, *given)

    async def _turn(self) -> bool:
        """Do one round of what the file's top says; say whether there is more to read."""
        await self._read_named()
        await self._read_directory()
        has_read = await self._read_events()
        await self._apply()
        if self.state.due() and await self.inbox.directory_caught_up(self._read_directory):
            await self._close()
        await self._write_people()
        await self._save()
        for topic, feed in self.inbox.feeds.items():
            feed.relieve(self._world.batches, self._waiting(topic))
        return has_read or self.inbox.has_news()

    # -- read and apply

    async def _read_directory(self) -> None:
        """Take over what the directory says now; what was closed before must not be closed anew with it."""
        while self.inbox.listing_due():
            if self._closed_since_saved:
                await self._save(now=True)
            slice_ = await self.apart(self._reader.read_directory, self.inbox.listings())
            self._put_aside(slice_, self.inbox.directory, DIRECTORY.name)

    async def _read_named(self) -> None:
        """Take what other source partitions tell."""
        if messages := self.inbox.named.take():
            refused = await self.apart(self._hear_named, messages)
            self._put_aside(Slice(Acts.none(), refused, [], Counter(), {}), self.inbox.named, NAMED.name)

    def _hear_named(self, messages: Sequence[Message]) -> list[Refusal]:
        refused = []
        for message in messages:
            key = message.key or b""
            try:
                said = named.decode(message.value or b"")
                person = key.decode()
            except (msgspec.DecodeError, UnicodeDecodeError):
                refused.append(Refusal(message, "not_json"))
                continue
            right = self._world.partition_of(key)
            if key == named.CLOSING_KEY:
                self.state.days.hear_closing(said.source_partition, said.day)
            elif right != self.state.number:  # there were fewer partitions when it was sent
                self._bundles[NAMED.name, right].append((key, message.value or b""))
            else:
                self.state.hear_named(person, said.day)
        return refused

    def _tell(self) -> None:
        """Have other source partitions told whom acts named, and which days have closed."""
        told, self.state.days.told = self.state.days.told, []
        for person, day in told:
            if person:
                key = person.encode()
                self._bundles[NAMED.name, self._world.partition_of(key)].append((key, named.encode(named.Named(day))))
                continue
            closing = named.CLOSING_KEY, named.encode(named.Named(day, self.state.number))
            for number in range(self.state.partitions):
                self._bundles[NAMED.name, number].append(closing)

    async def _read_events(self) -> bool:
        if not any(feed.messages for feed in self.inbox.inputs):
            return False
        await self.inbox.directory_caught_up(self._read_directory)
        has_read = False
        for place, feed in enumerate(self.inbox.inputs):
            enough = feed.read + READ_PER_TURN
            while feed.read < enough and (messages := self.inbox.events(feed)):
                slice_ = await self.apart(self._read, place, messages)
                has_read = True
                vitals = self._world.vitals
                for verb, many in slice_.verbs.items():
                    vitals.events[INPUTS[place].name, verb] += many
                vitals.heard(slice_.sources)
                self._put_aside(slice_, feed, INPUTS[place].name)
        return has_read

    def _read(self, place: int, messages: Sequence[Message]) -> Slice:
        slice_ = self._reader.read_events(messages, self.state.clocks.struck[place])
        self.state.clocks.add(place, slice_.acts)
        return slice_

    def _put_aside(self, slice_: Slice, feed: Feed, topic: str) -> None:
        for right, key, message in slice_.moved:
            self._world.vitals.moved[topic] += 1
            headers = (*message.headers, (MOVED_HEADER, str(feed.tp.partition).encode()))
            if message.offset >= self._sent.get(feed.tp.topic, 0):
                self._publish(Outgoing(feed.tp.topic, right, key, message.value, headers))
        for message, reason in slice_.refused:
            self._world.vitals.rejected[reason] += 1
            where = {"reason": reason, "topic": feed.tp.topic, "partition": feed.tp.partition, "offset": message.offset}
            headers = tuple((name, str(value).encode()) for name, value in where.items())
            headers += tuple(pair for pair in message.headers if pair[0] == RESENT_HEADER)
            rejects = REJECTS.full_name(self._settings.prefix)
            if message.offset >= self._sent.get(feed.tp.topic, 0):
                self._publish(Outgoing(rejects, None, message.key, message.value, headers))
            self._rejects.append(
                # a producer may stamp what it likes; clients of ClickHouse cannot read every year
                rows.Rejects(
                    [max(0, message.timestamp)], [feed.tp.topic], [feed.tp.partition], [message.offset], [reason]
                )
            )

    def _publish(self, message: Outgoing) -> None:
        """Have a message published with the next checkpoint."""
        message = fitting(message)
        self._outbox.append(message)
        self._outbox_bytes += weight(message)

    async def _apply(self) -> None:
        """Let the acts wait that wait for the other topic; with the wall clock, let an idle topic's time run."""
        by_clock = self._settings.time == "clock"
        seconds = QUIET_SECONDS if by_clock else PATIENCE_SECONDS
        # a topic that was idle before these acts came may have as much to tell, and be fetched a moment later
        quiet = [self.inbox.idle_since(feed, seconds, after_news_of_both=not by_clock) for feed in self.inbox.inputs]
        await self.apart(self._advance, (quiet[0], quiet[1]))
        seen = self.state.seen
        self._world.vitals.late += seen.pop("late", 0)
        self._world.vitals.duplicate += seen.pop("duplicate", 0)
        self._tell()

    def _advance(self, quiet: tuple[int | None, int | None]) -> None:
        self.state.apply((quiet[0] is not None, quiet[1] is not None))
        if self._settings.time == "clock":
            self.state.idle_until(quiet)

    # -- close and write

    async def _close(self) -> None:
        while self.state.due():
            for batch in await self.apart(self._closed_rows):
                self._writes.append(await self._world.sink.put(batch, patient=not self.inbox.caught_up()))
            self._tell()
            if len(self._pulse) > MOST_ROWS:
                await self._save(now=True)

    def _closed_rows(self) -> list[rows.Batch]:
        """Close some steps and return their rows."""
        self._closed_since_saved = True
        state, version = self.state, self._next_version()
        closed = state.close(min(MOST_STEPS, max(1, MOST_ROWS // (3 * len(state.segments)))))
        self._pulse += pulse.records(state, closed.steps, self.checkpoint.epoch)
        people = [published.active_people(state, closed.steps, version)] if closed.steps else []
        counted = [published.activity(state, counts, version, late=False) for counts in closed.activity]
        late = [published.activity(state, counts, version, late=True) for counts in closed.corrections]
        days = [published.daily(state, closed.days, version, self._world.target)] if closed.days else []
        managers = [published.managers(state, closed.reports, version)] if closed.reports else []
        of_people = self._bundles[TRANSITIONS.name, state.number]
        of_people += [(one.person.encode(), msgspec.json.encode(one.record())) for one in closed.transitions]
        return [*people, *counted, *late, *days, *managers]

    async def _write_people(self) -> None:
        now = clock.monotonic()
        due = now - self._people_at >= self._settings.people_seconds
        if due and (self.state.forgotten or self.state.people.changed.any()):
            self._people_at = now
            people = await self.apart(published.changed_people, self.state, self._next_version())
            await self._world.sink.write(people)
            self._erase = self._erase or any(people.is_deleted)
        if self._erase and now - self._erased_at >= ERASE_SECONDS:
            await self._world.sink.erase_forgotten()
            self._erase, self._erased_at = False, now

    async def _write_rejects(self) -> None:
        if self._rejects:
            rejects, self._rejects = self._rejects, []
            await self._world.sink.write(rows.Rejects.joined(rejects))

    def _next_version(self) -> int:
        """Return a version above all before it, those of earlier owners of this partition included."""
        self._sequence += 1
        return (self.checkpoint.epoch << 32) + self._sequence

    # -- checkpoint

    async def _save(self, *, now: bool = False) -> None:
        """Make a checkpoint if it is time for one, or somebody waits for it; afterwards offsets may follow."""
        if not (now or self._save_soon or self.checkpoint.due() or self._outbox_bytes > MOST_PUT_ASIDE):
            return
        await self._write_rejects()
        writes, self._writes = self._writes, []
        self._world.sink.hurry()
        await asyncio.gather(*writes)
        self._save_soon = self._closed_since_saved = False
        read = {topic: feed.read for topic, feed in self.inbox.feeds.items()}
        sent = {topic: max(offset, self._sent.get(topic, 0)) for topic, offset in read.items()}
        applied = dict(read)
        for place, feed in enumerate(self.inbox.inputs):
            waits = self.state.clocks.next_offset(place)
            if waits is not None:
                applied[feed.tp.topic] = waits
        outbox, self._outbox, self._outbox_bytes = self._outbox, [], 0
        records, self._pulse = self._pulse, []
        bundles, self._bundles = self._bundles, defaultdict(list)
        bundles[PULSE.name, 0] = records
        bulk = [Bundle(self._settings.topic(name), number, some) for (name, number), some in bundles.items() if some]
        await self.checkpoint.commit(self.state, applied, sent, [*outbox, *bulk])
        self._sent = sent
        for topic, offset in applied.items():
            self._world.batches.mark_durable(self.inbox.feeds[topic].tp, offset)
        self._saved.set()

    def _waiting(self, topic: str) -> int:
        """Return how many acts of a topic were read and not yet applied."""
        place = self._names.index(topic)
        return self.state.clocks.waiting(place) if place < len(INPUTS) else 0
