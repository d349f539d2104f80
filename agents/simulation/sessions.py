"""When somebody is there: sessions, that is a login and some acts with minutes between them.

Sessions are drawn per quarter of an hour, weighted by the region's rhythm and the person's own eagerness, in batches of
many quarters where the company is small. The rows of a batch are complete and sorted by time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agents.simulation.dice import Dice, Ints, Mask, table
from agents.simulation.people import SERVICE, Staff
from agents.simulation.rhythm import SLOT_SECONDS, slot_weights

ACT, LOGIN, FAILED = range(3)
SIZES: Final = table([0, 18, 17, 14, 11, 9, 7, 6, 5, 4, 3, 2, 2, 1, 1])  # acts in a session
OPENING: Final = table([22, 73, 5])  # a session begins with an act (still logged in), a login, or a failure
GAP_MS: Final = (1_500, 170_000)
EVENTS_PER_SESSION: Final = float(SIZES.mean()) + float((OPENING > 0).mean())
BATCH_EVENTS: Final = 30_000
SLOT_MS: Final = SLOT_SECONDS * 1000
DAY_SLOTS: Final = 96
EARLIER: Final = 3  # quarters before the start, whose sessions are still going on then


@dataclass
class Rows:
    """What happens, before anybody knows what it is: times (ms), actors, ACT, LOGIN or FAILED."""

    time: Ints
    actor: Ints
    what: NDArray[np.int8]

    def __getitem__(self, chosen: Ints | Mask | slice) -> "Rows":
        """Take some rows."""
        return Rows(self.time[chosen], self.actor[chosen], self.what[chosen])

    def __add__(self, other: "Rows") -> "Rows":
        return Rows(
            np.concatenate([self.time, other.time]),
            np.concatenate([self.actor, other.actor]),
            np.concatenate([self.what, other.what]),
        )


class Sessions:
    """Draws the sessions of a run of `slots` quarters; `expected` events a second on average."""

    def __init__(self, seed: int, staff: Staff, start_ms: int, end_ms: int, expected: float) -> None:
        self._dice = Dice(seed, "sessions")
        self._start, self._end = start_ms, end_ms
        self._zero = start_ms - EARLIER * SLOT_MS  # where the quarters begin
        slots = -(-(end_ms - self._zero) // SLOT_MS)
        group = np.where(staff.region >= 0, staff.region, 0)  # who has no region keeps the first one's hours
        group[staff.kind == SERVICE] = len(staff.regions)
        self._people = np.argsort(group, kind="stable")
        self._bounds = np.cumsum(staff.weight[self._people])
        sizes = np.bincount(group, minlength=len(staff.regions) + 1)
        ends = np.concatenate([[0], self._bounds])[np.cumsum(sizes)]
        self._before = np.concatenate([[0], ends[:-1]])
        self._eagerness = ends - self._before
        self._pull = np.cumsum(slot_weights(staff.regions, self._zero, slots) * self._eagerness, axis=1)
        total = int(self._pull[EARLIER:, -1].sum())
        seconds = (end_ms - start_ms) / 1000
        moods = 930 + self._dice.below(141, slots // DAY_SLOTS + 1)  # no two days are the same: 93 to 107 %
        mood = np.repeat(moods / 1000, DAY_SLOTS)[:slots]
        self._expected = mood * self._pull[:, -1] * (expected * seconds / EVENTS_PER_SESSION / total)

    def batches(self, edge_share: float, grids_ms: tuple[int, ...]) -> Iterator[tuple[int, Rows]]:
        """Yield (end of the batch in ms, its rows); `edge_share` of the times lie on a grid's edge or 1 ms beside."""
        waiting = Rows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int8))
        slot = 0
        while slot < len(self._expected):
            begin, slot = slot, self._batch_end(slot)
            low = self._zero + begin * SLOT_MS
            high = min(self._zero + slot * SLOT_MS, self._end)
            fresh = self._draw(begin, slot)
            self._to_edges(fresh, edge_share, grids_ms, low)
            rows = waiting + fresh
            rows = rows[np.argsort(rows.time, kind="stable")]
            last = slot == len(self._expected)
            now = int(np.searchsorted(rows.time, high, side="right" if last else "left"))
            if high > self._start:
                yield high, rows[int(np.searchsorted(rows.time, self._start)) : now]
            waiting = rows[now:]

    def _batch_end(self, begin: int) -> int:
        """Take quarters until there is enough to do, at most a day of them."""
        events = np.cumsum(self._expected[begin : begin + DAY_SLOTS]) * EVENTS_PER_SESSION
        return begin + max(1, int(np.searchsorted(events, BATCH_EVENTS, side="right")))

    def _counts(self, begin: int, end: int) -> Ints:
        """Draw the number of sessions of each quarter: about Poisson, from sums of even draws."""
        expected = self._expected[begin:end]
        size = len(expected)
        even = self._dice.below(1 << 20, size * 12).reshape(12, size).sum(axis=0)
        noise = even / (1 << 20) - 6  # mean 0 (nearly), variance 1
        spread = np.where(expected > 9, np.sqrt(expected), np.minimum(expected, 3) / 3)
        dither = self._dice.below(1 << 20, size) / (1 << 20)
        counts: Ints = np.maximum(np.floor(expected + noise * spread + dither), 0).astype(np.int64)
        return counts

    def _draw(self, begin: int, end: int) -> Rows:
        """Draw the sessions of some quarters and lay out their rows."""
        dice = self._dice
        slot = np.repeat(np.arange(begin, end), self._counts(begin, end))
        count = len(slot)
        where = dice.below(self._pull[slot, -1], count)
        group = (where[:, None] >= self._pull[slot]).sum(axis=1)
        place = self._before[group] + dice.below(self._eagerness[group], count)
        person = self._people[np.searchsorted(self._bounds, place, side="right")]
        opens = self._zero + slot * SLOT_MS + dice.below(SLOT_MS, count)
        opening = OPENING[dice.below(len(OPENING), count)]
        rows = SIZES[dice.below(len(SIZES), count)].astype(np.int64) + (opening > 0)
        first = np.cumsum(rows) - rows
        total = int(rows.sum())
        gap = GAP_MS[0] + dice.below(GAP_MS[1] - GAP_MS[0], total)
        gap[first] = 0
        walked = np.cumsum(gap)
        time = np.repeat(opens - walked[first], rows) + walked
        what = np.zeros(total, dtype=np.int8)
        what[first] = opening
        return Rows(time, np.repeat(person, rows), what)

    def _to_edges(self, rows: Rows, share: float, grids_ms: tuple[int, ...], low: int) -> None:
        """Move some rows onto the nearest edge of a grid, or a millisecond before or after it."""
        chosen = np.flatnonzero(self._dice.share(share, len(rows.time)))
        if len(chosen):
            grid = np.array(grids_ms)[self._dice.below(len(grids_ms), len(chosen))]
            beside = self._dice.below(3, len(chosen)) - 1
            edge = (rows.time[chosen] + grid // 2) // grid * grid + beside
            rows.time[chosen] = np.maximum(edge, low)
