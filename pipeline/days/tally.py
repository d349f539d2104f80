"""The rows of a day: enabled people by what is true of them, in each of their segments.

People are few kinds: whoever shares all that is counted of a day is counted together. So the memberships are sorted
once, by segment and kind, and each count is a sum over kinds.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from pipeline.acts import Bools, Ints
from pipeline.communities import Pairs
from pipeline.days import journey
from pipeline.days.record import (
    ACTIVE,
    CONTRIBUTED,
    INSIDE,
    LAST,
    LOGIN,
    MONTH,
    REACTED,
    SHARED,
    Record,
)
from pipeline.days.what import CODE, ENABLED, FLAGS, STAGES, DayCounts
from pipeline.people import People

_WEEK: Final = 7
_STEADY_DAYS: Final = 8
_COUNTED: Final = (ENABLED, *FLAGS, "reader", "active_reader", *(s for s in STAGES if s != "aware"))


class Members(NamedTuple):
    """Enabled people, once for each of their segments."""

    slot: Ints
    segment: Ints


def members(people: People, pairs: Pairs) -> Members:
    """Return who is in whose population: by the directory, and by the communities as of closed steps."""
    slot = np.flatnonzero(people.enabled[: len(people.name)])
    used = pairs.used()
    used = used[pairs.members(used, pairs.closed, people.enabled)]
    segments = people.segment[:, slot]
    return Members(
        np.append(np.tile(slot, len(segments)), pairs.person[used]), np.append(segments.ravel(), pairs.community[used])
    )


def count(day: int, of: Members, people: People, record: Record, stage: Ints) -> DayCounts:
    """Count everything but what `journey.settle` does; `stage` by slot."""
    parts = [_kinds(of, people, record, stage), *_contributors(of, record)]
    if not (parts[0][1] == 0).any():  # company/all says that the day is written
        parts.append((np.array([CODE[ENABLED]]), np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)))
    return DayCounts(day, *map(np.concatenate, zip(*parts, strict=True)))


Columns = tuple[Ints, Ints, Ints, Ints]


def _kinds(of: Members, people: People, record: Record, stage: Ints) -> Columns:
    true = _flags(people, record, stage)
    kind = np.zeros(len(true[0]), np.int64)
    for place, flag in enumerate(true):
        kind |= flag.astype(np.int64) << place
    kinds, of_slot = np.unique(kind, return_inverse=True)
    keys, many = np.unique(of.segment.astype(np.int64) * len(kinds) + of_slot[of.slot], return_counts=True)
    segment, kind = keys // len(kinds), kinds[keys % len(kinds)]
    what, where, people_ = [], [], []
    for place, name in enumerate(_COUNTED):
        some = (kind >> place & 1).astype(bool)
        found, which = np.unique(segment[some], return_inverse=True)
        what.append(np.full(len(found), CODE[name]))
        where.append(found)
        people_.append(np.bincount(which, many[some], minlength=len(found)).astype(np.int64))
    counted = np.concatenate(people_)
    return np.concatenate(what), np.concatenate(where), np.zeros(len(counted), np.int64), counted


def _flags(people: People, record: Record, stage: Ints) -> list[Bools]:
    """Return (slots,) per `_COUNTED`, whoever is enabled."""
    slots = len(record.last_day)
    leader, ambassador = people.leader[:slots], people.ambassador[:slots]
    active_7d, active_28d = record.within(ACTIVE, _WEEK), record.within(ACTIVE, MONTH)
    made_7d, made_28d = record.within(CONTRIBUTED, _WEEK), record.within(CONTRIBUTED, MONTH)
    shared, inside = record.within(SHARED, MONTH), record.within(INSIDE, _WEEK)
    reacted = record.within(REACTED, MONTH)
    true = {
        ENABLED: np.ones(slots, bool),
        "logged_in_7d": record.within(LOGIN, _WEEK),
        "active_1d": record.within(ACTIVE, 1),
        "active_7d": active_7d,
        "active_28d": active_28d,
        "contributed_7d": made_7d,
        "shared_28d": shared,
        "active_inside_7d": inside,
        "shared_active": shared & inside,
        "ever_used": record.first_use < LAST,
        "leaders": leader,
        "leaders_active": leader & active_7d,
        "leaders_contributed": leader & made_7d,
        "ambassadors": ambassador,
        "ambassadors_active": ambassador & active_7d,
        "ambassadors_contributed": ambassador & made_7d,
        "reader": active_28d & ~reacted & ~made_28d,
        "active_reader": reacted & ~made_28d,
    }
    true |= {name: stage == getattr(journey, name.upper()) for name in _COUNTED if name in STAGES}
    return [true[name] for name in _COUNTED]


def _contributors(of: Members, record: Record) -> Iterator[Columns]:
    """Count contributors by how much they contributed, those who did on many days apart."""
    many = record.contributions(len(record.last_day))
    which = record.within(CONTRIBUTED, MONTH)[of.slot]
    slot, segment = of.slot[which], of.segment[which].astype(np.int64)
    steady = record.contributed_days()[slot] >= _STEADY_DAYS
    top = int(many.max(initial=0)) + 1
    for name, some in (("contributor", ~steady), ("steady", steady)):
        keys, people = np.unique(segment[some] * top + many[slot[some]], return_counts=True)
        yield np.full(len(keys), CODE[name]), keys // top, keys % top, people
