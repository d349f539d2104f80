"""Sends refused messages to their topics again, each exactly once.

A transaction holds some messages and, in `esn.rejects`, the mark of each (agents/rejects/rejected.py): either both are
there or none. The transactional id fences a second run that was started meanwhile; marks are read after that, so
nobody's are missed. Workers read inputs uncommitted: a copy of a broken-off run that they saw is a duplicate like any
other.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced

from agents import clock
from agents.errors import Failed
from agents.kafka import broker
from agents.kafka.producing import started, stored
from agents.kafka.security import aiokafka_options
from agents.rejects import rejected
from agents.rejects.rejected import AS, RESENT, RESENT_HEADER, Rejected
from agents.settings import Settings
from schemas import directory, events
from schemas.topics import CONTENT, DIRECTORY, LOGINS, REJECTS

_MESSAGES_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 8 << 20
_NOTHING: Final = b""  # aiokafka sends no message without both key and value

Choose = Callable[[Sequence[Rejected]], list[Rejected]]


@dataclass
class Outcome:
    """What was done with the messages that were chosen."""

    sent: int = 0
    refusable: Counter[str] = field(default_factory=Counter)
    """Reason -> messages that this version refuses still."""
    superseded: int = 0
    """Directory records of people who have a later one by now; an old one would undo it."""
    foreign: int = 0
    """They name a topic that is no input."""


class _Copy(NamedTuple):
    message: Rejected
    key: bytes | None
    value: bytes | None
    partition: int


def resend(settings: Settings, choose: Choose, *, only_accepted: bool = False) -> Outcome:
    """Send again what `choose` returns of all refused messages; `only_accepted`: but what would be refused again.

    Raises Failed.
    """
    with broker.admin(settings) as admin:  # tells a wrong address or login
        topics = admin.topics()
    counts = {name: topics.get(name, 0) for name in (settings.topic(t.name) for t in (LOGINS, CONTENT, DIRECTORY))}
    with asyncio.Runner() as runner:
        # of a fenced transaction aiokafka leaves answers that nobody asks for; what is wrong is told below
        runner.get_loop().set_exception_handler(lambda _loop, _context: None)
        try:
            sending = runner.run(_Sending.begin(settings, aiokafka_options(settings)))
            try:
                chosen = choose(rejected.read(settings))
                return _resend(settings, chosen, counts, lambda copies: runner.run(sending.send(copies)), only_accepted)
            finally:
                runner.run(sending.close())
        except (ProducerFenced, IllegalOperation):  # the latter when it is noticed between two sends
            raise Failed("another `esn-pulse rejects --resend` was started meanwhile: let that one finish") from None
        except KafkaError as error:
            raise Failed(
                f"Kafka at {settings.kafka} did not take all messages ({type(error).__name__}): look into the broker's "
                "log, then run this again; nothing is sent twice"
            ) from None


def _resend(
    settings: Settings,
    chosen: Sequence[Rejected],
    counts: dict[str, int],
    send: Callable[[list[_Copy]], None],
    only_accepted: bool,
) -> Outcome:
    outcome, batch, size = Outcome(), list[_Copy](), 0
    chosen = sorted(chosen, key=lambda message: message.refused_ms)
    later = _Later(settings, any(message.topic == settings.topic(DIRECTORY.name) for message in chosen))
    for message, key, value in rejected.bodies(settings, chosen):
        partitions = counts.get(message.topic, 0)
        if not partitions:
            outcome.foreign += 1
            continue
        if later.than(message, key):
            outcome.superseded += 1
            continue
        reason = _refusal(settings, message, value)
        outcome.refusable[reason] += bool(reason)
        if reason and only_accepted:
            continue
        partition = broker.partition_of(key, partitions) if key else message.partition % partitions
        batch.append(_Copy(message, key, value, partition))
        size += len(value or b"")
        if len(batch) >= _MESSAGES_AT_ONCE or size >= _BYTES_AT_ONCE:
            send(batch)
            outcome.sent, batch, size = outcome.sent + len(batch), [], 0
    if batch:
        send(batch)
        outcome.sent += len(batch)
    return outcome


def _refusal(settings: Settings, message: Rejected, value: bytes | None) -> str:
    """Return why this version would refuse the message now, or nothing."""
    try:
        if message.topic == settings.topic(DIRECTORY.name):
            directory.read(value or b"")
        else:
            events.read(value, clock.now_ms(), refuse_old=settings.time == "clock")
    except events.Refused as refused:
        return refused.reason
    return ""


class _Later:
    """Knows the last offset of each key in the directory."""

    def __init__(self, settings: Settings, needed: bool) -> None:
        self._topic = settings.topic(DIRECTORY.name)
        self._last: dict[bytes, list[tuple[int, int, int]]] = {}
        if needed:
            for record in broker.read(settings, self._topic):
                if record.key:
                    at = (record.timestamp, record.partition, record.offset)
                    self._last.setdefault(record.key, []).append(at)

    def than(self, message: Rejected, key: bytes | None) -> bool:
        """Say whether the directory holds a later record with this key."""
        if message.topic != self._topic or not key:
            return False
        here = (message.partition, message.offset)
        own = next((at for at in self._last.get(key, ()) if at[1:] == here), None)
        if own is None:  # compacted away: only because there is a later one
            return True
        return max(self._last[key]) > own


class _Sending:
    """A transactional producer and its transactions."""

    def __init__(self, producer: AIOKafkaProducer, rejects: str) -> None:
        self._producer = producer
        self._rejects = rejects

    @classmethod
    async def begin(cls, settings: Settings, options: dict[str, object]) -> "_Sending":
        producer = AIOKafkaProducer(
            **options,
            transactional_id=f"{settings.group}-resend",
            max_request_size=4 << 20,
            request_timeout_ms=30_000,
        )
        return cls(await started(producer), settings.topic(REJECTS.name))

    async def send(self, copies: list[_Copy]) -> None:
        """Send copies and their marks in one transaction."""
        async with self._producer.transaction():
            places = await stored(
                self._producer.send(
                    copy.message.topic,
                    copy.value if copy.key is not None else copy.value or _NOTHING,
                    copy.key,
                    copy.partition,
                    headers=[(RESENT_HEADER, copy.message.origin.encode())],
                )
                for copy in copies
            )
            await stored(
                self._producer.send(
                    self._rejects,
                    _NOTHING,
                    partition=copy.message.place[0],
                    headers=[
                        (RESENT, copy.message.origin.encode()),
                        (AS, rejected.origin(at.topic, at.partition, at.offset).encode()),
                    ],
                )
                for copy, at in zip(copies, places, strict=True)
            )

    async def close(self) -> None:
        await self._producer.stop()
