"""All state of one source partition, and its three moments: read, apply, close.

    read      acts of a topic, or a directory record, arrive; nothing is counted yet
    apply     acts whose turn it is (see clocks.py) move the watermark and wait in their step and minute
    close     steps and minutes behind the watermark are folded, counted and given out, in order

The caller closes only after the directory was read up to the end that the broker gave after `apply`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final, NamedTuple

import numpy as np

from pipeline import windows
from pipeline.activity import Activity
from pipeline.activity import Counts as ActivityCounts
from pipeline.acts import IN_MEASURE, LOGIN, MEASURES, NEVER, NOBODY, Acts, Ints
from pipeline.clocks import Clocks
from pipeline.communities import ACTED, CONTRIBUTED, IN_ROW, MEASURES_HERE, Pairs
from pipeline.days.book import Days
from pipeline.days.transitions import Transition
from pipeline.days.what import DayCounts
from pipeline.duplicates import MEMORY_MS, Duplicates
from pipeline.hearing import Hearing
from pipeline.people import ABSENT, People
from pipeline.segments import COMMUNITY, DEPARTMENT, DIMENSIONS, HOURLY, MANAGER, REGION, Segments
from pipeline.waiting import Waiting, by_step, fold
from schemas.directory import Listing

_COUNTED: Final = (REGION, DEPARTMENT, MANAGER)
"""The company is not counted: it is all regions, of which everybody has one."""
_EACH: Final = range(len(DIMENSIONS))
_EACH_STEP: Final = [dimension for dimension in _EACH if dimension not in HOURLY]
_GAUGED: Final = [dimension for dimension in _EACH if dimension != MANAGER]
STRANGERS: Final = 10_000
"""So many new people may turn up before it is looked whether they are any."""


class StepCounts(NamedTuple):
    """One closed step's rows: columns of equal length, `windows` (n, 5)."""

    at: int
    measure: Ints
    segment: Ints
    enabled: Ints
    adopted_7d: Ints
    windows: Ints
    silent_since: int | None = None
    """Since when a source was silent during the step; None: it is fed."""


class Report(NamedTuple):
    """From a day on, people report to a manager (a segment)."""

    day: int
    person: list[str]
    manager: Ints


@dataclass
class Closed:
    """What a closing gives out."""

    steps: list[StepCounts] = field(default_factory=list)
    activity: list[ActivityCounts] = field(default_factory=list)
    corrections: list[ActivityCounts] = field(default_factory=list)
    days: list[DayCounts] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)


class Live(NamedTuple):
    """People now: `people` (measures, segments, windows), `enabled` (segments,)."""

    people: Ints
    enabled: Ints


