"""A recorded file -> Kafka: the directory first, then events keyed by their actor, with heartbeats between them.

Rules: `Script` decides what is sent and in which order; it does no I/O, and nothing in it depends on how fast the
record is sent. `send` only carries it out. A line is passed on as it is, also one that the worker will refuse.

    time of the record        M = the greatest so far
    ... e  e  e | e  e  <- an event that is not late, wherever its partition is: nothing more
                | every 10 minutes a heartbeat to every partition of both inputs, of each source: a feed that is silent
                  for longer counts as dead. None in a silence of more than 28 days, but one before and one after it,
                  and none in any silence of a record that has heartbeats of its own
    e (late)            <- first a heartbeat at M to all, so that it is late for any number of partitions
"""

import gzip
import io
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agents import clock
from agents.errors import Failed
from agents.kafka.broker import admin, partition_of
from agents.kafka.bulk import Bulk, bulk
from agents.settings import Settings
from schemas.events import HEARTBEAT, LOGIN, Event, Refused, read
from schemas.topics import CONTENT, DIRECTORY, LOGINS

_BEAT_MS = 600_000
_LONGEST_WINDOW_MS = 28 * 86_400_000
_MOST_SOURCES = 20
_LARGEST_BYTES = (2 << 20) - 4096  # what the inputs take, less key and batch header
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINES_PER_PROGRESS = 1000
_EARLY_SECONDS = 0.02  # too short to sleep


