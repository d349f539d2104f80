"""The order of the file: shuffled a little, some events twice, some far too late, heartbeats between them.

Every line has a place (ms): an event's time, moved later by at most the shuffling. A heartbeat's place is its time, so
all lines before it are of that time or earlier, and it is the newest time so far. Late events and long-delayed
duplicates wait and come straight after a heartbeat; a late event's time is below the heartbeat's less the lateness.
"""

from heapq import heappop, heappush
from typing import Final

import numpy as np

from agents.simulation.dice import Dice, Ints

MINUTE: Final = 60_000
HOUR: Final = 3_600_000
SOON: Final = 20_000


class Disorder:
    """Takes events in order of time, gives lines in the order of the file."""

    def __init__(
        self,
        seed: int,
        end_ms: int,
        *,
        shuffle_ms: int,
        duplicates: float,
        late: float,
        lateness_ms: int,
        heartbeat_ms: int,
    ) -> None:
        self._dice = Dice(seed, "disorder")
        self._end, self._shuffle, self._lateness, self._heartbeat = end_ms, shuffle_ms, lateness_ms, heartbeat_ms
        self._duplicates, self._late = duplicates, late
        self._places = np.empty(0, dtype=np.int64)
        self._lines: list[bytes] = []
        self._waiting: list[tuple[int, int, bytes]] = []
        self._waited = 0

    def arrange(
        self, time: Ints, lines: list[bytes], changes: tuple[Ints, list[bytes]], beats: tuple[Ints, list[bytes]]
    ) -> list[bytes]:
        """Return what stands in the file up to the last of `beats`; later places are kept for the next call."""
        place = time + self._dice.below(self._shuffle + 1, len(time)) if self._shuffle else time
        on_time = self._hold_late(time, lines)
        again, copies = self._repeat(np.flatnonzero(on_time), place, lines)
        if not on_time.all():
            place, lines = place[on_time], [line for line, kept in zip(lines, on_time.tolist(), strict=True) if kept]
        places = np.concatenate([self._places, place, again, changes[0], beats[0]])
        every = [*self._lines, *lines, *copies, *changes[1], *beats[1]]
        order = np.argsort(places, kind="stable")
        until = int(beats[0][-1])
        cut = int(np.searchsorted(places[order], until, side="right"))
        later = order[cut:]
        self._places, self._lines = places[later], [every[row] for row in later.tolist()]
        return self._release(order[:cut], every, len(every) - len(beats[1]), beats[0])

    def rest(self) -> list[bytes]:
        """Return what is left when the run is over: events shuffled behind the last heartbeat."""
        left, self._lines = self._lines, []
        return left

    def _release(self, order: Ints, every: list[bytes], first_beat: int, beats: Ints) -> list[bytes]:
        """Write the lines down, and after each heartbeat what waited for it."""
        if not self._waiting:
            return [every[row] for row in order.tolist()]
        out: list[bytes] = []
        begin = 0
        for position in np.flatnonzero(order >= first_beat).tolist():
            out += [every[row] for row in order[begin : position + 1].tolist()]
            begin = position + 1
            now = int(beats[order[position] - first_beat])
            while self._waiting and self._waiting[0][0] <= now:
                out.append(heappop(self._waiting)[2])
        return out + [every[row] for row in order[begin:].tolist()]

    def _wait(self, due: int, line: bytes) -> None:
        self._waited += 1
        heappush(self._waiting, (min(due, self._end), self._waited, line))

    def _hold_late(self, time: Ints, lines: list[bytes]) -> "np.typing.NDArray[np.bool_]":
        """Set late events aside: a half by minutes, a quarter by hours, a quarter by more than a day."""
        held = self._dice.share(self._late, len(time)) & (time < self._end - self._lateness - self._heartbeat)
        rows = np.flatnonzero(held)
        how = self._dice.below(4, len(rows))
        least = np.array([0, 0, HOUR, 24 * HOUR + MINUTE])[how]
        most = np.array([HOUR, HOUR, 20 * HOUR, 40 * HOUR])[how]
        due = time[rows] + self._lateness + 1 + least + self._dice.below(most - least, len(rows))
        for row, when in zip(rows.tolist(), due.tolist(), strict=True):
            self._wait(when, lines[row])
        return ~held

    def _repeat(self, rows: Ints, place: Ints, lines: list[bytes]) -> tuple[Ints, list[bytes]]:
        """Send some events twice: at once, in the next seconds, or up to 20 hours later."""
        twice = rows[self._dice.share(self._duplicates, len(rows))]
        how = self._dice.below(3, len(twice))
        delay = self._dice.below(np.array([1, SOON, 20 * HOUR - MINUTE])[how], len(twice))
        for row, wait in zip(twice[how == 2].tolist(), delay[how == 2].tolist(), strict=True):
            self._wait(int(place[row]) + wait, lines[row])
        near = how < 2
        return place[twice[near]] + delay[near], [lines[row] for row in twice[near].tolist()]
