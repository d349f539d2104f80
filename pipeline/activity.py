"""Events per minute, segment, action, object kind and client.

A minute waits until it closes and is then counted once, with the directory of that moment. Events that come for a
minute that the watermark has left behind (at most 24 h late) are counted beside it, by the directory as it was at the
minute's closing; the view adds the two. Which of the two an event is in depends on the record alone, not on when the
minute was closed: what is read and written again after a crash has the same keys.
"""

from collections import defaultdict
from typing import Final, NamedTuple

import numpy as np

from pipeline.acts import NEVER, NOBODY, Acts, Ints
from pipeline.people import People
from pipeline.segments import Segments
from pipeline.windows import DAY_MS, MINUTE_MS
from schemas.events import ACTIONS, CLIENTS, OBJECT_KINDS

_SHAPE: Final[tuple[int, ...]] = (len(ACTIONS), len(OBJECT_KINDS), len(CLIENTS))
_WHATS: Final = int(np.prod(_SHAPE))


class Counts(NamedTuple):
    """Columns of equal length."""

    minute: Ints
    segment: Ints
    action: Ints
    object_kind: Ints
    client: Ints
    events: Ints


class Before(NamedTuple):
    """What the directory said of somebody until the minutes before `closed_to` were closed."""

    closed_to: int
    segments: Ints
    counted: bool


Key = tuple[int, int, int, int, int]


class Activity:
    """The open minutes of one source partition, and what came late for closed ones."""

    def __init__(self) -> None:
        self.closed_to = NEVER
        """Minutes that start before this (ms) are closed."""
        self.open_acts: list[Acts] = []
        self.late_acts: list[Acts] = []
        """Acts that are late for minutes that the watermark has left behind, but that are still to be closed."""
        self.late: defaultdict[Key, int] = defaultdict(int)
        """(minute, segment, action, kind, client) -> events that came late so far."""
        self.touched: set[Key] = set()
        """Keys of `late` that changed since `corrections()`."""
        self.before: defaultdict[int, list[Before]] = defaultdict(list)
        """Slot -> what the directory said, oldest first."""

    def see(self, acts: Acts, watermark: Ints, people: People) -> None:
        """Take acts of somebody; `watermark` (n,) is the one before each of them."""
        end = (acts.time // MINUTE_MS + 1) * MINUTE_MS
        late = end < watermark
        if not late.any():
            self.open_acts.append(acts)
            return
        self.open_acts.append(acts.take(~late))
        self.come_late(acts.take(late & (acts.time >= watermark - DAY_MS)), people)

    def come_late(self, acts: Acts, people: People) -> None:
        """Count acts for minutes that the watermark has left behind; those still to be closed wait for it."""
        closed = acts.time < self.closed_to  # closed_to is a minute's start
        for place in np.flatnonzero(closed).tolist():
            self._correct(acts, place, people)
        if not closed.all():
            self.late_acts.append(acts.take(~closed))

    def _correct(self, acts: Acts, place: int, people: People) -> None:
        slot = int(acts.person[place])
        minute = int(acts.time[place]) // MINUTE_MS * MINUTE_MS
        segments, counted = people.segment[:, slot], bool(people.counted[slot])
        for before in self.before.get(slot, ()):
            if minute < before.closed_to:
                segments, counted = before.segments, before.counted
                break
        if not counted:
            return
        community = int(acts.community[place])
        what = int(acts.action[place]), int(acts.object_kind[place]), int(acts.client[place])
        for segment in [*segments.tolist(), *([community] if community != NOBODY else [])]:
            key = (minute, segment, *what)
            self.late[key] += 1
            self.touched.add(key)

    def remember(self, slot: int, people: People) -> None:
        """Keep what the directory says of somebody, for it is about to change."""
        known = self.before.get(slot)
        if self.closed_to > (known[-1].closed_to if known else NEVER):  # else what it said first holds
            now = Before(self.closed_to, people.segment[:, slot].copy(), bool(people.counted[slot]))
            self.before[slot].append(now)

    def forget(self, slot: int) -> None:
        """Drop what waits of somebody."""
        self.open_acts = [acts.take(acts.person != slot) for acts in self.open_acts]
        self.late_acts = [acts.take(acts.person != slot) for acts in self.late_acts]
        self.before.pop(slot, None)

    def close(self, watermark: int, people: People, segments: Segments) -> Counts:
        """Close the minutes whose end lies before the watermark; count them."""
        closed_to = (watermark - 1) // MINUTE_MS * MINUTE_MS
        if closed_to <= self.closed_to:
            return _NONE
        self.closed_to = closed_to
        acts = Acts.join(self.open_acts)
        due = acts.time < closed_to
        self.open_acts = [acts.take(~due)]
        late, self.late_acts = self.late_acts, []
        self.come_late(Acts.join(late), people)
        self._expire(watermark)
        return _count(acts.take(due & people.counted[acts.person]), people, len(segments))

    def corrections(self) -> Counts:
        """Return the totals of late events that changed since the last call."""
        touched, self.touched = sorted(self.touched), set()
        keys = np.array(touched, np.int64).reshape(-1, 5)
        events = np.array([self.late[key] for key in touched], np.int64)
        minute, segment, action, object_kind, client = keys.T
        return Counts(minute, segment, action, object_kind, client, events)

    def _expire(self, watermark: int) -> None:
        oldest = watermark - DAY_MS - MINUTE_MS
        for key in [key for key in self.late if key[0] < oldest and key not in self.touched]:
            del self.late[key]
        for slot in [slot for slot, before in self.before.items() if before[-1].closed_to < oldest]:
            del self.before[slot]


def _count(acts: Acts, people: People, size: int) -> Counts:
    what = np.ravel_multi_index((acts.action, acts.object_kind, acts.client), _SHAPE)
    when = acts.time // MINUTE_MS * size * _WHATS + what
    inside = acts.community != NOBODY
    keys = [np.multiply(segment.take(acts.person), _WHATS, dtype=np.int64) + when for segment in people.segment]
    keys.append(acts.community[inside] * _WHATS + when[inside])
    key, events = np.unique(np.concatenate(keys), return_counts=True)
    place, what = np.divmod(key, _WHATS)
    minute, segment = np.divmod(place, size)
    action, what = np.divmod(what, _SHAPE[1] * _SHAPE[2])
    object_kind, client = np.divmod(what, _SHAPE[2])
    return Counts(minute * MINUTE_MS, segment, action, object_kind, client, events)


_NO_ROWS: Final = np.empty(0, np.int64)
_NONE: Final = Counts(_NO_ROWS, _NO_ROWS, _NO_ROWS, _NO_ROWS, _NO_ROWS, _NO_ROWS)
