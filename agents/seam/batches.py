"""The seam with Faust: partition slices in, durable offsets out.

Rules: Faust keeps group, assignment, agents, web and life cycle. From here come the records, one event per fetched
partition slice, because Faust's four asyncio tasks per message cost more than the work. Nothing here knows what a
record means. `faust_driver` and `partitions` are the seam's other parts; live tests tell when Faust's inside changed.

What a caller may assume:

- `handle`, `positions` and `revoked` never run at the same time. While one runs, the others and the group's
  rebalance wait; heartbeats come from another thread and go on. A rebalance that waits longer than
  `broker_rebalance_timeout` goes on without this worker, which joins again as soon as it can.
- After every (re)assignment, of kept partitions too, `positions` is asked, then all seek, then slices flow.
- The slices of a partition come in order and without a hole from there on; what was fetched before that is dropped.
- Committed is what `mark_durable` said and nothing else: on a timer, when partitions go, at an orderly stop.
- An exception in a callback is a bug: the app crashes, `failure` says why, and no slice is handed over any more.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, cast

import faust
from aiokafka.errors import KafkaError
from faust.types import TP, ConsumerMessage

from agents import clock
from agents.seam import faust_driver
from agents.seam.partitions import Answer, Partitions, check_assignment
from pipeline.reading import Message

log = logging.getLogger(__name__)
T = TypeVar("T")

QUEUED_SLICES = 2  # read ahead of the agent; each may be as large as one fetch
STOP_SECONDS = 30.0  # a batch that hangs may not keep the worker from stopping

Handle = Callable[["Batch"], Awaitable[None]]


class Batch(NamedTuple):
    """A partition slice: at least one record, ascending offsets, as agents/seam/records.py gives them."""

    tp: TP
    records: Sequence[Message]
    round: int  # of which assignment it is; the seam's own

    @property
    def next_offset(self) -> int:
        """The offset behind the last record: what `mark_durable` wants once all of it is safe."""
        return self.records[-1].offset + 1


class Reading(NamedTuple):
    """How far a partition is read, by the broker's last answer."""

    at_end: bool
    next_offset: int | None = None  # of what was drained; all of it was handled, if at_end
    as_of_ms: float | None = None  # when the broker answered, on clock.monotonic; None: not yet


@dataclass(slots=True)
class _Offsets:
    """Where an owned partition stands; next offsets throughout."""

    handed: int
    durable: int | None = None
    committed: int | None = None


