"""`esn.pulse` at work: records in, drops out. No arithmetic here; that is `pipeline/judge.py`.

Everything happens in one task, in this order, again and again, as in intake.py:

    hear       the records that were fetched
    judge      the steps that are complete now; the drops that changed to ClickHouse
    checkpoint pages, head and the changed drops for `esn.drops`, at most every ESN_CHECKPOINT_SECONDS

A crash reads on from the checkpoint and finds the same drops again: their ids follow from what they are. Transactions
that were aborted are read too; the step comes again then, with the same rows of a greater epoch.
"""

import asyncio
import logging

import msgspec
from faust.types import TP

from agents.seam.batches import Batch, Batches
from agents.settings import Settings
from agents.storage.clickhouse import Sink
from agents.worker.baselines import Baselines
from agents.worker.checkpoint import Outgoing
from agents.worker.feed import Feed
from agents.worker.work import Work
from pipeline.judge import Judge
from schemas import rows
from schemas.drops import Drop
from schemas.pulse import unix_seconds
from schemas.topics import DROPS, PULSE

log = logging.getLogger(__name__)


class Judging(Work):
    """The task's owner; `judge` and `ledger` are its alone."""

    def __init__(self, judge: Judge, ledger: Baselines, settings: Settings, batches: Batches, sink: Sink) -> None:
        super().__init__("judge", ledger)
        self.judge = judge
        self.ledger = ledger
        self.feed = Feed(TP(PULSE.full_name(settings.prefix), 0), ledger.offset)
        self._drops = DROPS.full_name(settings.prefix)
        self._batches, self._sink = batches, sink
        self._outbox: dict[str, Drop] = {}
        """The drops that changed since the last checkpoint, as they are now."""
        self._sequence = 0

    def positions(self) -> dict[TP, int]:
        """Return where fetching goes on."""
        return {self.feed.tp: self.feed.position}

    def receive(self, batch: Batch) -> None:
        """Take a fetched slice; returns at once, and pauses the topic if too much waits."""
        self.feed.put(batch)
        self._news.ring()
        self.feed.relieve(self._batches)

    async def _turn(self) -> bool:
        messages = self.feed.take()
        if messages:
            changed = await asyncio.to_thread(self._judge, [(one.key, one.value) for one in messages])
            if changed:
                await self._sink.write(self._rows(changed))
                self._outbox |= {drop.drop_id: drop for drop in changed}
            self.feed.relieve(self._batches)
        if self._save_soon or (self.ledger.due() and self.feed.read > self.ledger.offset):
            await self._save()
        return bool(self.feed.messages)

    def _judge(self, records: list[tuple[bytes | None, bytes | None]]) -> list[Drop]:
        self.judge.book.hear(records)
        return self.judge.judge()

    def _rows(self, drops: list[Drop]) -> rows.Drops:
        self._sequence += 1
        return _rows(drops, (self.ledger.epoch << 32) + self._sequence)

    async def _save(self) -> None:
        self._save_soon = False
        encode = msgspec.json.Encoder().encode
        outgoing = [Outgoing(self._drops, None, key.encode(), encode(drop), ()) for key, drop in self._outbox.items()]
        await self.ledger.commit(self.judge, self.feed.read, outgoing)
        self._outbox.clear()
        self._batches.mark_durable(self.feed.tp, self.feed.read)
        self._saved.set()


def _rows(drops: list[Drop], version: int) -> rows.Drops:
    columns = dict(zip(Drop.__struct_fields__, zip(*map(msgspec.structs.astuple, drops), strict=True), strict=True))
    for name in ("began_at", "detected_at", "ended_at"):
        columns[name] = tuple(None if at is None else unix_seconds(at) for at in columns[name])
    return rows.Drops(**{name: list(column) for name, column in columns.items()}, version=[version] * len(drops))
