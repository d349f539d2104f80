"""What happens to people: told once each, when a step closes or, of silence, when a day does.

    new                  the first activity ever
    returning            activity after 7 days without, or more; resurrected: after 28
    first_contribution   the first one ever
    joined, left         enabled and of kind person since this step, or no longer
    at_risk              silent for more than 3 times the median gap between their active days, and more than 3 days
    dormant              silent for 28 days

Only people who count are told of. A silence is told once, whatever comes late for it: by its last active day.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from xxhash import xxh3_128_hexdigest

from pipeline.acts import ACTIVE, CONTRIBUTE, NEVER, Bools, Ints
from pipeline.days.record import MONTH, NO_DAY, Record
from pipeline.people import People
from pipeline.waiting import Updates
from pipeline.windows import DAY_MS
from schemas.pulse import instant

_AWAY_MS: Final = 7 * DAY_MS
_GONE_MS: Final = MONTH * DAY_MS
_RISK_DAYS: Final = 3
CHANGES: Final = {
    "new": ("unseen", "active"),
    "returning": ("silent", "active"),
    "resurrected": ("dormant", "active"),
    "first_contribution": ("reader", "contributor"),
    "at_risk": ("active", "at_risk"),
    "dormant": ("silent", "dormant"),
    "joined": ("outside", "inside"),
    "left": ("inside", "outside"),
}
"""Kind -> the states it leads from and to."""


class Transition(NamedTuple):
    """Something that happened to somebody."""

    kind: str
    slot: int
    person: str
    at: int
    """The step's `at` or the day's end, ms."""

    def record(self) -> dict[str, str]:
        """Return it as `esn.transitions` has it."""
        at = instant(self.at // 1000)
        from_, to = CHANGES[self.kind]
        id_ = xxh3_128_hexdigest(f"{self.kind}\0{self.person}\0{at}".encode())
        return {"id": id_, "at": at, "kind": self.kind, "person": self.person, "from": from_, "to": to}


def of_step(at: int, acts: Updates, people: People) -> Iterator[Transition]:
    """Tell what the acts of a step do, before they are folded into `people.closed`."""
    for kind, slots in _arrivals(acts, people):
        yield from _told(kind, slots[people.counted[slots]], people, at)


def _arrivals(acts: Updates, people: People) -> Iterator[tuple[str, Ints]]:
    here = acts.row == ACTIVE
    slot, time = acts.slot[here], acts.time[here]
    last = people.closed[ACTIVE, slot]
    away = time - last >= _AWAY_MS
    if away.any():
        maybe = np.zeros(len(people.counted), bool)
        maybe[slot[away]] = True
        some = maybe[slot] & (time > last)
        slot, time = slot[some], time[some]
        order = np.lexsort((time, slot))
        who, first = np.unique(slot[order], return_index=True)
        last = people.closed[ACTIVE, who]
        silent = time[order][first] - last
        yield "new", who[last == NEVER]
        yield "returning", who[(last != NEVER) & (silent >= _AWAY_MS) & (silent < _GONE_MS)]
        yield "resurrected", who[(last != NEVER) & (silent >= _GONE_MS)]
    made = acts.slot[acts.row == CONTRIBUTE]
    yield "first_contribution", np.unique(made[people.closed[CONTRIBUTE, made] == NEVER])


def of_directory(at: int, people: People, record: Record) -> Iterator[Transition]:
    """Tell whom the directory has taken in or let go of since the last step."""
    now = people.enabled[: len(people.name)]
    before = record.was_enabled[: len(now)]
    yield from _told("joined", np.flatnonzero(now & ~before), people, at)
    yield from _told("left", np.flatnonzero(before & ~now), people, at)
    before[:] = now


def of_day(day: int, at: int, people: People, record: Record) -> Iterator[Transition]:
    """Tell whose silence has become long; `at` is the day's end."""
    many = len(people.name)
    last = record.last_day[:many]
    silent = day - last
    known: Bools = people.counted[:many] & (last > NO_DAY)
    some = np.flatnonzero(known & (silent > _RISK_DAYS) & (silent < MONTH) & (record.risk_told[:many] != last))
    some = some[silent[some] > 3 * record.gaps(some)]
    record.risk_told[some] = last[some]
    yield from _told("at_risk", some, people, at)
    some = np.flatnonzero(known & (silent >= MONTH) & (record.dormant_told[:many] != last))
    record.dormant_told[some] = last[some]
    yield from _told("dormant", some, people, at)


def _told(kind: str, slots: Ints, people: People, at: int) -> Iterator[Transition]:
    for slot in slots.tolist():
        yield Transition(kind, slot, people.name[slot] or "", at)
