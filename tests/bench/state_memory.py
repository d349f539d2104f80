"""One source partition with many people, in a process of its own: python -m tests.bench.state_memory PEOPLE

Prints JSON: bytes per person (what the process has grown by, ids and directory included), those of windows, counters
and ids alone (by the size of what holds them), of the memory of duplicates per event, and per pair of a person and a
community; seconds to close a step of 3 measures, 5 windows and 5 dimensions.
Everybody is listed and acts twice in four weeks, once of these in a community. Three steps on the hour are closed,
with 5 000 events each; the slowest is told.
"""

import ctypes
import gc
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from pipeline.partition import Partition
from pipeline.published import changed_people
from pipeline.reading import Reader

_HOUR_MS: Final = 3_600_000
_END_MS: Final = int(datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp() * 1000)
_SLICE: Final = 5_000


@dataclass
class Message:
    """What is read of a Kafka record."""

    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int
    headers: Sequence[tuple[str, bytes]] = ()


def resident() -> int:
    """Return this process's memory after giving back what is free, bytes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def listed(number: int) -> Message:
    """Return a directory record."""
    told = {
        "person": f"person-{number}",
        "region": f"r{number % 6}",
        "department": f"d{number % 40}",
        "manager": f"person-{number // 8}",
    }
    return Message(f"person-{number}".encode(), json.dumps(told).encode(), number, 0)


def acted(number: int, offset: int, at_ms: int, community: str | None = None) -> Message:
    """Return an event: a view or, of one in ten, a post."""
    when = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    verb = "post" if offset % 10 == 0 else "view"
    data = {"actor": f"person-{number}", "verb": verb, "community": community, "object_kind": "forum"}
    event = {"id": f"e{offset}", "source": "/bench", "type": "esn.content", "time": when, "data": data}
    return Message(None, json.dumps(event).encode(), offset, at_ms)


class Weighed:
    """The partition, and how it is fed."""

    def __init__(self, people: int) -> None:
        self.people = people
        self.state = Partition(0, 1, step_ms=60_000, lateness_ms=120_000)
        self._reader = Reader(self.state, lambda _key: 0, refuse_old=False)
        self._offset = 0
        for begin in range(0, people, _SLICE):
            self._reader.read_directory([listed(number) for number in range(begin, min(begin + _SLICE, people))])

    def act(self, events: int, begin_ms: int, end_ms: int, *, inside: bool) -> None:
        """Let so many events happen, evenly from begin to end, in one of 300 communities or in none."""
        for begin in range(0, events, _SLICE):
            messages = []
            for place in range(begin, min(begin + _SLICE, events)):
                who = place * 7919 % self.people
                at_ms = begin_ms + (end_ms - begin_ms) * place // events
                messages.append(acted(who, self._offset, at_ms, f"c{who % 300}" if inside else None))
                self._offset += 1
            self.state.clocks.add(1, self._reader.read_events(messages).acts)
            self.state.apply((True, True))

    def close(self, at_ms: int) -> float:
        """Close the step that ends at `at_ms`, those before it are passed over; return how long it took."""
        self.state.idle_until((at_ms + 120_001, at_ms + 120_001))
        self.state.next_step = at_ms
        begun = time.perf_counter()
        if len(self.state.close(1).steps) != 1:
            raise RuntimeError("not one step was closed")
        took = time.perf_counter() - begun
        told, self.state.days.told = self.state.days.told, []  # what goes through `esn.named`
        for _, day in told:
            self.state.days.hear_closing(0, day)
        self.state.close(0)
        changed_people(self.state, 1)
        return took

    @property
    def held(self) -> int:
        """Return the bytes of windows, counters and ids."""
        people = self.state.people
        columns = sum(getattr(people, column).nbytes for column in people.COLUMNS)
        index = people.slot._table.nbytes + people.slot._digest.nbytes + sys.getsizeof(people.name)
        # an object begins at a multiple of 16
        return int(columns + index + sum(-sys.getsizeof(name) // 16 * -16 for name in people.slot))

    @property
    def duplicates(self) -> tuple[int, int]:
        """Return how many events are remembered, in how many bytes."""
        tables = self.state.duplicates.tables.values()
        return sum(table.used for table in tables), sum(table.slots.nbytes + table.order.nbytes for table in tables)


def main(people: int) -> None:
    """Build, weigh, close."""
    Weighed(100).act(_SLICE, _END_MS - _HOUR_MS, _END_MS, inside=False)  # what is needed once is no person's
    before = resident()
    weighed = Weighed(people)
    weighed.act(people, _END_MS - 27 * 24 * _HOUR_MS, _END_MS - 2 * _HOUR_MS, inside=False)
    weighed.close(_END_MS - 2 * _HOUR_MS)
    alone = resident() - before - weighed.duplicates[1]
    held = weighed.held
    weighed.act(people, _END_MS - 2 * _HOUR_MS, _END_MS - _HOUR_MS, inside=True)
    weighed.close(_END_MS - _HOUR_MS)
    remembered, duplicates = weighed.duplicates
    pairs = resident() - before - duplicates - alone
    took = []
    for at_ms in range(_END_MS, _END_MS + 3 * _HOUR_MS, _HOUR_MS):
        weighed.act(5_000, at_ms - 60_000, at_ms, inside=True)
        took.append(weighed.close(at_ms))
    figures = {
        "people": people,
        "bytes_per_person": alone / people,
        "held_per_person": held / people,
        "bytes_per_pair": pairs / people,
        "duplicates_bytes_per_event": duplicates / remembered,
        "duplicates_events": remembered,
        "close_seconds": max(took),
    }
    click.echo(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]))
