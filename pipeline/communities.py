"""Who acts in which community, and who belongs to it: columns over (person, community) pairs."""

from typing import Final

import numpy as np

from pipeline.acts import CONTRIBUTE, CREATE_CODE, IN_MEASURE, JOINS, LEAVE_CODE, NEVER, NOBODY, Acts, Bools, Ints
from pipeline.probing import fill

MEASURES_HERE: Final = np.array([0, CONTRIBUTE])
"""Communities know no logins: their measures are active and contribute."""
ACTED, CONTRIBUTED, JOINED, LEFT, CREATED = range(5)
_ACTIONS: Final = np.arange(IN_MEASURE.shape[1])
IN_ROW: Final = np.stack(
    [*IN_MEASURE[MEASURES_HERE], np.isin(_ACTIONS, JOINS), _ACTIONS == LEAVE_CODE, _ACTIONS == CREATE_CODE]
)
"""(row of a pair's columns, action) -> does it count there."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 by the golden ratio: the highest bits of a product with it are well mixed."""


class Pairs:
    """Columns over pairs; a pair of a forgotten person stays empty and is given again.

    A pair's slot is found in an open-addressing table of slots, at most half full. What it finds is compared with the
    columns, so the entry of a pair that is no more does no harm; it goes when the table grows.
    """

    def __init__(self) -> None:
        self._free: list[int] = []
        self._next = 0
        self._allocate(64)
        self._index()

    def _allocate(self, size: int) -> None:
        self.person: Ints = np.full(size, NOBODY, np.int32)
        self.community: Ints = np.zeros(size, np.int32)
        self.closed: Ints = np.full((5, size), NEVER, np.int64)
        """(5, n) last acted, contributed, joined, left, created it, ms, of what lies in closed steps."""
        self.latest: Ints = np.full((5, size), NEVER, np.int64)
        """The same of everything read."""

    def of(self, persons: Ints, communities: Ints) -> Ints:
        """Return the slot of each pair, giving it one if it is new."""
        slots = self._find(persons, communities)
        new = np.flatnonzero(slots == NOBODY)
        if len(new):
            persons, communities = persons[new], communities[new]
            _, first = np.unique(_key(persons, communities), return_index=True)
            first.sort()  # slots are given in the order of reading
            self._start(persons[first], communities[first])
            slots[new] = self._find(persons, communities)
        return slots

    def _find(self, persons: Ints, communities: Ints) -> Ints:
        """Return the slot of each pair, NOBODY if it has none."""
        slots = np.full(len(persons), NOBODY, np.int64)
        place = self._place(persons, communities)
        open_ = np.arange(len(persons))
        while len(open_):
            there = self._table[place]
            taken = there != NOBODY
            same = taken & (self.person[there] == persons[open_]) & (self.community[there] == communities[open_])
            slots[open_[same]] = there[same]
            on = taken & ~same
            open_, place = open_[on], (place[on] + 1) & (len(self._table) - 1)
        return slots

    def _place(self, persons: Ints, communities: Ints) -> Ints:
        """Return where the table's entry of each pair is, or one of the next places."""
        mixed = _key(persons, communities).view(np.uint64) * _MIX
        return (mixed >> np.uint64(65 - len(self._table).bit_length())).view(np.int64)

    def _start(self, persons: Ints, communities: Ints) -> None:
        """Give slots to new pairs that differ from one another."""
        again = [self._free.pop() for _ in range(min(len(persons), len(self._free)))]
        end = self._next + len(persons) - len(again)
        slots = np.array([*again, *range(self._next, end)])
        self._next = end
        if end > len(self.person):
            self._grow(end + end // 2)
        self.person[slots], self.community[slots] = persons, communities
        if 2 * (self._entries + len(slots)) > len(self._table):
            self._index()
        else:
            self._enter(slots)

    def _index(self) -> None:
        """Make the table anew, a quarter full at most."""
        used = self.used()
        self._table = np.full(1 << max(7, int(4 * len(used)).bit_length()), NOBODY, np.int32)
        self._entries = 0
        self._enter(used)

    def _enter(self, slots: Ints) -> None:
        self._entries += len(slots)
        fill(self._table, slots, self._place(self.person[slots], self.community[slots]), NOBODY)

    def _grow(self, size: int) -> None:
        old = self.person, self.community, self.closed, self.latest
        many = len(self.person)
        self._allocate(size)
        for values, before in zip((self.person, self.community, self.closed, self.latest), old, strict=True):
            values[..., :many] = before

    def restore(self, person: Ints, community: Ints) -> None:
        """Give the slots to these pairs, NOBODY's being empty; their times are as new."""
        self._next = size = len(person)
        self._allocate(max(64, size))
        self.person[:size], self.community[:size] = person, community
        self._free = np.flatnonzero(person == NOBODY)[::-1].tolist()
        self._index()

    def __len__(self) -> int:
        return self._next

    def forget(self, person: int) -> Ints:
        """Remove a person's pairs; return their slots."""
        slots = np.flatnonzero(self.person[: self._next] == person)
        self.person[slots] = NOBODY
        self.closed[:, slots] = self.latest[:, slots] = NEVER
        self._free += slots.tolist()
        return slots

    def see(self, acts: Acts, pairs: Ints) -> None:
        """Take acts inside communities, with their pairs' slots, into what is known now."""
        for latest, which in zip(self.latest, IN_ROW.take(acts.action, axis=1), strict=True):
            np.maximum.at(latest, pairs[which], acts.time[which])

    def used(self) -> Ints:
        """Return the slots in use."""
        return np.flatnonzero(self.person[: self._next] != NOBODY)

    def members(self, pairs: Ints, columns: Ints, enabled: Bools) -> Bools:
        """Say which of these pairs are in their community's enabled people; `columns` is `closed` or `latest`.

        Membership is the later of join and leave; on the same millisecond leaving wins.
        """
        joined: Bools = columns[JOINED, pairs] > columns[LEFT, pairs]
        return joined & enabled[self.person[pairs]]


def per_person(pairs: Pairs, slots: int) -> tuple[Ints, Ints]:
    """Count per slot of a person the communities they belong to now, and those of them that they created."""
    used = pairs.used()
    joined, left, created = (pairs.latest[row, used] for row in (JOINED, LEFT, CREATED))
    belongs, owns = (pairs.person[used[since > left]] for since in (joined, created))
    return np.bincount(belongs, minlength=slots), np.bincount(owns, minlength=slots)


def _key(persons: Ints, communities: Ints) -> Ints:
    return persons.astype(np.int64) << 32 | communities
