"""What readers of committed records find in `esn.pulse` and `esn.drops`.

Rules: reads and counts; shares no code with the writers. A row is named by step, source partition, segment and measure,
a closing record by step and source partition; each must be there once, whatever died between.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from agents.kafka.broker import read
from agents.settings import Settings
from schemas.topics import DROPS, PULSE
from tests.recount import ActiveKey, Recount, differences

Json = dict[str, Any]
Closing = tuple[int, int]
"""Step (unix seconds) and source partition."""


class People(NamedTuple):
    """What a row says, added up over source partitions."""

    enabled: int
    w5m: int
    w1h: int
    w24h: int
    w7d: int
    w28d: int


@dataclass
class Pulsed:
    """All of `esn.pulse`."""

    rows: dict[ActiveKey, People] = field(default_factory=dict)
    closings: Counter[Closing] = field(default_factory=Counter)
    doubled: list[str] = field(default_factory=list)
    end: int = 0
    """The offset behind the last record."""

    def closed(self, partitions: int) -> int:
        """Return the newest step that every source partition has closed."""
        newest = [max((at for at, by in self.closings if by == number), default=0) for number in range(partitions)]
        return min(newest)

    def wrong(self, expected: Recount, partitions: int) -> list[str]:
        """Say what is there twice, what is not there, and what differs from the recount."""
        wrong = [f"esn.pulse: doubled {row}" for row in self.doubled]
        wrong += [f"esn.pulse: doubled closing {one}" for one, count in self.closings.items() if count > 1]
        steps = sorted({key.at for key in expected.active_people})
        for number in range(partitions):
            closed = {at for at, by in self.closings if by == number}
            wrong += [
                f"esn.pulse: lost closing {at, number}" for at in steps if min(closed, default=0) <= at not in closed
            ]
        rows = {key: People(*row[:6]) for key, row in expected.active_people.items()}
        return wrong + [f"esn.pulse: {line}" for line in differences(rows, self.rows, missing_is_zero=True)]


def pulse(settings: Settings) -> Pulsed:
    """Read `esn.pulse`."""
    found = Pulsed()
    decode = msgspec.json.Decoder().decode
    seen: set[tuple[str, int, bytes, str]] = set()
    seconds: dict[str, int] = {}
    for record in read(settings, PULSE.full_name(settings.prefix)):
        line = decode(record.value)
        told, number, measure = line["at"], line["source_partition"], line.get("measure", "")
        at = seconds.get(told) or seconds.setdefault(told, round(datetime.fromisoformat(told).timestamp()))
        found.end = record.offset + 1
        if record.key == b"closing":
            found.closings[at, number] += 1
            continue
        if (told, number, record.key, measure) in seen:
            found.doubled.append(f"{told} / {number} / {record.key.decode()} / {measure}")
        seen.add((told, number, record.key, measure))
        key = ActiveKey(at, line["dimension"], line["member"], measure)
        before = found.rows.get(key, (0,) * len(People._fields))
        found.rows[key] = People(*(a + line[name] for a, name in zip(before, People._fields, strict=True)))
    return found


def drops(settings: Settings) -> tuple[dict[str, Json], list[str]]:
    """Return what `esn.drops` says last of each drop, and what it says twice."""
    last: dict[str, Json] = {}
    doubled = []
    for record in read(settings, DROPS.full_name(settings.prefix)):
        key, line = record.key.decode(), json.loads(record.value)
        if last.get(key) == line:
            doubled.append(f"esn.drops: doubled {line}")
        last[key] = line
    return last, doubled
