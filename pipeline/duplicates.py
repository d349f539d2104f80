"""Which events were read before: an exact memory of the last 24 hours of event time.

Digests of 64 bits in open-addressing tables, one per six hours of event time, so that forgetting is dropping a table.
An event finds its digest taken by another's with a chance of (events in memory) / 2^64: with 10 million a day in one
partition that loses one event in five hundred years.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.acts import Bools, Ints
from pipeline.probing import fill
from pipeline.windows import DAY_MS, HOUR_MS

MEMORY_MS: Final = DAY_MS
_SPAN_MS: Final = 6 * HOUR_MS
_SMALLEST: Final = 1 << 10

Digests = NDArray[np.uint64]


class Table:
    """A set of non-zero digests: linear probing, at most half full."""

    def __init__(self, slots: int = _SMALLEST) -> None:
        self.slots: Digests = np.zeros(slots, np.uint64)
        self.order: Digests = np.zeros(slots // 2, np.uint64)
        """The `used` digests in the order of adding: what is written down grows at its end only."""
        self.used = 0

    def holds(self, digests: Digests) -> Bools:
        """Say for each digest whether it is in the set."""
        found = np.zeros(len(digests), bool)
        mask = np.uint64(len(self.slots) - 1)
        place = digests & mask
        open_ = np.arange(len(digests))
        while len(open_):
            there = self.slots[place[open_]]
            found[open_] = there == digests[open_]
            open_ = open_[(there != 0) & (there != digests[open_])]
            place[open_] = (place[open_] + np.uint64(1)) & mask
        return found

    def add(self, digests: Digests) -> None:
        """Add digests that differ from one another and are not in the set."""
        if 2 * (self.used + len(digests)) > len(self.slots):
            self._grow(2 * (self.used + len(digests)))
        self._place(digests)
        self.order[self.used : self.used + len(digests)] = digests
        self.used += len(digests)

    def _place(self, digests: Digests) -> None:
        fill(self.slots, digests, (digests & np.uint64(len(self.slots) - 1)).view(np.int64), empty=0)

    def _grow(self, wanted: int) -> None:
        old = self.order[: self.used]
        self.slots = np.zeros(1 << int(2 * wanted - 1).bit_length(), np.uint64)
        self.order = np.zeros(len(self.slots) // 2, np.uint64)
        self.order[: self.used] = old
        self._place(old)


def _first(digests: Digests) -> Ints | slice:
    """Say which of them are the first of their kind, in order."""
    in_order = np.sort(digests)
    if (in_order[1:] != in_order[:-1]).all():  # most often: ten times cheaper than the places
        return slice(None)
    return np.sort(np.unique(digests, return_index=True)[1])


class Duplicates:
    """The tables of one source partition."""

    def __init__(self) -> None:
        self.tables: dict[int, Table] = {}

    def see(self, digests: Digests, times: Ints, watermarks: Ints) -> Bools:
        """Say which events are duplicates, and remember the others.

        `watermarks` (n,) is the watermark before each event was read. Events more than 24 h behind it are not checked
        and never called duplicates: all they can still do is idempotent.
        """
        duplicate = times >= watermarks - MEMORY_MS
        new = np.flatnonzero(duplicate)
        new = new[_first(digests[new])]
        for table in self.tables.values():
            new = new[~table.holds(digests[new])]
        duplicate[new] = False
        spans = times[new] // _SPAN_MS
        for span in sorted(set(spans.tolist())):
            self.tables.setdefault(span, Table()).add(digests[new[spans == span]])
        return duplicate

    def forget(self, watermark: int) -> None:
        """Drop what lies wholly more than 24 h behind the watermark."""
        for span in [span for span in self.tables if (span + 1) * _SPAN_MS <= watermark - MEMORY_MS]:
            del self.tables[span]
