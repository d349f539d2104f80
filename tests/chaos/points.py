"""Where a worker can be made to die: each point wraps one of the product's methods and calls `reached`.

Rules: a point is a function of `reached`, which may not return. In the order of a worker's life:

    take over    read the state . raise the epoch .
    a turn       read . apply . close: insert . insert . people . checkpoint: [ messages . commit . ] . group commit .
    the judge's  judge . insert . checkpoint: [ messages . commit . ] . group commit .
    leave        the last checkpoint .
"""

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from aiokafka import AIOKafkaProducer

from agents.seam.batches import Batches
from agents.storage.clickhouse import Sink
from agents.worker import checkpoint
from agents.worker.baselines import Baselines
from agents.worker.checkpoint import Checkpoint, Ledger
from agents.worker.intake import Intake
from agents.worker.judging import Judging
from pipeline.pages import HEAD
from schemas.topics import BASELINES, PAGES, PULSE

Reached = Callable[[], None]
saving: ContextVar[type[Ledger] | None] = ContextVar("saving", default=None)
"""Whose checkpoint this is; set by `mark_checkpoints`, and not while an epoch is raised."""


def mark_checkpoints() -> None:
    """Let the points below tell checkpoints from epochs that are raised, which are transactions too."""
    for owner in (Checkpoint, Baselines):
        owner._send = _marked(owner._send)  # type: ignore[method-assign]


def _marked(product: Any) -> Any:
    async def _send(self: Ledger, changed: Any, outgoing: Any) -> None:
        before = saving.set(type(self) if _of_state(self, changed, outgoing) else None)
        try:
            await product(self, changed, outgoing)
        finally:
            saving.reset(before)

    return _send


def _saves(owner: type[Ledger]) -> Callable[..., bool]:
    return lambda *_: saving.get() is owner


def _before(owner: type, method: str, when: Callable[..., bool] = lambda *_: True) -> Callable[[Reached], None]:
    def install(reached: Reached) -> None:
        product = getattr(owner, method)

        async def wrapped(self: Any, *given: Any, **named: Any) -> Any:
            if when(self, *given):
                reached()
            return await product(self, *given, **named)

        setattr(owner, method, wrapped)

    return install


def _after(owner: Any, method: str, when: Callable[..., bool] = lambda *_: True) -> Callable[[Reached], None]:
    def install(reached: Reached) -> None:
        product = getattr(owner, method)

        async def wrapped(self: Any, *given: Any, **named: Any) -> Any:
            answer = await product(self, *given, **named)
            if when(self, answer, *given):
                reached()
            return answer

        setattr(owner, method, wrapped)

    return install


def _after_plain(owner: type, method: str, when: Callable[..., bool] = lambda *_: True) -> Callable[[Reached], None]:
    def install(reached: Reached) -> None:
        product = getattr(owner, method)

        def wrapped(self: Any, *given: Any) -> Any:
            answer = product(self, *given)
            if when(self):
                reached()
            return answer

        setattr(owner, method, wrapped)

    return install


def _soon_inside(
    owner: type, method: str, seconds: float, when: Callable[..., bool] = lambda *_: True
) -> Callable[[Reached], None]:
    """While the method waits for a server's answer."""

    def install(reached: Reached) -> None:
        product = getattr(owner, method)

        async def wrapped(self: Any, *given: Any, **named: Any) -> Any:
            timer = threading.Timer(seconds, reached)
            if when(self, *given):
                timer.start()
            try:
                return await product(self, *given, **named)
            finally:
                timer.cancel()

        setattr(owner, method, wrapped)

    return install


def _between_messages(owner: type[Ledger]) -> Callable[[Reached], None]:
    """After a checkpoint's first page was stored, before its head is sent."""

    def install(reached: Reached) -> None:
        product = AIOKafkaProducer.send

        async def send(self: Any, topic: str, value: Any, key: Any, *given: Any, **named: Any) -> Any:
            stored = await product(self, topic, value, key, *given, **named)
            if saving.get() is owner and key != HEAD.encode():
                await asyncio.shield(stored)
                reached()
            return stored

        AIOKafkaProducer.send = send

    return install


