"""The aiokafka consumer inside Faust, asked from the app's thread.

Rules: two threads meet here. Coroutines named `_there_*` run in the consumer's thread, on its event loop, and are
the only ones that touch it; the public methods run in the app's thread and wait for them. Not through
Faust's own method queue: both of its workers can be stuck in a commit while the broker is away.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar, cast

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from agents import clock
from agents.errors import Failed

log = logging.getLogger(__name__)
T = TypeVar("T")

POLL_MS = 250  # an idle poll ends after this long, to look at the broker's answers
COMMIT_SECONDS = 15.0  # the broker is away: give up, the next commit tries again


class Answer(NamedTuple):
    """A partition as of the broker's last answer to a fetch."""

    position: int  # everything below was drained, by this poll or before
    end: int  # the log's end, uncommitted records included
    as_of_ms: float  # when it answered, on clock.monotonic


class Polled(NamedTuple):
    """What one poll drained, at least one record per slice, and how far each partition is read."""

    seek: int  # the seek after which it was drained
    slices: Mapping[TP, Sequence[Any]]
    answers: Mapping[TP, Answer]


def check_assignment(together: Iterable[tuple[str, ...]], tps: Iterable[TP]) -> None:
    """Raise Failed when partition p of one topic of a group is among tps without p of the others."""
    for topics in together:
        here = {topic: sorted(tp.partition for tp in tps if tp.topic == topic) for topic in topics}
        if any(partitions != here[topics[0]] for partitions in here.values()):
            raise Failed(
                f"partitions that belong together went to different workers, here are {here}: "
                "stop all workers of the group, then start them with the same release and settings"
            )