class Partition:
    """The state. `number` of `partitions`; steps lie on the grid of `step_ms`, days are those of `zone`."""

    def __init__(self, number: int, partitions: int, *, step_ms: int, lateness_ms: int, zone: tzinfo = UTC) -> None:
        self.number = number
        self.partitions = partitions
        self.step_ms = step_ms
        self.segments = Segments()
        self.days = Days(partitions, zone)
        self.people = People(self.segments, self.days.fit)
        self.pairs = Pairs()
        self.clocks = Clocks(lateness_ms)
        self.duplicates = Duplicates()
        self.activity = Activity()
        self.hearing = Hearing()
        self.names: dict[int, Sequence[str]] = {}
        """Whom acts name that wait for their turn."""
        self.waiting_people = Waiting()
        self.waiting_pairs = Waiting()
        self.next_step: int | None = None
        self.jumps: list[tuple[int, int]] = []
        """(from, to) ms: steps in here lie in a gap of the record longer than every window."""
        self.shown = np.zeros((len(MEASURES), len(self.segments)), bool)
        """(3, segments) whose newest row was not of zeros."""
        self.forgotten: list[str] = []
        """People whose row in `esn.people` is still to be deleted."""
        self.seen: Counter[str] = Counter()
        """How many events were late, and how many duplicate, since the start."""
        self._named = 0
        self._most_people = STRANGERS
        self._enabled: tuple[int, Ints] = (-1, np.zeros(0, np.int64))

    def list_(self, listing: Listing) -> None:
        """Take over a directory record."""
        person = listing.person or ""
        known = person in self.people.slot
        slot = self.people.of(person)
        if not known:
            self.days.start(person, slot)
        self.activity.remember(slot, self.people)
        self.people.list_(listing)

    def forget(self, person: str) -> None:
        """Forget somebody: what they did before is gone, what they do later is done by somebody new."""
        self.forgotten.append(person)
        slot = self.people.forget(person)
        self.days.forget(person, slot)
        if slot is None:
            return
        self.waiting_people.forget(np.array([slot]))
        self.waiting_pairs.forget(self.pairs.forget(slot))
        self.activity.forget(slot)
        self.clocks.forget(slot)

    def name(self, names: Sequence[str]) -> int:
        """Keep whom an act names until its turn comes; return the number of that list."""
        self._named += 1
        self.names[self._named] = names
        return self._named

    def hear_named(self, name: str, day: int) -> None:
        """Take from a source partition that somebody named a person; see `Days`."""
        self.days.hear(name, day, self.people.slot.get(name))

    def apply(self, idle: tuple[bool, bool]) -> int:
        """Apply the acts whose turn it is; return how many. `idle`: see `Clocks.take`."""
        acts, before = self.clocks.take(idle)
        if not len(acts):
            return 0
        if self.next_step is None:
            self.next_step = self._step_of(int(acts.clock[0]))
        self.days.record.begin(int(acts.clock[0]))
        self._note_jumps(before)
        applied = len(acts)
        self.hearing.hear(acts.source, acts.time, -(-np.maximum(acts.time, before) // self.step_ms) * self.step_ms)
        somebody = np.flatnonzero(acts.person != NOBODY)
        duplicate = self.duplicates.see(acts.digest[somebody], acts.time[somebody], before[somebody])
        self.seen["duplicate"] += int(duplicate.sum())
        new = somebody[~duplicate]
        self._apply_new(acts.take(new), before[new])
        for number in acts.naming[acts.naming != NOBODY].tolist():
            del self.names[number]
        if len(self.people) > self._most_people:
            self._release_strangers()
            self._most_people = len(self.people) + STRANGERS
        return applied

    def idle_until(self, wall: tuple[int | None, int | None]) -> None:
        """Let the wall clock move time (see `Clocks`); a partition without any event begins to publish, too."""
        self.clocks.idle_until(wall)
        if self.next_step is None and self.clocks.watermark > NEVER:
            self.next_step = self._step_of(self.clocks.watermark + self.clocks.lateness_ms)
            self.days.record.begin(self.clocks.watermark + self.clocks.lateness_ms)

    def _apply_new(self, acts: Acts, watermark: Ints) -> None:
        self.seen["late"] += int((acts.time < watermark).sum())
        in_time = acts.time >= watermark - MEMORY_MS
        self.people.see(acts, in_time)
        self.activity.see(acts, watermark, self.people)
        naming = np.flatnonzero(acts.naming != NOBODY).tolist()
        self.days.see(acts, watermark, [(place, self.names[int(acts.naming[place])]) for place in naming])
        step = -(-np.maximum(acts.time, watermark) // self.step_ms) * self.step_ms
        for row, which in enumerate(IN_MEASURE.take(acts.action, axis=1)):
            self.waiting_people.add(step[which], row, acts.person[which], acts.time[which])
        inside = acts.community != NOBODY
        if inside.any():
            step, acts = step[inside], acts.take(inside)
            pairs = self.pairs.of(acts.person, acts.community)
            self.pairs.see(acts, pairs)
            for row, which in enumerate(IN_ROW.take(acts.action, axis=1)):
                self.waiting_pairs.add(step[which], row, pairs[which], acts.time[which])

    def _release_strangers(self) -> None:
        """Let go of names that nobody lists and that have done nothing but fail to log in, as guesses do."""
        people = self.people
        strangers = (people.kind == ABSENT) & (people.latest[0] == NEVER)
        waiting = [*self.clocks.waiting_acts(), *self.activity.open_acts, *self.activity.late_acts]
        strangers[Acts.join(waiting).person] = False
        for slot in np.flatnonzero(strangers[: len(people.name)]).tolist():
            name = people.name[slot]
            if name is not None:
                people.forget(name)
                self.activity.forget(slot)
                self.days.release(name, slot)

    def _step_of(self, time: int) -> int:
        """Return the first step that is not before `time`."""
        return -(-time // self.step_ms) * self.step_ms

    def _note_jumps(self, before: Ints) -> None:
        """Remember where one act moved the watermark by more than the longest window."""
        marks = np.append(before, self.clocks.watermark)
        for place in np.flatnonzero(np.diff(marks) > windows.LONGEST_MS).tolist():
            if marks[place] > NEVER:
                was, to = int(marks[place]) + self.clocks.lateness_ms, int(marks[place + 1])
                self.jumps.append((was + windows.LONGEST_MS, to))
                self.days.note_jump(was, to)

    def due(self) -> bool:
        """Say whether a step, a minute or a day can be closed."""
        mark = self.clocks.watermark
        return mark > NEVER and (
            (self.next_step is not None and self.next_step < mark)
            or (mark - 1) // windows.MINUTE_MS * windows.MINUTE_MS > self.activity.closed_to
            or self.days.end < mark
            or self.days.can_settle()
        )

    def close(self, most: int = 1000) -> Closed:
        """Close what lies behind the watermark, at most `most` steps; call again while `due()`."""
        closed = Closed()
        mark = self.clocks.watermark
        steps = self._steps_due(mark, most)
        if len(steps):
            people = by_step(self.waiting_people.due(int(steps[-1])), steps)
            pairs = by_step(self.waiting_pairs.due(int(steps[-1])), steps)
            for at, of_people, of_pairs in zip(steps.tolist(), people, pairs, strict=True):
                self._close_days(at, closed)
                closed.transitions += self.days.step(at, of_people, self.people)
                fold(self.people.closed, of_people)
                fold(self.pairs.closed, of_pairs)
                since = self.hearing.close(at, self.step_ms)
                closed.steps.append(self._count(at)._replace(silent_since=since))
        if self.next_step is not None:
            self._close_days(min(mark, self.next_step), closed)
        while self.days.can_settle():
            closed.days.append(self.days.settle())
        closed.activity.append(self.activity.close(mark, self.people, self.segments))
        closed.corrections.append(self.activity.corrections())
        self.duplicates.forget(mark)
        return closed

    def _close_days(self, before: int, closed: Closed) -> None:
        """Close the days that end before a time: that of a step not closed yet, or the watermark."""
        while self.days.end < before:
            if self.days.is_skipped(self.days.end):
                self.days.skip()
                continue
            counts, told = self.days.close(self.people, self.pairs)
            closed.days.append(counts)
            closed.transitions += told
            slots = self.days.reports(self.people)
            if len(slots):
                names = [self.people.name[slot] or "" for slot in slots.tolist()]
                closed.reports.append(Report(counts.day, names, self.people.segment[MANAGER, slots]))

    def _steps_due(self, mark: int, most: int) -> Ints:
        if self.next_step is None:
            return np.empty(0, np.int64)
        start = self._leap(self.next_step)
        end = min(mark, start + most * self.step_ms)
        for first, _ in self.jumps:
            if first > start:
                end = min(end, self._step_of(first))  # a closing never runs into a gap
        steps = np.arange(start, end, self.step_ms)
        self.next_step = int(steps[-1]) + self.step_ms if len(steps) else start
        return steps

    def _leap(self, step: int) -> int:
        """Return the next step to publish: in a gap of the record, while every window is empty, steps are skipped."""
        while self.jumps and self.jumps[0][1] <= step:
            self.jumps.pop(0)
        if not self.jumps or step < self.jumps[0][0]:
            return step
        waits = self.waiting_people.first_step()
        if int(self.people.closed[0].max()) > step - windows.LONGEST_MS or (waits is not None and waits <= step):
            return step
        end = self._step_of(self.jumps[0][1])
        return end if waits is None else max(step, min(end, waits))

    def _count(self, at: int) -> StepCounts:
        dimensions = _EACH if at % windows.HOUR_MS == 0 else _EACH_STEP
        segment, people, adopted, enabled = self._people(self.people.closed, self.pairs.closed, at, dimensions)
        if more := len(self.segments) - self.shown.shape[1]:
            self.shown = np.concatenate([self.shown, np.zeros((len(MEASURES), more), bool)], axis=1)
        show = (people[:, :, -1] > 0) | (enabled > 0)
        if COMMUNITY in dimensions:  # no logins there
            show[LOGIN, np.searchsorted(segment, self.segments.within((COMMUNITY,)))] = False
        rows = show | self.shown[:, segment]
        rows[:, 0] = True
        self.shown[:, segment] = show
        measure, row = np.nonzero(rows)
        return StepCounts(at, measure, segment[row], enabled[row], adopted[measure, row], people[measure, row])

    def _people(
        self, of_people: Ints, of_pairs: Ints, at: int, dimensions: Sequence[int]
    ) -> tuple[Ints, Ints, Ints, Ints]:
        """Count from these columns in the segments of these dimensions, and in no other: what is not published costs
        nothing. Return the segments (n,), people (3, n, 5), those adopted (3, n) and the enabled (n,)."""
        who, pairs = self.people, self.pairs
        segment = self.segments.within(dimensions)
        size = len(segment)
        place = np.zeros(len(self.segments), np.int32)
        place[segment] = np.arange(size)
        places = [place.take(who.segment[dimension]) for dimension in _COUNTED if dimension in dimensions]
        people, adopted = windows.count(of_people, at, places, size, who.counted, who.enabled)
        regions = place[self.segments.within((REGION,))]
        people[:, 0], adopted[:, 0] = people[:, regions].sum(axis=1), adopted[:, regions].sum(axis=1)
        enabled = self._enabled_people()[segment]
        if COMMUNITY in dimensions:
            used = pairs.used()
            inside = place[pairs.community[used]]
            members = pairs.members(used, of_pairs, who.enabled)
            last = of_pairs[np.ix_(np.array([ACTED, CONTRIBUTED]), used)]
            acting, adopting = windows.count(last, at, [inside], size, who.counted[pairs.person[used]], members)
            people[MEASURES_HERE] += acting
            adopted[MEASURES_HERE] += adopting
            enabled += np.bincount(inside[members], minlength=size)
        return segment, people, adopted, enabled

    def _enabled_people(self) -> Ints:
        """Return the enabled people per segment, communities excepted."""
        version, enabled = self._enabled
        if version != self.people.listing_version:
            enabled = self.people.enabled_per_segment()
        if more := len(self.segments) - len(enabled):  # communities: else the directory had changed
            enabled = np.concatenate([enabled, np.zeros(more, np.int64)])
        self._enabled = self.people.listing_version, enabled
        return enabled

    def live(self) -> Live:
        """Count people at the newest clock, those still waiting included; dimension manager is left out."""
        segment, people, _, enabled = self._people(self.people.latest, self.pairs.latest, self.clocks.newest, _GAUGED)
        shape = len(MEASURES), len(self.segments), len(windows.WINDOWS)
        live = Live(np.zeros(shape, np.int64), self._enabled_people().copy())
        live.people[:, segment], live.enabled[segment] = people, enabled
        return live