class Batches:
    """Makes one app deliver partition slices; made right after the app, before it starts.

    positions(tps): awaited with *all* the partitions owned from now on (maybe none); returns the offset to start
        at for each: what the state has applied. One that is left out is read from its beginning, and so is one
        whose offset the log does not hold (any more), with a warning. Recovery belongs in here and may take its
        time. What was owned before and is not in tps belongs to another worker.
    revoked(tps): awaited before partitions go (every rebalance takes all of them, to give most of them back) and
        at an orderly stop; not after a failure, when no state can be trusted. What it marks durable counts.
    """

    def __init__(
        self,
        app: faust.App,
        *,
        positions: Callable[[set[TP]], Awaitable[Mapping[TP, int]]],
        revoked: Callable[[set[TP]], Awaitable[None]] | None = None,
    ) -> None:
        self.failure: BaseException | None = None
        self.counts: Mapping[str, int] = {}  # topic -> partitions, as of the last assignment
        self._app = app
        self._positions = positions
        self._revoked = revoked
        self._partitions = Partitions(app)
        self._together: list[tuple[str, ...]] = []
        self._turn = asyncio.Lock()  # one of handle, positions, revoked
        self._round = 0  # counts assignments and revocations: what carries an older number is void
        self._owned: frozenset[TP] | None = None  # None while the group rebalances
        self._sought = 0  # the round that has sought
        self._flowing = asyncio.Event()
        self._offsets: dict[TP, _Offsets] = {}
        self._waiting: Counter[TP] = Counter()  # slices drained and not yet handled
        self._answers: dict[TP, Answer] = {}
        app.transport = faust_driver.Transport(self, app)
        app.on_rebalance_complete.connect(self._recover)
        app.on_before_shutdown.connect(self._stop)

    def agent(self, handle: Handle, *topics: str, name: str) -> None:
        """Hand every slice of these topics to `handle`, one after the other.

        Their partitions belong together: the worker refuses to run when the counts differ, and crashes when
        partition p of one comes here without p of the others.
        """
        channel = self._app.topic(*topics, schema=faust_driver.Whole(), acks=False, maxsize=QUEUED_SLICES)
        self._together.append(topics)

        async def hand_over(stream: Any) -> None:
            async for event in stream.noack().events():
                await self._hand(cast(Batch, event.value), handle)

        self._app.agent(channel, name=name, concurrency=1)(hand_over)

    def mark_durable(self, tp: TP, next_offset: int) -> None:
        """Say that everything below next_offset is safe: the next commit tells the group.

        At any time. Lower than before changes nothing; a partition that is not owned (any more) is passed over.
        Raises ValueError for an offset that was not handed over yet: that would be a hole.
        """
        at = self._offsets.get(tp)
        if at is None:
            return
        if next_offset > at.handed:
            raise ValueError(f"{tp} cannot be durable up to {next_offset}: handed over up to {at.handed}")
        at.durable = max(next_offset, at.durable or 0)

    def pause(self, tps: Iterable[TP]) -> None:
        """Fetch no more of these until `resume`; they stay in the group. Does not wait.

        What was drained already still comes, a few slices. A rebalance ends the pause of a partition that goes.
        """
        self._partitions.hold(self._partitions.held.union(tps))
        for tp in self._partitions.held:
            self._answers.pop(tp, None)

    def resume(self, tps: Iterable[TP]) -> None:
        """Fetch these again from where they stopped. Does not wait."""
        self._partitions.hold(self._partitions.held.difference(tps))

    def read_to_end(self, tp: TP, *, within_ms: float = 5_000) -> Reading:
        """Say whether everything in the partition was handed over and handled.

        True needs an answer not older than within_ms (an idle broker answers twice a second): a broker that is away
        is no idle topic. False for a partition that is paused or not owned.
        """
        answer = self._answers.get(tp)
        if answer is None:
            return Reading(at_end=False)
        fresh = clock.monotonic() * 1000 - answer.as_of_ms <= within_ms
        due = bool(self._waiting[tp]) or tp in self._partitions.held
        return Reading(answer.position >= answer.end and fresh and not due, answer.position, answer.as_of_ms)

    async def end_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Ask the broker now for the offset behind the last record of each, of any worker's partitions.

        Takes milliseconds; while the broker is away up to `broker_request_timeout`, then raises KafkaError.
        """
        return await self._partitions.ends(tps)

    def rejoin(self) -> None:
        """Ask the group for a new assignment; `revoked` and `positions` follow. Does not wait."""
        self._partitions.rejoin()

    async def fail(self, exc: BaseException) -> None:
        """Crash the app because of a bug or of something that a person has to mend."""
        await self._fail(exc)

    # The agent's side.

    async def _hand(self, batch: Batch, handle: Handle) -> None:
        async with self._turn:
            if batch.round != self._round:
                return  # taken back by a rebalance or a failure: it is read again
            self._offsets[batch.tp].handed = batch.next_offset
            try:
                await handle(batch)
            except Exception as exc:
                await self._fail(exc)
            self._waiting[batch.tp] -= 1

    async def _fail(self, exc: BaseException) -> None:
        self.failure = self.failure or exc
        self._void()
        try:
            await self.commit()  # now: a crash ends the consumer's thread
        finally:
            await self._app.crash(exc)

    def _void(self) -> None:
        self._round += 1
        self._flowing.clear()

    # The group's side, in the order in which Faust calls.

    async def may_subscribe(self) -> bool:
        """Refuse a group whose topics do not fit."""
        try:
            await self._partitions.check_counts(self._together)
        except Exception as exc:
            await self._fail(exc)
        return self.failure is None

    def assigned(self, tps: Iterable[TP]) -> None:
        """Take over; nothing flows before `ready`."""
        self._void()
        self._owned = frozenset(tps)
        self._partitions.hold(self._partitions.held & self._owned)

    async def _recover(self, *_app: object, **_signal: object) -> None:
        async with self._turn:
            tps, this_round = self._owned, self._round
            if tps is None or self.failure:
                return
            try:
                counts = await self._insist(lambda: self._partitions.check_counts(self._together), this_round)
                self.counts = counts or self.counts
                if counts is None:
                    return
                check_assignment(self._together, tps)
                known = await self._positions(set(tps))
                wanted = {tp: known.get(tp, 0) for tp in tps}
                starts = await self._insist(lambda: self._partitions.seek(wanted, this_round), this_round)
            except Exception as exc:
                await self._fail(exc)
                return
            if starts is not None and this_round == self._round:
                self._offsets = {tp: _Offsets(handed=offset) for tp, offset in starts.items()}
                self._sought = this_round

    async def _insist(self, ask: Callable[[], Awaitable[T]], this_round: int) -> T | None:
        while this_round == self._round and not self._app.should_stop:
            try:
                return await ask()
            except KafkaError as exc:
                log.warning("the broker is away while partitions are taken over, asking again: %r", exc)
                await asyncio.sleep(1)
        return None

    def ready(self) -> None:
        """Let slices flow, if this round has recovered."""
        if self._sought == self._round:
            self._waiting.clear()
            self._flowing.set()

    async def taken(self, tps: Iterable[TP], patience: float | None = None) -> None:
        """Give back: wait for the batch in hand, commit what is durable, forget."""
        gone, self._owned = set(tps), None
        self._void()
        limit = asyncio.timeout(patience)
        try:
            async with limit, self._turn:
                if self._revoked and gone and not self.failure:
                    await self._revoked(gone)
        except Exception as exc:
            if not limit.expired():
                await self._fail(exc)
            log.warning("partitions go without a last checkpoint: %r", exc)
        await self._app.consumer.maybe_wait_for_commit_to_finish()  # type: ignore[attr-defined]
        await self.commit()
        self._offsets.clear()
        self._answers.clear()

    async def _stop(self, *_app: object, **_signal: object) -> None:
        if self._owned is not None and not self.failure:
            await self.taken(self._owned, STOP_SECONDS)
        await self._partitions.close()

    async def commit(self) -> bool:
        """Commit what is durable and not yet committed; what fails is tried again by the next commit."""
        due = {tp: at.durable or 0 for tp, at in self._offsets.items() if at.durable not in (None, at.committed)}
        if not due or not await self._partitions.commit(due):
            return False
        for tp in due.keys() & self._offsets.keys():
            self._offsets[tp].committed = due[tp]
        return True

    # The records' side.

    async def flow(self) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Poll once and yield the slices; `_hand` drops those that a rebalance overtakes."""
        await self._flowing.wait()
        polled = await self._partitions.poll()
        consumer = cast(faust_driver.Consumer, self._app.consumer)
        while not (self._flowing.is_set() and consumer.flow_active):
            await self._flowing.wait()
            await consumer.can_resume_flow.wait()
        if polled.seek != self._round:
            return  # drained before the seek that took the positions back
        self._answers.update((tp, polled.answers[tp]) for tp in polled.answers.keys() - self._partitions.held)
        self._waiting.update(polled.slices.keys())
        for tp, records in polled.slices.items():
            yield tp, faust_driver.message(self._app, tp, Batch(tp, records, polled.seek), records[-1])