class Partitions:
    """The partitions of one app's consumer."""

    def __init__(self, app: faust.App) -> None:
        self._app = app
        self._asker: AIOKafkaConsumer | None = None
        self._asking = asyncio.Lock()
        self.held: frozenset[TP] = frozenset()
        self._last_seek = 0
        self._looked_at_ms = 0.0
        self._stamps: dict[TP, tuple[int, float]] = {}

    async def check_counts(self, together: Iterable[tuple[str, ...]]) -> dict[str, int]:
        """Return how many partitions each topic has; Failed when one is missing or the counts within a group differ.

        May raise KafkaError.
        """
        cluster = await self._run(self._client._client.fetch_all_metadata())
        found: dict[str, int] = {}
        for topics in together:
            counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
            missing = [topic for topic, count in counts.items() if not count]
            if missing:
                raise Failed(f"no topic {', '.join(missing)}: create it with `esn-pulse topics`")
            if len(set(counts.values())) > 1:
                differing = ", ".join(f"{topic} has {count}" for topic, count in counts.items())
                raise Failed(
                    f"these topics need equal numbers of partitions, but {differing}: "
                    "delete them and create them again with `esn-pulse topics --partitions N`"
                )
            found |= counts
        return found

    async def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Return each partition's end, asked for now. May raise KafkaError."""
        # Over a connection of its own: a broker answers in order, and an idle fetch holds the line.
        async with self._asking:
            if self._asker is None:
                asker = self._thread._create_client_consumer(cast(driver.Transport, self._thread.transport))
                try:
                    await asker.start()
                except BaseException:
                    await asker.stop()  # else it stays half open, one for each attempt
                    raise
                self._asker = asker
        found = await self._asker.end_offsets([TopicPartition(*tp) for tp in tps])
        return {TP(*tp): offset for tp, offset in found.items()}

    async def close(self) -> None:
        """Hang up; the consumer itself is Faust's to stop."""
        if self._asker is not None:
            asker, self._asker = self._asker, None
            await asker.stop()

    async def seek(self, wanted: Mapping[TP, int], seek: int) -> dict[TP, int] | None:
        """Go to the wanted offsets, to the earliest where the log does not hold one; return where they stand.

        What is polled from then on carries the number `seek`. None: these are not the assigned partitions (any
        more), and nothing was done. May raise KafkaError.
        """
        return await self._run(self._there_seek(wanted, seek))

    async def poll(self) -> Polled:
        """Wait for records, at most POLL_MS."""
        return await self._run(self._there_poll())

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; False and a line in the log when the broker is away or the group has moved on."""
        pairs = {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
        try:
            await asyncio.wait_for(self._run(self._client.commit(pairs)), COMMIT_SECONDS)
        except (CommitFailedError, IllegalStateError):
            log.info("partitions went before their offsets were committed: they are read again")
            return False
        except (KafkaError, TimeoutError) as exc:
            log.warning("offsets not committed, trying again: %r", exc)
            return False
        return True

    def hold(self, tps: Iterable[TP]) -> None:
        """Fetch everything but these from now on. Does not wait."""
        self.held = frozenset(tps)
        if not self._thread.thread_loop.is_closed():
            self._thread.thread_loop.call_soon_threadsafe(self._there_hold)

    def rejoin(self) -> None:
        """Ask the group for a rebalance. Does not wait."""
        self._thread.thread_loop.call_soon_threadsafe(self._client._coordinator.request_rejoin)

    @property
    def _thread(self) -> driver.AIOKafkaConsumerThread:
        return cast(driver.Consumer, self._app.consumer)._thread

    @property
    def _client(self) -> AIOKafkaConsumer:
        return self._thread._ensure_consumer()

    async def _run(self, there: Coroutine[Any, Any, T]) -> T:
        if self._thread.thread_loop.is_closed():
            there.close()
            raise KafkaError("the consumer has stopped")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there, self._thread.thread_loop))

    async def _there_seek(self, wanted: Mapping[TP, int], seek: int) -> dict[TP, int] | None:
        client, partitions = self._client, [TopicPartition(*tp) for tp in wanted]
        begins = await client.beginning_offsets(partitions)
        ends = await client.end_offsets(partitions)
        # No await from here on: a poll drains before all of the seeks or after.
        if client.assignment() != set(partitions):
            return None
        starts: dict[TP, int] = {}
        for tp, offset in wanted.items():
            starts[tp] = offset if begins[tp] <= offset <= ends[tp] else begins[tp]
            if starts[tp] != offset and offset:
                log.warning("%s has no offset %s (any more): reading from %s", tp, offset, starts[tp])
            client.seek(TopicPartition(*tp), starts[tp])
        self._last_seek = seek
        return starts

    def _there_hold(self) -> None:
        if self._thread._consumer is None:
            return  # not started yet; each assignment holds again
        held = {TopicPartition(*tp) for tp in self.held}
        assigned, paused = self._client.assignment(), self._client.paused()
        self._client.pause(*(assigned & held - paused))
        self._client.resume(*(paused - held))

    async def _there_poll(self) -> Polled:
        found = await self._client.getmany(timeout_ms=POLL_MS)
        # No await from here on: positions and records are of one moment.
        slices = {TP(*tp): list(chain.from_iterable(batches)) for tp, batches in found.items()}
        return Polled(self._last_seek, slices, self._there_answers())

    def _there_answers(self) -> dict[TP, Answer]:
        now_ms, wall_ms = clock.monotonic() * 1000, clock.now_ms()
        subscription = self._client._subscription.subscription
        assignment = subscription and subscription.assignment
        answers = {}
        for partition in assignment.tps if assignment else ():
            state, tp = assignment.state_value(partition), TP(*partition)
            if state.timestamp is None or not state.has_valid_position:
                continue
            stamp = self._stamps.get(tp)
            if stamp is None or stamp[0] != state.timestamp:
                # aiokafka stamps by the wall clock, which may jump: believe it only since the last look.
                age_ms = min(max(wall_ms - state.timestamp, 0), now_ms - self._looked_at_ms)
                stamp = self._stamps[tp] = (state.timestamp, now_ms - age_ms)
            answers[tp] = Answer(state.position, state.highwater, stamp[1])
        self._looked_at_ms = now_ms
        return answers
