"""Topic clocks, the watermark, and the order in which two topics of one source partition are read.

Late is what lies behind the watermark *when read*, and the watermark is the smaller of two topics' clocks: so numbers
would depend on which topic happens to be fetched first. They do not, because acts are applied in one order only: the
topic whose clock is behind goes first (on a tie the order is of no consequence). It follows that the watermark, when
an act is applied, is its own topic's clock less the lateness, whatever the fetches and restarts were like.

     esn.logins    ----8:01----8:02-------------8:07--          applied: 8:01 8:02 8:03 8:05 8:07
     esn.content   ----8:03----8:05--                           8:07 waits until esn.content goes on, or is idle
"""

from typing import Final

import numpy as np

from pipeline.acts import NEVER, NOBODY, Acts, Bools, Ints

LOGINS, CONTENT = range(2)
INPUTS: Final = ("esn.logins", "esn.content")


class Clocks:
    """The two clocks of a source partition and its watermark, all in ms; none of them goes back."""

    def __init__(self, lateness_ms: int) -> None:
        self.lateness_ms = lateness_ms
        self.read = [NEVER, NEVER]
        """Per topic, the greatest clock of what was applied."""
        self.watermark = NEVER
        self.newest = NEVER
        self._pending: list[list[Acts]] = [[], []]
        self.struck: tuple[set[int], set[int]] = (set(), set())
        """Per topic, offsets of acts whose person was forgotten while they waited; nobody's, also if read again."""

    def add(self, topic: int, acts: Acts) -> None:
        """Let acts of a topic wait for their turn."""
        if len(acts):
            self._pending[topic].append(acts)

    def waiting_acts(self) -> list[Acts]:
        """Return the acts of both topics that wait for their turn."""
        return [part for parts in self._pending for part in parts]

    def waiting(self, topic: int) -> int:
        """Return how many acts of a topic wait for their turn."""
        return sum(len(acts) for acts in self._pending[topic])

    def forget(self, slot: int) -> None:
        """Let what waits of somebody be nobody's."""
        for parts, struck in zip(self._pending, self.struck, strict=True):
            for acts in parts:
                gone = acts.person == slot
                struck.update(acts.offset[gone].tolist())
                acts.person[gone] = NOBODY

    def next_offset(self, topic: int) -> int | None:
        """Return the offset of the first act that waits, or None if none does: everything before it was applied."""
        pending = self._pending[topic]
        return int(pending[0].offset[0]) if pending else None

    def take(self, idle: tuple[bool, bool]) -> tuple[Acts, Ints]:
        """Return the acts whose turn it is, in order, and the watermark before each of them.

        `idle` says of each topic whether nothing of it is expected soon: the other then goes on without it.
        """
        logins, content = (Acts.join(parts) for parts in self._pending)
        keys = tuple(
            _before(clock, acts) for clock, acts in zip(self.read, (logins, content), strict=True)
        )  # an act's key is its topic's clock before it
        limit = [NEVER - 1 if other_idle is False else -NEVER for other_idle in (idle[1], idle[0])]
        ends = [_after(clock, acts) for clock, acts in zip(self.read, (logins, content), strict=True)]
        ready_logins = int(np.searchsorted(keys[0], max(limit[0], ends[1]), side="right"))
        ready_content = int(np.searchsorted(keys[1], max(limit[1], ends[0]), side="right"))
        self._keep(LOGINS, logins, ready_logins)
        self._keep(CONTENT, content, ready_content)
        key = np.concatenate([keys[0][:ready_logins], keys[1][:ready_content]])
        order = np.argsort(key, kind="stable")
        acts = Acts.join([logins.take(slice(ready_logins)), content.take(slice(ready_content))]).take(order)
        return acts, self._advance(acts, order < ready_logins)

    def _keep(self, topic: int, acts: Acts, ready: int) -> None:
        self._pending[topic] = [acts.take(slice(ready, None))] if ready < len(acts) else []
        if self.struck[topic] and ready:
            self.struck[topic].difference_update(acts.offset[:ready].tolist())

    def _advance(self, acts: Acts, is_login: Bools) -> Ints:
        if not len(acts):
            return np.empty(0, np.int64)
        clocks = [
            np.maximum(np.maximum.accumulate(np.where(of_topic, acts.clock, NEVER)), self.read[topic])
            for topic, of_topic in ((LOGINS, is_login), (CONTENT, ~is_login))
        ]
        after = np.maximum.accumulate(np.minimum(*clocks) - self.lateness_ms)
        after = np.maximum(after, self.watermark)
        before = np.concatenate([[self.watermark], after[:-1]])
        self.read = [int(clock[-1]) for clock in clocks]
        self.watermark = int(after[-1])
        self.newest = max(self.newest, *self.read)
        return before

    def idle_until(self, wall: tuple[int | None, int | None]) -> None:
        """Move the watermark by the wall clock; `wall` is, per topic, when it was last known to be idle, ms."""
        clocks = [read if until is None else max(read, until) for read, until in zip(self.read, wall, strict=True)]
        self.watermark = max(self.watermark, min(clocks) - self.lateness_ms)
        self.newest = max(self.newest, *clocks)


def _before(clock: int, acts: Acts) -> Ints:
    """Return the topic's clock before each act."""
    return np.maximum(np.maximum.accumulate(np.concatenate([[clock], acts.clock]))[:-1], clock)


def _after(clock: int, acts: Acts) -> int:
    return max(clock, int(acts.clock.max())) if len(acts) else clock
