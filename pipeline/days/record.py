"""Of each person: on which local days they did what, as columns over the slots of `People`.

The open day's acts are noted as they come (`today`); when the day closes they become the youngest bit of a column of
days, and all bits grow older by one. An act counts in its own day and is known from the day on in which it was read:
what is of a day that is not open yet waits, and what comes late is put into its older day when the open one closes.
So a day's counts depend on the record alone, not on when it is closed or how it was cut into batches.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.acts import IS_ACTIVE, IS_CONTRIBUTION, IS_LOGIN, Acts, Bools, Ints
from pipeline.days.local import LocalDays
from schemas.events import ACTIONS, REACTION

NO_DAY: Final = -(1 << 30)
LAST: Final = 1 << 30
"""No day, and a day after all days; far enough apart from the edge of int32 to be subtracted from."""
MONTH: Final = 28
"""Days that most of what is remembered lasts."""
NOT_ENABLED: Final = 255
"""Stage of somebody who was not enabled when the last day closed."""


def _is(*actions: str) -> Bools:
    return np.isin(np.array(ACTIONS), actions)


_USED: Final = _is(*REACTION) | IS_CONTRIBUTION
KEPT: Final = ("active", "login", "reacted", "used", "contributed", "shared", "inside")
"""What is kept per day: `reacted` is a reaction or a follow, `used` a reaction or a contribution, `inside` any activity
but sharing outside."""
ACTIVE, LOGIN, REACTED, USED, CONTRIBUTED, SHARED, INSIDE = range(len(KEPT))
IN_DAY: Final = np.stack([
    IS_ACTIVE, IS_LOGIN, _is(*REACTION, "follow"), _USED, IS_CONTRIBUTION,
    _is("share_external"), IS_ACTIVE & ~_is("share_external"),
])  # fmt: skip
"""(kept, action) -> does it count there."""
_TYPES: Final = (np.uint64, np.uint8, np.uint32, np.uint32, np.uint32, np.uint32, np.uint8)
"""As many bits as days are asked for: 64 of activity, 7 of logins and what is inside, 28 of the others."""


class Known(NamedTuple):
    """Acts that wait: from day `known` on it is known that `slot` did `action` on `day`."""

    known: Ints
    day: Ints
    slot: Ints
    action: Ints


class Ledger(NamedTuple):
    """How much somebody contributed on a day, of the last 28; several rows of one slot and day add up."""

    slot: Ints
    day: Ints
    many: Ints


_NONE: Final = np.empty(0, np.int64)


class Record:
    """Columns; every array's last axis is the slot."""

    COLUMNS: Final[dict[str, tuple[Any, int]]] = {
        "last_day": (np.int32, NO_DAY),
        "first_use": (np.int32, LAST),
        "last_use": (np.int32, NO_DAY),
        "risk_told": (np.int32, NO_DAY),
        "dormant_told": (np.int32, NO_DAY),
        "named_from": (np.int32, LAST),
        "manager_told": (np.int32, -1),
        "stage": (np.uint8, NOT_ENABLED),
        "was_enabled": (np.bool_, 0),
        "today_many": (np.uint32, 0),
    }
    """Name -> type, and what stands for nothing."""

    def __init__(self, local: LocalDays) -> None:
        self.local = local
        self.open = NO_DAY
        """The day that closes next; NO_DAY before the first."""
        self.days: list[NDArray[Any]] = [np.zeros(0, kind) for kind in _TYPES]
        """Per `KEPT`, of each slot: bit k is the day k days before the one that closed last."""
        self.today: Bools = np.zeros((len(KEPT), 0), bool)
        self.last_day: Ints
        """Last active day of closed ones."""
        self.first_use: Ints
        self.last_use: Ints
        self.risk_told: Ints
        """Of which last day it was told that somebody is at risk; the same of dormant."""
        self.dormant_told: Ints
        self.named_from: Ints
        """From which day on it is known that somebody named this person."""
        self.manager_told: Ints
        """Segment of the manager when that was last written; -1: never."""
        self.stage: NDArray[np.uint8]
        """Stage of the journey at the end of the last closed day."""
        self.was_enabled: Bools
        """Whether they were enabled and of kind person when the last step closed."""
        self.today_many: NDArray[np.uint32]
        for name, (kind, _) in self.COLUMNS.items():
            setattr(self, name, np.zeros(0, kind))
        self.waiting: list[Known] = []
        self.ledger = Ledger(_NONE, _NONE, _NONE)

    def fit(self, slots: int) -> None:
        """Have room for so many slots."""
        more = slots - len(self.last_day)
        if more <= 0:
            return
        self.days = [np.concatenate([bits, np.zeros(more, bits.dtype)]) for bits in self.days]
        self.today = np.concatenate([self.today, np.zeros((len(KEPT), more), bool)], axis=1)
        for name, (kind, nothing) in self.COLUMNS.items():
            setattr(self, name, np.concatenate([getattr(self, name), np.full(more, nothing, kind)]))

    def forget(self, slot: int) -> None:
        """Let the slot be nobody's."""
        for bits in self.days:
            bits[slot] = 0
        self.today[:, slot] = False
        for name, (_, nothing) in self.COLUMNS.items():
            getattr(self, name)[slot] = nothing
        self.waiting = [Known(*(column[part.slot != slot] for column in part)) for part in self.waiting]
        self.ledger = Ledger(*(column[self.ledger.slot != slot] for column in self.ledger))

    def begin(self, clock: int) -> None:
        """Open the first day: that of the record's first time, ms."""
        if self.open == NO_DAY:
            self.open = self.local.of_one(clock)

    def see(self, acts: Acts, watermark: Ints) -> Ints:
        """Take acts of somebody; `watermark` (n,) is the one before each. Return from which day on each is known."""
        if not len(acts):
            return _NONE
        start, end = self.local.start(self.open), self.local.start(self.open + 1)
        if start <= int(acts.time.min()) and int(acts.time.max()) < end and int(watermark[-1]) <= end:
            self._note_today(acts.person, acts.action)
            return np.full(len(acts), self.open)
        day = self.local.of(acts.time)
        known = self.local.of(np.maximum(acts.time, watermark - 1))
        now = (day == self.open) & (known == self.open)
        self._note_today(acts.person[now], acts.action[now])
        if not now.all():
            self.waiting.append(Known(*(column[~now] for column in (known, day, acts.person, acts.action))))
        return known

    def _note_today(self, slot: Ints, action: Ints) -> None:
        for today, which in zip(self.today, IN_DAY.take(action, axis=1), strict=True):
            today[slot[which]] = True
        # of the column's own type: numpy is many times slower with any other
        np.add.at(self.today_many, slot[IS_CONTRIBUTION.take(action)], np.uint32(1))

    def close(self) -> int:
        """Take the open day, and what is known with it, into the past; return which it was."""
        day = self.open
        late = self._due(day)
        for row, bits in enumerate(self.days):
            self.days[row] = bits << bits.dtype.type(1) | self.today[row].astype(bits.dtype)
        self._put_late(day, late)
        active, used = self.today[ACTIVE], self.today[USED]
        self.last_day[active] = self.last_use[used] = day
        self.first_use[used] = np.minimum(self.first_use[used], day)
        some = np.flatnonzero(self.today_many)
        made = IS_CONTRIBUTION.take(late.action)
        self._enter(
            day,
            np.append(some, late.slot[made]),
            np.append(np.full(len(some), day), late.day[made]),
            np.append(self.today_many[some].astype(np.int64), np.ones(int(made.sum()), np.int64)),
        )
        self.today[:] = False
        self.today_many[:] = 0
        self.open = day + 1
        return day

    def _due(self, day: int) -> Known:
        """Take out what is known with `day`; note what is of that very day, return what is of older ones."""
        if not self.waiting:
            return Known(_NONE, _NONE, _NONE, _NONE)
        joined = Known(*(np.concatenate(columns) for columns in zip(*self.waiting, strict=True)))
        due = joined.known <= day
        self.waiting = [Known(*(column[~due] for column in joined))] if not due.all() else []
        here = Known(*(column[due] for column in joined))
        today = here.day == day
        self._note_today(here.slot[today], here.action[today])
        return Known(*(column[~today] for column in here))

    def _put_late(self, day: int, late: Known) -> None:
        age = day - late.day
        for bits, which in zip(self.days, IN_DAY.take(late.action, axis=1), strict=True):
            young = which & (age < 8 * bits.itemsize)
            np.bitwise_or.at(bits, late.slot[young], bits.dtype.type(1) << age[young].astype(bits.dtype))
        active, used = (IN_DAY[row].take(late.action) for row in (ACTIVE, USED))
        np.maximum.at(self.last_day, late.slot[active], late.day[active].astype(np.int32))
        np.maximum.at(self.last_use, late.slot[used], late.day[used].astype(np.int32))
        np.minimum.at(self.first_use, late.slot[used], late.day[used].astype(np.int32))

    def _enter(self, day: int, slot: Ints, on: Ints, many: Ints) -> None:
        joined = Ledger(*map(np.append, self.ledger, (slot, on, many)))
        kept = joined.day > day - MONTH
        self.ledger = Ledger(*(column[kept] for column in joined))

    def pass_missing(self) -> None:
        """Pass over dates that the zone left out; only once the day before was counted."""
        while not self.local.exists(self.open):
            self.skip(self.open + 1)

    def skip(self, day: int) -> None:
        """Open another, later day at once: nothing is known of those between."""
        for bits in self.days:
            by = day - self.open
            bits[:] = bits << bits.dtype.type(by) if by < 8 * bits.itemsize else 0
        self.open = day

    def contributions(self, slots: int) -> Ints:
        """Count each slot's contributions in the 28 days up to the one that closed last."""
        return np.bincount(self.ledger.slot, self.ledger.many, minlength=slots).astype(np.int64)

    def within(self, what: int, days: int) -> Bools:
        """Say of each slot whether there is such a day among the last `days` closed ones."""
        bits = self.days[what]
        found: Bools = bits & bits.dtype.type((1 << days) - 1) != 0
        return found

    def weeks_used(self) -> Bools:
        """Say of each slot whether it was used in each of the last four weeks."""
        week = np.uint32(0x7F)
        used: Bools = np.ones(len(self.last_day), bool)
        for number in range(4):
            used &= self.days[USED] >> np.uint32(7 * number) & week != 0
        return used

    def contributed_days(self) -> Ints:
        """Count the days of the last 28 on which each slot contributed."""
        days: Ints = np.bitwise_count(self.days[CONTRIBUTED] & np.uint32((1 << MONTH) - 1)).astype(np.int64)
        return days

    def gaps(self, slots: Ints) -> NDArray[np.float64]:
        """Return the median of the days between two active days that follow each other, of the last 64 days.

        Infinite where there are fewer than two active days. Those of other slots are not looked at.
        """
        raw = self.days[ACTIVE][slots]
        bits = np.unpackbits(raw.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        row, age = np.nonzero(bits)
        gap, same = np.diff(age), np.diff(row) == 0
        row, gap = row[1:][same], gap[same]
        order = np.lexsort((gap, row))
        row, gap = row[order], gap[order]
        found = np.full(len(slots), np.inf)
        who, start, many = np.unique(row, return_index=True, return_counts=True)
        found[who] = (gap[start + (many - 1) // 2] + gap[start + many // 2]) / 2
        return found
