"""A record through the pure pipeline alone: what replay, broker and worker do, without any of them.

`run` cuts the topics' logs into batches of random sizes and lets the two topics arrive in random turns, as fetches do.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NamedTuple
from zlib import crc32

from pipeline import published
from pipeline.days.local import date_of
from pipeline.partition import Partition
from pipeline.reading import Reader
from schemas.events import instant
from schemas.rows import ActivePeople, Activity, Batch, Daily, People
from tests.recount import ActiveKey, ActiveRow, ActivityKey, ActivityRow, PersonRow

Json = dict[str, Any]
LATER_MS = 4_000_000_000_000
"""The records' own timestamps: after all event times."""


@dataclass
class Message:
    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int = LATER_MS
    headers: Sequence[tuple[str, bytes]] = ()


DayKey = tuple[date, str, str, str, int]


class Rows(NamedTuple):
    """The newest version of each row, as ClickHouse's views would show them."""

    active_people: dict[ActiveKey, ActiveRow]
    activity: dict[ActivityKey, ActivityRow]
    people: dict[str, PersonRow]
    daily: dict[DayKey, int]
    """(day, dimension, member, what, n) -> people, over all source partitions."""
    transitions: list[Json]


class PureRun:
    """`partitions` source partitions, fed by `run`."""

    def __init__(
        self, partitions: int, *, step_seconds: int, lateness_seconds: int = 120, seed: int = 0, zone: tzinfo = UTC
    ) -> None:
        self.random = random.Random(seed)
        self.partitions = [
            Partition(number, partitions, step_ms=step_seconds * 1000, lateness_ms=lateness_seconds * 1000, zone=zone)
            for number in range(partitions)
        ]
        self.readers = [Reader(state, self.partition_of, refuse_old=False) for state in self.partitions]
        self.logs: dict[tuple[int, int], list[Message]] = {}
        self.offset = 0
        self.step_ms, self.lateness_ms = step_seconds * 1000, lateness_seconds * 1000
        self.named: dict[int, list[tuple[str, int, int]]] = {}
        self.heard: Counter[int] = Counter()
        """Per partition, what others told, and how much of it was read."""
        self.zone = zone
        self.outbox: dict[int, list[Json]] = {}
        self.transitions: list[Json] = []
        """Transitions that wait for a checkpoint, by source partition, and those that were published."""
        self.written: list[Batch] = []
        self.version = 0

    def partition_of(self, key: bytes) -> int:
        return crc32(key) % len(self.partitions)

    def run(self, directory: Iterable[Json], record: Iterable[Json]) -> Rows:
        for listing in directory:
            self._directory(listing)
        newest: int | None = None
        for line in record:
            if "person" in line or "forget" in line:
                self._heartbeat(newest)
                self._drain()
                self._directory(line)
                continue
            time = instant(line["time"])
            if newest is None:
                newest = time
                self._heartbeat(newest)
            if time < newest - self.lateness_ms or time > newest + 28 * 86_400_000:
                self._heartbeat(newest)
            if time > newest + 28 * 86_400_000:
                self._heartbeat(time)  # so that all partitions jump alike
            newest = max(newest, time)
            if line["type"] == "esn.heartbeat":
                self._heartbeat(time)
            else:
                self._send(self.partition_of(line["data"]["actor"].encode()), int(line["type"] != "esn.login"), line)
        if newest is not None:
            last = (newest // self.step_ms + 1) * self.step_ms
            self._heartbeat(last + self.lateness_ms + 1)
        self._drain()
        return self._rows()

    def _send(self, partition: int, topic: int, line: Json) -> None:
        self.offset += 1
        message = Message(None, json.dumps(line).encode(), self.offset)
        self.logs.setdefault((partition, topic), []).append(message)

    def _heartbeat(self, time: int | None) -> None:
        if time is None:
            return
        seconds, ms = divmod(time, 1000)
        text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        line = {"id": f"h{self.offset}", "source": "/h", "type": "esn.heartbeat", "time": f"{text}.{ms:03}Z"}
        for partition in range(len(self.partitions)):
            for topic in range(2):
                self._send(partition, topic, line)

    def _directory(self, line: Json) -> None:
        person = line.get("person") or line["forget"]
        value = json.dumps(line).encode() if "person" in line else None
        message = Message(person.encode(), value, 0)
        self.readers[self.partition_of(person.encode())].read_directory([message])

    def _drain(self) -> None:
        while logs := [place for place, log in self.logs.items() if log]:
            place = self.random.choice(logs)
            log, number = self.logs[place], place[0]
            cut = self.random.randint(1, self.random.choice((1, 10, 5000)))
            state = self.partitions[number]
            state.clocks.add(place[1], self.readers[number].read_events(log[:cut]).acts)
            del log[:cut]
            state.apply((False, False))
            while state.due():
                self._close(state)
            self._tell(state)
        self._settle()

    def _settle(self) -> None:
        """Let every source partition hear what the others told, and close what it can."""
        for state in self.partitions:
            self._listen(state)
            while state.due():
                self._close(state)

    def _tell(self, state: Partition) -> None:
        """Publish what a source partition tells the others, as in the topic esn.named."""
        for name, day in state.days.told:
            told = [self.partition_of(name.encode())] if name else range(len(self.partitions))
            for number in told:
                self.named.setdefault(number, []).append((name, day, state.number))
        state.days.told.clear()
        self.transitions += self.outbox.pop(state.number, [])

    def _listen(self, state: Partition) -> None:
        for name, day, source in self.named.get(state.number, [])[self.heard[state.number] :]:
            self.heard[state.number] += 1
            if name:
                state.hear_named(name, day)
            else:
                state.days.hear_closing(source, day)

    def _close(self, state: Partition) -> None:
        self.version += 1
        closed = state.close(most=self.random.choice((1, 7, 1000)))
        if closed.steps:
            self.written.append(published.active_people(state, closed.steps, self.version))
        for counts in closed.activity:
            self.written.append(published.activity(state, counts, self.version, late=False))
        for counts in closed.corrections:
            self.written.append(published.activity(state, counts, self.version, late=True))
        if closed.days:
            self.written.append(published.daily(state, closed.days, self.version, lambda *_: None))
        self.outbox.setdefault(state.number, []).extend(one.record() for one in closed.transitions)
        if self.random.random() < 0.1:
            self.written.append(published.changed_people(state, self.version))

    def _rows(self) -> Rows:
        self.version += 1
        self.written += [published.changed_people(state, self.version) for state in self.partitions]
        newest: dict[type, dict[tuple[Any, ...], tuple[Any, ...]]] = {
            kind: {} for kind in (ActivePeople, Activity, People, Daily)
        }
        for batch in self.written:  # versions rise, so the last one wins
            for row in zip(*map(listed, batch.columns()), strict=True):
                newest[type(batch)][_key(batch, row)] = row
        people: dict[ActiveKey, list[int]] = {}
        for row in newest[ActivePeople].values():
            at, dimension, member, measure, _, _, *counts, _ = row
            total = people.setdefault(ActiveKey(at, dimension, member, measure), [0] * 7)
            total[:] = map(sum, zip(total, counts, strict=True))
        activity: Counter[ActivityKey] = Counter()
        for row in newest[Activity].values():
            activity[ActivityKey(*row[:6])] += row[8]
        daily: Counter[DayKey] = Counter()
        for day, dimension, member, what, n, _, _, many, _ in newest[Daily].values():
            daily[date_of(day), dimension, member, what, n] += many
        return Rows(
            {
                key: ActiveRow._make([enabled, *windows, adopted / enabled if enabled else 0.0, True])
                for key, (enabled, adopted, *windows) in people.items()
            },
            {key: ActivityRow(events) for key, events in activity.items()},
            {row[0]: PersonRow(*row[1:17]) for row in newest[People].values() if not row[-1]},
            dict(daily),
            self.transitions,
        )


def listed(column: Any) -> list[Any]:
    """Return a batch's column as Python objects."""
    return column if isinstance(column, list) else column.tolist()


def _key(batch: Batch, row: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(batch, ActivePeople):
        return row[:5]
    if isinstance(batch, Daily):
        return row[:6]
    return row[:8] if isinstance(batch, Activity) else row[:1]
