"""Communities: who may act where, who joins and leaves, and what was written in each lately.

A person has a few communities in mind (slots); acting in one begins with joining it. Each community, and the place
outside all of them (bucket 0), remembers its last objects in a ring, so that people answer what they could have read.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agents.simulation.dice import Dice, Ints, Mask
from agents.simulation.people import Staff

SLOTS: Final = 8
RING: Final = 1024
NOWHERE: Final = 0  # the bucket of acts outside communities


class Communities:
    """Buckets 1.. are communities; `names[bucket]` is the id."""

    def __init__(self, dice: Dice, staff: Staff, names: tuple[str, ...], days: float) -> None:
        self._dice = dice
        self.names = ["", *names]
        room = len(names) + round(len(names) * days / 30) + 4  # how many there may be in the end
        self._room = room
        self._popular = np.cumsum(room * 4 // np.arange(1, len(names) + 1) + 1)
        self.wish = self._wishes((len(staff.ids), SLOTS)).astype(np.int32)
        self.wish[dice.below(SLOTS, self.wish.size).reshape(self.wish.shape) >= 4] = NOWHERE
        self.joined = np.zeros(self.wish.shape, dtype=np.bool_)
        self.count = np.zeros(room + 1, dtype=np.int64)
        size = (room + 1) * RING
        self.serial = np.full(size, -1, dtype=np.int64)
        self.root = np.full(size, -1, dtype=np.int64)
        self.author = np.full(size, -1, dtype=np.int64)
        self.asker = np.full(size, -1, dtype=np.int64)  # the root's author
        self.kind = np.zeros(size, dtype=np.int8)

    def _wishes(self, shape: tuple[int, ...]) -> Ints:
        return (self._dice.pick(self._popular, int(np.prod(shape))) + 1).reshape(shape)

    def join(self, actor: Ints, slot: Ints) -> None:
        """Note that people joined what they have in this slot."""
        self.joined[actor, slot] = True

    def leave(self, actor: Ints, slot: Ints) -> None:
        """Note that people left, and give them something else to join later."""
        self.joined[actor, slot] = False
        self.wish[actor, slot] = self._wishes((len(actor),))

    def create(self, actor: int) -> int:
        """Let somebody create a community, where there is room for one; the owner is in it. 0 = no room."""
        if len(self.names) > self._room:
            return NOWHERE
        bucket = len(self.names)
        self.names.append(f"club-{bucket}")
        self._popular = np.append(self._popular, self._popular[-1] + 6)
        self.wish[actor, 0], self.joined[actor, 0] = bucket, True
        return bucket

    def places(self, bucket: Ints, creates: Mask) -> Ints:
        """Return how many objects each row's bucket has seen before the row; afterwards the counts are the new ones."""
        order = np.argsort(bucket, kind="stable")
        made = creates[order].astype(np.int64)
        before = np.cumsum(made) - made
        groups = bucket[order]
        opens = np.searchsorted(groups, groups, side="left")
        places = np.empty(len(bucket), dtype=np.int64)
        places[order] = self.count[groups] + before - before[opens]
        self.count += np.bincount(bucket[creates], minlength=len(self.count))
        return places

    def recent(self, bucket: Ints, place: Ints) -> Ints:
        """Return the ring index of an earlier object of the same bucket, newer ones oftener; -1 where there is none."""
        width = np.minimum(place, RING // 4)
        first = self._dice.below(np.maximum(width, 1), len(place))
        back = self._dice.below(first + 1, len(place)) // 2
        return np.where(width > 0, bucket * RING + (place - 1 - back) % RING, -1)

    def write(self, index: Ints, serial: Ints, author: Ints, kind: NDArray[np.int8]) -> None:
        """Put new objects into the ring; who answers something is told by `answer` afterwards."""
        self.serial[index], self.author[index], self.kind[index] = serial, author, kind
        self.root[index], self.asker[index] = serial, author

    def answer(self, index: Ints, target: Ints) -> None:
        """Hang new objects below their targets, which may be new themselves: link by link up to the root."""
        self.root[index] = -1
        while len(index):
            ready = self.root[target] >= 0
            if not ready.any():
                self.root[index], self.asker[index] = self.serial[index], self.author[index]
                return
            done, above = index[ready], target[ready]
            self.root[done], self.asker[done], self.kind[done] = self.root[above], self.asker[above], self.kind[above]
            index, target = index[~ready], target[~ready]
