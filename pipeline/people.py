"""The people of one source partition, as columns over slots.

A slot belongs to one person, listed or seen, until that person is forgotten; then it is empty and may be given again.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from pipeline.acts import (
    COUNTERS,
    IN_COUNTER,
    IN_MEASURE,
    IS_ACTIVE,
    IS_CONTRIBUTION,
    MEASURES,
    NEVER,
    Acts,
    Bools,
    Ints,
)
from pipeline.ids import Slots
from pipeline.segments import DEPARTMENT, MANAGER, REGION, Segments
from schemas.directory import Listing

ABSENT, LISTED_PERSON, LISTED_GUEST, LISTED_SERVICE = range(4)
KINDS: Final = ("unknown", "person", "guest", "service")
_KIND: Final = {
    None: LISTED_PERSON,
    "person": LISTED_PERSON,
    "guest": LISTED_GUEST,
    "service": LISTED_SERVICE,
}
UNLISTED: Final = np.array([0, 1, 2, 3], np.int32)
"""Segments of somebody of whom the directory says nothing: the company and three times `unknown`."""
_ONE: Final = np.uint32(1)  # of the counters' type: numpy is many times slower with any other


class People:
    """Columns; every array's last axis is the slot."""

    def __init__(self, segments: Segments, grown: Callable[[int], None]) -> None:
        self.segments_of = segments
        self._grown = grown
        """Told how many slots there is room for, before any of them is given."""
        self.slot = Slots()
        self._free: list[int] = []
        self._allocate(64)
        grown(64)
        self.listing_version = 0
        """Raised by each change of what `counted`, `enabled` or `segment` say."""

    def _allocate(self, size: int) -> None:
        self.segment = np.tile(UNLISTED[:, None], size)
        """(4, n) region, department and manager as segments, after the company's 0."""
        self.closed: Ints = np.full((len(MEASURES), size), NEVER, np.int64)
        """(3, n) last time per measure, ms, of what lies in closed steps: what windows are counted from."""
        self.latest: Ints = np.full((len(MEASURES), size), NEVER, np.int64)
        """(3, n) the same of everything read: what gauges and `esn.people` show."""
        self.first: Ints = np.full(size, -NEVER, np.int64)
        self.first_made: Ints = np.full(size, -NEVER, np.int64)
        """(n,) first contribution, ms."""
        self.counters = np.zeros((len(COUNTERS), size), np.uint32)
        self.kind = np.zeros(size, np.uint8)
        self.counted: Bools = np.zeros(size, bool)
        self.enabled: Bools = np.zeros(size, bool)
        """Enabled and of kind person: in the population."""
        self.is_enabled: Bools = np.zeros(size, bool)
        self.leader: Bools = np.zeros(size, bool)
        self.ambassador: Bools = np.zeros(size, bool)
        self.changed: Bools = np.zeros(size, bool)
        """Their row in `esn.people` is out of date."""

    COLUMNS: Final = ("segment", "closed", "latest", "first", "first_made", "counters", "kind", "counted", "enabled",
                      "is_enabled", "leader", "ambassador", "changed")  # fmt: skip

    def __len__(self) -> int:
        return len(self.slot)

    @property
    def name(self) -> list[str | None]:
        """Who has each slot that was ever given, None where nobody has it."""
        return self.slot.name

    def of(self, name: str) -> int:
        """Return the slot of a person, giving them one if they are new."""
        slot = self.slot.get(name)
        return self._start(name) if slot is None else slot

    def _start(self, name: str) -> int:
        if self._free:
            slot = self._free.pop()
        else:
            slot = len(self.name)
            if slot == len(self.kind):
                self._grow(slot // 16 + 64)
        self.slot.add(name, slot)
        self.counted[slot] = True
        return slot

    def _grow(self, by: int) -> None:
        old = {column: getattr(self, column) for column in self.COLUMNS}
        self._allocate(by)
        for column in self.COLUMNS:  # one by one: what was copied is let go of
            setattr(self, column, np.concatenate([old.pop(column), getattr(self, column)], axis=-1))
        self._grown(len(self.kind))

    def restore(self, names: list[str | None]) -> None:
        """Give the slots to these people, None for nobody; their columns are as new."""
        self._allocate(max(64, len(names)))
        self._grown(len(self.kind))
        self.slot.restore(names)
        self._free = [slot for slot in range(len(names) - 1, -1, -1) if names[slot] is None]

    def list_(self, listing: Listing) -> int:
        """Take over a directory record; return its slot."""
        slot = self.of(listing.person or "")
        kind = _KIND[listing.kind]
        self.kind[slot] = kind
        self.is_enabled[slot] = listing.is_enabled
        self.counted[slot] = listing.is_enabled and kind != LISTED_SERVICE
        self.enabled[slot] = listing.is_enabled and kind == LISTED_PERSON
        of = self.segments_of.of
        self.segment[1:, slot] = (
            of(REGION, listing.region),
            of(DEPARTMENT, listing.department),
            of(MANAGER, listing.manager),
        )
        self.leader[slot] = bool(listing.leader)
        self.ambassador[slot] = bool(listing.ambassador)
        self.changed[slot] = True
        self.listing_version += 1
        return slot

    def forget(self, name: str) -> int | None:
        """Remove a person from all columns; return the slot that is empty now, or None if nobody had that name."""
        slot = self.slot.pop(name)
        if slot is None:
            return None
        nothing = {"closed": NEVER, "latest": NEVER, "first": -NEVER, "first_made": -NEVER}
        for column in self.COLUMNS:
            getattr(self, column)[..., slot] = nothing.get(column, 0)
        self.segment[:, slot] = UNLISTED
        self._free.append(slot)
        self.listing_version += 1
        return slot

    def see(self, acts: Acts, in_time: Bools) -> None:
        """Take acts into what is known now; `in_time` (n,) says which of them still move the counters."""
        for latest, which in zip(self.latest, IN_MEASURE.take(acts.action, axis=1), strict=True):
            np.maximum.at(latest, acts.person[which], acts.time[which])
        active = IS_ACTIVE[acts.action]
        who = acts.person[active]
        np.minimum.at(self.first, who, acts.time[active])
        made = IS_CONTRIBUTION.take(acts.action)
        np.minimum.at(self.first_made, acts.person[made], acts.time[made])
        for counter, which in zip(self.counters, IN_COUNTER.take(acts.action, axis=1) & in_time, strict=True):
            np.add.at(counter, acts.person[which], _ONE)
        self.changed[who] = True

    def enabled_per_segment(self) -> Ints:
        """Count enabled people of kind person per segment, communities excepted."""
        size = len(self.segments_of)
        people = np.zeros(size, np.int64)
        for segment in self.segment:
            people += np.bincount(segment[self.enabled], minlength=size)
        return people
