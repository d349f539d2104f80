"""What `esn.rejects` holds: refused messages, and marks that say which of them were sent again.

The topic itself is asked, not ClickHouse: only what is still in it can be shown and sent again, and it answers while
ClickHouse is away. A message is known by where it was refused (topic, partition, offset); a worker that starts over may
write it twice, and then the first counts.

A mark has an empty value and no header `reason`. It lies in the same partition as the refused message, behind it, so
that retention never takes the mark first. Its headers:

    resent  esn.logins/2/17    the message that was sent again
    as      esn.logins/2/99    its copy; if that is refused, too, it is not sent a third time by itself
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from agents.kafka import broker
from agents.settings import Settings
from agents.terminal.printing import harmless
from agents.terminal.progress import progress
from schemas.topics import REJECTS

RESENT, AS, RESENT_HEADER = "resent", "as", "esn-resent"
_REASON: Final = "reason"

Place = tuple[int, int]
"""Partition and offset in `esn.rejects`."""


class Rejected(NamedTuple):
    """A refused message; `topic`, `partition` and `offset` say where it was refused."""

    place: Place
    refused_ms: int
    reason: str
    topic: str
    partition: int
    offset: int
    size: int
    resent: bool
    is_copy: bool
    """It had been sent again, and was refused again."""

    @property
    def at(self) -> str:
        """Name the place in `esn.rejects`: 2:17."""
        return f"{self.place[0]}:{self.place[1]}"

    @property
    def origin(self) -> str:
        """Name the message."""
        return origin(self.topic, self.partition, self.offset)


def origin(topic: str, partition: int, offset: int) -> str:
    """Name a message: esn.logins/2/17."""
    return f"{topic}/{partition}/{offset}"


def read(settings: Settings) -> list[Rejected]:
    """Return every refused message, the latest first. Raises Failed."""
    found: dict[str, Rejected] = {}
    resent, copies = set(), set()
    for record in records(settings):
        headers = dict(record.headers)
        if RESENT in headers:
            resent.add(_text(headers[RESENT]))
            copies.add(_text(headers.get(AS)))
            continue
        message = _rejected(record, headers)
        if message and RESENT_HEADER in headers:  # a worker may hand it on; the marks know as much, but of crashes
            copies.add(message.origin)
        if message is not None:
            found.setdefault(message.origin, message)
    messages = (
        message._replace(resent=message.origin in resent, is_copy=message.origin in copies)
        for message in found.values()
    )
    return sorted(messages, key=lambda message: (message.refused_ms, message.place), reverse=True)


def records(settings: Settings) -> Iterator[Any]:
    """Yield the topic's records, showing how far it is."""
    topic = settings.topic(REJECTS.name)
    with broker.admin(settings) as admin:
        total = sum(end - first for first, end in admin.offsets(topic).values())
    with progress(f"reading {topic}", total, "messages") as tell:
        for done, record in enumerate(broker.read(settings, topic), 1):
            if done % 1000 == 0:
                tell(done)
            yield record


def bodies(settings: Settings, messages: Iterable[Rejected]) -> Iterator[tuple[Rejected, bytes | None, bytes | None]]:
    """Yield each of these messages with its key and value, not in order."""
    wanted = {message.place: message for message in messages}
    if wanted:
        for record in records(settings):
            message = wanted.get((record.partition, record.offset))
            if message is not None:
                yield message, record.key, record.value


def _rejected(record: Any, headers: dict[str, bytes]) -> Rejected | None:
    """Read a message's headers; None if no worker has written them."""
    try:
        return Rejected(
            place=(record.partition, record.offset),
            refused_ms=record.timestamp,
            reason=_text(headers[_REASON]),
            topic=_text(headers["topic"]),
            partition=int(headers["partition"]),
            offset=int(headers["offset"]),
            size=len(record.value or b""),
            resent=False,
            is_copy=False,
        )
    except (KeyError, ValueError, TypeError):
        return None


def _text(header: bytes | None) -> str:
    return harmless((header or b"").decode(errors="replace"))


def summary(messages: Sequence[Rejected]) -> list[tuple[str, str, int, int, int, int]]:
    """Return (topic, reason, messages, sent again, first, last) for each topic and reason, the most first."""
    groups: dict[tuple[str, str], list[Rejected]] = {}
    for message in messages:
        groups.setdefault((message.topic, message.reason), []).append(message)
    rows = [
        (
            *group,
            len(of_group),
            sum(message.resent for message in of_group),
            min(message.refused_ms for message in of_group),
            max(message.refused_ms for message in of_group),
        )
        for group, of_group in groups.items()
    ]
    return sorted(rows, key=lambda row: (-row[2], row[:2]))
