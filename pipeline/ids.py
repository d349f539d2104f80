"""People's ids and their slots: 25 bytes a person besides the text, where a list, a dict and its numbers took 75.

Ids are looked up by 64-bit hashes (`digest_of`), many at once. Two people of a million have the same hash with a chance
of 1 in 40 million; they would be one.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from pipeline.acts import NOBODY, Ints
from pipeline.probing import fill

digest_of: Final = xxh3_64_intdigest
_SMALLEST: Final = 1 << 7
_LEFT: Final = -1


class Slots:
    """The slot of each id: open addressing, linear probing, at most two thirds full."""

    def __init__(self) -> None:
        self.name: list[str | None] = []
        """By slot; None where nobody is."""
        self._digest = np.zeros(64, np.uint64)
        """By slot."""
        self._table = np.zeros(_SMALLEST, np.int32)
        """Slot + 1; 0: free, _LEFT: who was here is gone."""
        self._used = self._gone = 0
        """Places that are not free, and those of them that somebody left."""

    def __len__(self) -> int:
        return self._used - self._gone

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.name if name is not None)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def find(self, digests: NDArray[np.uint64]) -> Ints:
        """Return the slots of ids by their digests (n,), NOBODY of those that nobody has."""
        mask = np.uint64(len(self._table) - 1)
        found = np.full(len(digests), NOBODY)
        place, open_ = digests & mask, np.arange(len(digests))
        while len(open_):
            slot = self._table[place[open_]] - 1
            here = (slot >= 0) & (self._digest[slot] == digests[open_])
            found[open_[here]] = slot[here]
            open_ = open_[(slot != -1) & ~here]
            place[open_] = (place[open_] + np.uint64(1)) & mask
        return found

    def get(self, name: str) -> int | None:
        """Return the slot of an id, or None if nobody has it."""
        slot = int(self._table[self._place(digest_of(name))]) - 1
        return None if slot < 0 else slot

    def _place(self, digest: int) -> int:
        """Return where a digest is in the table, or the free place at which it would be."""
        mask = len(self._table) - 1
        place = digest & mask
        while (entry := int(self._table[place])) and (entry == _LEFT or int(self._digest[entry - 1]) != digest):
            place = (place + 1) & mask
        return place

    def add(self, name: str, slot: int) -> None:
        """Give a slot, the next one or one that is empty, to an id that has none."""
        if slot == len(self.name):
            self.name.append(name)
            if slot == len(self._digest):
                self._digest = np.append(self._digest, np.zeros(slot // 16 + 64, np.uint64))
        self.name[slot] = name
        self._digest[slot] = digest = digest_of(name)
        self._used += 1
        if 3 * self._used > 2 * len(self._table):
            self._rebuild()
        else:
            self._table[self._place(digest)] = slot + 1

    def pop(self, name: str) -> int | None:
        """Take the slot from an id and return it, or None if it has none."""
        place = self._place(digest_of(name))
        slot = int(self._table[place]) - 1
        if slot < 0:
            return None
        self._table[place] = _LEFT
        self._gone += 1
        self.name[slot] = None
        return slot

    def restore(self, names: list[str | None]) -> None:
        """Give the slots to these people, None for nobody."""
        self.name = names
        self._digest = np.zeros(max(64, len(names)), np.uint64)
        self._digest[: len(names)] = np.fromiter((digest_of(name or "") for name in names), np.uint64, len(names))
        self._rebuild()

    def _rebuild(self) -> None:
        slots = np.flatnonzero([name is not None for name in self.name]).astype(np.int32)
        self._used, self._gone = len(slots), 0
        self._table = np.zeros(max(_SMALLEST, 1 << (2 * len(slots)).bit_length()), np.int32)
        places = self._digest[slots] & np.uint64(len(self._table) - 1)
        fill(self._table, slots + 1, places.view(np.int64), empty=0)