class Message(NamedTuple):
    """One message; the topic is without its prefix."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Sent:
    """What was sent; `heartbeats` counts messages, one per partition and input topic."""

    events: int = 0
    heartbeats: int = 0
    people: int = 0
    forgotten: int = 0
    refused: int = 0  # sent, for the worker to put into esn.rejects
    too_long: int = 0  # not sent: longer than any input topic takes
    seconds: float = 0.0
    newest_ms: int | None = None  # hand it to the next `send` of the same record


class Script:
    """Turns the lines of a record into messages."""

    def __init__(
        self, partitions: int, settings: Settings, now: Callable[[], int], newest_ms: int | None = None
    ) -> None:
        self.sent = Sent(newest_ms=newest_ms)
        self._partitions = partitions
        self._step_ms = settings.step_seconds * 1000
        self._lateness_ms = settings.lateness_seconds * 1000
        self._now = now
        self._sources: dict[str, None] = {}  # in order of appearance; the feeds that beat
        self._beats = False  # whether the record has heartbeats of its own: then they alone tell a silent feed
        self._beaten_ms = newest_ms  # time of the last heartbeat
        self._keys: dict[str, tuple[int, bytes]] = {}

    def line(self, line: bytes) -> Sequence[Message]:
        """Return what to send for one line: an event, a heartbeat, a directory record or a forgetting."""
        raw = line.strip()
        if not raw:
            return ()
        if len(raw) > _LARGEST_BYTES:
            self.sent.too_long += 1
            return ()
        try:
            event = read(raw, self._now(), refuse_old=False)
        except Refused:
            return self._no_event(raw)
        if len(self._sources) < _MOST_SOURCES:
            self._sources[event.source] = None
        if event.type == HEARTBEAT:
            return self._recorded_heartbeat(event.time_ms, raw)
        return self._event(event, raw)

    def finish(self) -> Sequence[Message]:
        """Return the heartbeats that close the last step and the last minute."""
        newest = self.sent.newest_ms
        if newest is None:
            return ()
        closing = (newest // self._step_ms + 1) * self._step_ms + self._lateness_ms + 1
        return self._heartbeats(max(newest, min(self._now(), closing)))

    def _event(self, event: Event, raw: bytes) -> Sequence[Message]:
        time_ms, newest = event.time_ms, self.sent.newest_ms
        messages: list[Message] = []
        if newest is None:
            newest = self.sent.newest_ms = time_ms
            messages = self._heartbeats(time_ms)
        elif self._beaten_ms != newest and not newest - self._lateness_ms <= time_ms <= newest + _LONGEST_WINDOW_MS:
            # late: time has to be there before it; a long silence: its steps are skipped by all from the same one on
            messages = self._heartbeats(newest)
        due_ms = (newest // _BEAT_MS + 1) * _BEAT_MS
        if time_ms >= due_ms:
            fills = not self._beats and time_ms <= newest + _LONGEST_WINDOW_MS
            for beat_ms in range(due_ms if fills else time_ms, time_ms + 1, _BEAT_MS):
                messages += self._heartbeats(beat_ms)
        topic = LOGINS if event.type == LOGIN else CONTENT
        partition, key = self._place(event.data.actor)  # type: ignore[union-attr,arg-type]  # `read` has seen to it
        messages.append(Message(topic.name, partition, key, raw))
        self.sent.events += 1
        self.sent.newest_ms = max(newest, time_ms)
        return messages

    def _recorded_heartbeat(self, time_ms: int, raw: bytes) -> Sequence[Message]:
        self._beats = True
        newest = self.sent.newest_ms
        if newest is None or time_ms >= newest:
            self.sent.newest_ms = self._beaten_ms = time_ms
        return self._to_all(raw)

    def _heartbeats(self, time_ms: int) -> list[Message]:
        self._beaten_ms = time_ms
        told = (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        beat = {"specversion": "1.0", "id": f"replay-{time_ms}", "type": HEARTBEAT, "time": told}
        sources = self._sources or ("/replay",)
        return [
            message for source in sources for message in self._to_all(msgspec.json.encode(beat | {"source": source}))
        ]

    def _to_all(self, raw: bytes) -> list[Message]:
        self.sent.heartbeats += 2 * self._partitions
        return [
            Message(topic.name, partition, None, raw)
            for topic in (LOGINS, CONTENT)
            for partition in range(self._partitions)
        ]

    def _no_event(self, raw: bytes) -> Sequence[Message]:
        found = _fields(raw)
        if "type" not in found and _id(found.get("person")):
            self.sent.people += 1
            return (Message(DIRECTORY.name, *self._place(found["person"]), raw),)
        if "type" not in found and _id(found.get("forget")):
            self.sent.forgotten += 1
            return (Message(DIRECTORY.name, *self._place(found["forget"]), None),)
        topic = LOGINS if found.get("type") == LOGIN else CONTENT
        data = found.get("data")
        actor = _id(data.get("actor")) if isinstance(data, dict) else None
        self.sent.refused += 1
        if actor:
            return (Message(topic.name, *self._place(actor), raw),)
        return (Message(topic.name, self.sent.refused % self._partitions, None, raw),)

    def _place(self, person: str) -> tuple[int, bytes]:
        place = self._keys.get(person)
        if place is None:
            key = person.encode()
            place = self._keys[person] = (partition_of(key, self._partitions), key)
        return place


def send(  # noqa: PLR0913  (all but the first two have defaults)
    settings: Settings,
    lines: Iterable[bytes],
    people: Iterable[bytes] = (),
    *,
    speed: float | None = None,
    progress: Callable[[Sent], None] | None = None,
    final: bool = True,
    newest_ms: int | None = None,
    now: Callable[[], int] = clock.now_ms,
    monotonic: Callable[[], float] = clock.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Sent:
    """Send the directory, wait until it is stored, then the record; return when all is stored.

    `speed`: so many times faster than the record happened; None: as fast as possible.
    `final=False` leaves the last step open: the record goes on, and the next call is given `newest_ms` of this one.
    Raises Failed.
    """
    began = monotonic()
    partitions = _partitions(settings)
    with bulk(settings) as stream:
        script = Script(partitions, settings, now, newest_ms)
        wire = _Wire(settings, stream, script)
        wire.carry(people)
        steps = iter(lines)
        first_ms: int | None = None
        while chunk := list(islice(steps, 1 if speed else _LINES_PER_PROGRESS)):
            wire.carry(chunk)
            newest = script.sent.newest_ms
            if speed and newest is not None:
                first_ms = newest if first_ms is None else first_ms
                wire.pause(began + (newest - first_ms) / 1000 / speed - monotonic(), sleep)
            if progress:
                progress(script.sent)
        if final:
            wire.put(script.finish())
    script.sent.seconds = monotonic() - began
    return script.sent


class _Wire:
    """Hands messages to the producer; directory records and events are never under way together."""

    def __init__(self, settings: Settings, stream: Bulk, script: Script) -> None:
        self._names = {topic.name: settings.topic(topic.name) for topic in (LOGINS, CONTENT, DIRECTORY)}
        self._stream = stream
        self._script = script
        self._directory_under_way = False

    def carry(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self.put(self._script.line(line))

    def put(self, messages: Sequence[Message]) -> None:
        for topic, partition, key, value in messages:
            if (topic == DIRECTORY.name) != self._directory_under_way:
                self._stream.flush()
                time.sleep(0.002)  # Kafka's timestamps, in ms, say what comes before a forgetting
                self._directory_under_way = not self._directory_under_way
            self._stream.send(self._names[topic], value, key, partition)

    def pause(self, seconds: float, sleep: Callable[[float], None]) -> None:
        if seconds > _EARLY_SECONDS:
            self._stream.hand_over()
            sleep(seconds)


class Record:
    """The lines of files, one file after the other, plain or gzip; iterated once."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.size = sum(path.stat().st_size for path in paths)
        self._paths = paths
        self._read = 0
        self._file: io.BufferedReader | None = None

    @property
    def position(self) -> int:
        """How many bytes of the files were read, of `size`."""
        return self._read + (self._file.tell() if self._file else 0)

    def __iter__(self) -> Iterator[bytes]:
        for path in self._paths:
            try:
                with path.open("rb") as self._file:
                    packed = self._file.peek(2)[:2] == b"\x1f\x8b"
                    yield from io.BufferedReader(gzip.GzipFile(fileobj=self._file), 1 << 20) if packed else self._file
                self._read += path.stat().st_size
            except (OSError, EOFError, zlib.error) as error:
                raise Failed(f"{path} cannot be read to its end ({error}): fetch or make it again") from None
            finally:
                self._file = None


def _partitions(settings: Settings) -> int:
    with admin(settings) as broker:
        present = broker.topics()
    counts = {name: present.get(name, 0) for name in map(settings.topic, (LOGINS.name, CONTENT.name, DIRECTORY.name))}
    for name, count in counts.items():
        if not count:
            raise Failed(f"there is no topic {name}: run `esn-pulse topics`")
    if len(set(counts.values())) > 1:
        raise Failed(f"the inputs have different numbers of partitions, {counts}: `esn-pulse topics` says more")
    return counts.popitem()[1]


def _fields(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _id(found: object) -> str | None:
    return found if isinstance(found, str) and found else None