def _writes(table: str) -> Callable[..., bool]:
    return lambda _self, *given: table == given[-1][0].TABLE


def _is_head(_self: Any, *given: Any) -> bool:
    """Only the head: the epoch is raised."""
    return len(given[-2]) == 1


def _of_state(_self: Any, *given: Any) -> bool:
    """A checkpoint, not the epoch that is raised when a partition is taken over."""
    return len(given[-2] or ()) > 1


def _is_due(self: Intake) -> bool:
    return self.state.due()


def _committed(_self: Any, answer: object, *_: object) -> bool:
    return bool(answer)


def _has_news(self: Batches) -> bool:
    return any(at.durable not in (None, at.committed) for at in self._offsets.values())


def _has_pulse(self: Batches) -> bool:
    offsets = [at for tp, at in self._offsets.items() if tp.topic.endswith(PULSE.name)]
    return any(at.durable not in (None, at.committed) for at in offsets)


def _reads(*names: str) -> Callable[..., bool]:
    return lambda _settings, _found, _number, topic, *_: topic.name in names


INTAKE: dict[str, Callable[[Reached], None]] = {
    "after the state was read": _after(checkpoint, "read_pages", _reads(PAGES.name)),
    "before the epoch is raised": _before(Checkpoint, "_send", _is_head),
    "after the epoch was raised": _after(Checkpoint, "_send", _is_head),
    "after reading": _after_plain(Intake, "_read"),
    "between apply and close": _after_plain(Intake, "_advance", _is_due),
    "before the insert of steps": _before(Sink, "_insert", _writes("active_people_rows")),
    "during the insert of steps": _soon_inside(Sink, "_insert", 0.004, _writes("active_people_rows")),
    "after the insert of steps": _after(Sink, "_insert", _writes("active_people_rows")),
    "after the insert of minutes": _after(Sink, "_insert", _writes("activity_rows")),
    "before the insert of people": _before(Sink, "_insert", _writes("people_rows")),
    "after the insert of people": _after(Sink, "_insert", _writes("people_rows")),
    "after the insert of rejects": _after(Sink, "_insert", _writes("rejects_rows")),
    "before the transaction": _before(Checkpoint, "_send", _of_state),
    "between a transaction's messages": _between_messages(Checkpoint),
    "before a transaction's commit": _before(AIOKafkaProducer, "commit_transaction", _saves(Checkpoint)),
    "during a transaction's commit": _soon_inside(AIOKafkaProducer, "commit_transaction", 0.002, _saves(Checkpoint)),
    "after the transaction": _after(Checkpoint, "_send", _of_state),
    "before the group's commit": _before(Batches, "commit", _has_news),
    "after the group's commit": _after(Batches, "commit", _committed),
    "before partitions go": _before(Batches, "taken", lambda _, tps, *__: bool(tps)),
}
JUDGE: dict[str, Callable[[Reached], None]] = {
    "after the baselines were read": _after(checkpoint, "read_pages", _reads(BASELINES.name)),
    "after steps were judged": _after_plain(Judging, "_judge"),
    "before the judge's transaction": _before(Baselines, "_send", _of_state),
    "between the messages of the judge's transaction": _between_messages(Baselines),
    "before the commit of the judge's transaction": _before(AIOKafkaProducer, "commit_transaction", _saves(Baselines)),
    "during the commit of the judge's transaction": _soon_inside(
        AIOKafkaProducer, "commit_transaction", 0.002, _saves(Baselines)
    ),
    "after the judge's transaction": _after(Baselines, "_send", _of_state),
    "before the group's commit of esn.pulse": _before(Batches, "commit", _has_pulse),
}
DROPS: dict[str, Callable[[Reached], None]] = {
    "before the insert of drops": _before(Sink, "_insert", _writes("drops_rows")),
    "after the insert of drops": _after(Sink, "_insert", _writes("drops_rows")),
}
"""Reached only where there are drops."""
POINTS = INTAKE | JUDGE | DROPS
