"""The adoption journey: the stage of everybody at a day's end, and who moved.

Whether somebody who never came was named by others (`aware`) is told by their source partitions, each of which says so
as it reads, and then that its day has closed. So a day's stages are known in two parts: all but `aware` when the day
closes here; `aware`, and the moves, once every source partition has closed it. Meanwhile a day waits as it was.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.acts import Bools, Ints
from pipeline.days.record import ACTIVE, LAST, MONTH, NO_DAY, NOT_ENABLED, Record
from pipeline.days.what import AWARE, CODE, MOVE, STAGES, DayCounts

NEVER, IS_AWARE, VISITED, FIRST_USE, SECOND_USE, CONTINUOUS, LAPSED = range(len(STAGES))
_MOVES: Final = 64


class Pending(NamedTuple):
    """Of a closed day: those who never came or who moved, once for each of their segments."""

    day: int
    before: int
    """The day that closed before it."""
    slot: Ints
    """-1 of somebody forgotten meanwhile."""
    segment: Ints
    was: Ints
    is_: Ints
    named: Ints
    """From which day on it was known that somebody forgotten had been named."""


def stages(record: Record) -> NDArray[np.uint8]:
    """Return each slot's stage by the days that are closed; `NEVER` whether aware or not."""
    came = record.last_day > NO_DAY
    used = record.first_use < LAST
    found = np.full(len(came), NEVER, np.uint8)
    found[came] = VISITED
    found[used] = FIRST_USE
    found[used & (record.first_use < record.last_use)] = SECOND_USE
    found[record.weeks_used()] = CONTINUOUS
    found[came & ~record.within(ACTIVE, MONTH)] = LAPSED
    return found


def pending(day: int, before: int, was: Ints, is_: Ints, slot: Ints, segment: Ints) -> Pending:
    """Return what waits of a day; `slot` and `segment` are all memberships, `was` and `is_` by slot."""
    from_, to = was[slot], is_[slot]
    which = (to == NEVER) | ((from_ != NOT_ENABLED) & (from_ != to))
    gone = np.full(int(which.sum()), LAST)
    return Pending(day, before, slot[which], segment[which], from_[which], to[which], gone)


def forget(day: Pending, slot: int, named_from: int) -> Pending:
    """Let a slot be nobody's; what was known of its being named is kept."""
    gone = day.slot == slot
    return day._replace(slot=np.where(gone, -1, day.slot), named=np.where(gone, named_from, day.named))


def settle(day: Pending, named_from: Ints) -> DayCounts:
    """Return who is aware, and who moved; of company/all (segment 0) a row that says that it is known."""
    named = np.where(day.slot >= 0, named_from[day.slot], day.named)
    to = np.where((day.is_ == NEVER) & (named <= day.day), IS_AWARE, day.is_)
    from_ = np.where((day.was == NEVER) & (named <= day.before), IS_AWARE, day.was)
    segment, aware = _count(day.segment, to == IS_AWARE)
    if 0 not in segment:
        segment, aware = np.append(segment, 0), np.append(aware, 0)
    moved = (from_ != NOT_ENABLED) & (from_ != to)
    where, moves = _count(day.segment * _MOVES + from_ * 8 + to, moved)
    return DayCounts(
        day.day,
        np.repeat([CODE[AWARE], CODE[MOVE]], [len(segment), len(where)]),
        np.append(segment, where // _MOVES),
        np.append(np.zeros(len(segment), np.int64), where % _MOVES),
        np.append(aware, moves),
    )


def _count(keys: Ints, which: Bools) -> tuple[Ints, Ints]:
    return np.unique(keys[which].astype(np.int64), return_counts=True)
