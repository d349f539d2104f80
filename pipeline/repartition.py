"""The states of n source partitions -> those of m, for when the topics are given more partitions.

Everything of a person goes where the person goes. What is not of one person:

    next step       the same in all old states, else it is refused: no step may be written partly by n, partly by m
    watermark       the greatest. Nothing that is closed opens again; whoever was behind it is less than a step behind,
                    and counts in the same steps
    topic clocks    the smallest: the order of the two topics starts from there
    closed minutes  the greatest. What was open for a minute that others have closed is counted as having come late
    late counts     rows hold totals under the number of a source partition. The new partition of that number goes on
                    from its totals, though the people may be others; one of a new number starts from zero. The rows
                    of numbers that are no more stay as they are: such a number must not come back within a day
    digests         do not say whose they are: every new partition gets all of them, for the day that they last
    local days      the same open day in all old states, none waits for what others tell; what happened on it goes to
                    partition 0. Who reports to whom is written anew
    rows of zeros   what was shown is passed to partition 0, which shows its end
    offsets         belong to the topics' partitions, as do struck ones: the new head of a number goes on from the old
                    one of that number (a new number from the beginning), with an epoch greater than all old ones.
                    Messages that were not read yet are sent on to their new partitions like any that went astray

Rows in ClickHouse stay: views add them up over source partitions, and each names how many there were.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from pipeline.activity import Before
from pipeline.acts import NOBODY, Acts, Ints
from pipeline.days.record import LAST, NO_DAY, Known, Ledger, Record
from pipeline.duplicates import Table
from pipeline.partition import Partition
from pipeline.people import ABSENT
from pipeline.segments import Segments
from pipeline.waiting import Updates, Waiting

_FLAGS: Final = ("kind", "counted", "enabled", "is_enabled", "leader", "ambassador")


class NotSettled(Exception):  # noqa: N818  (it is a state of things: they can be settled)
    """The old states do not stand at the same step; the message says what to do, in one line."""


def repartition(states: Sequence[Partition], count: int, partition_of: Callable[[bytes], int]) -> list[Partition]:
    """Return the states of `count` partitions. Raises `NotSettled`; `states` must not be used afterwards.

    `states` are those of all old partitions in order, `partition_of` maps a person's key to the new partition. Acts
    that wait for their turn are not taken along: the heads' offsets must point before them, as they do in pages.
    """
    next_step = _check(states, count)
    first = states[0]
    lateness_ms = first.clocks.lateness_ms
    zone = first.days.local.zone
    new = [
        Partition(number, count, step_ms=first.step_ms, lateness_ms=lateness_ms, zone=zone) for number in range(count)
    ]
    for state in new:
        _set_clocks(state, states, next_step)
    for old in states:
        _Move(old, new, partition_of).all()
    _share_digests(states, new)
    for state in new:
        _settle_minutes(state)
    return new


def _check(states: Sequence[Partition], count: int) -> int | None:
    """Return the step that all stand before."""
    steps = {state.next_step for state in states if state.next_step is not None}
    days = {state.days.record.open for state in states} - {NO_DAY}
    unwritten = any(state.activity.touched for state in states[count:]) or any(state.days.pending for state in states)
    differ = len({state.step_ms for state in states}) > 1 or len(steps) > 1 or len(days) > 1
    if differ or any(map(Partition.due, states)) or unwritten:
        raise NotSettled(
            "the source partitions have not closed the same steps and days: start esn-pulse with the old number of "
            "partitions, let it catch up, stop it, and repartition then"
        )
    return steps.pop() if steps else None


def _set_clocks(state: Partition, old: Sequence[Partition], next_step: int | None) -> None:
    clocks = [one.clocks for one in old]
    state.next_step = next_step
    state.clocks.read = [min(one.read[topic] for one in clocks) for topic in range(2)]
    state.clocks.watermark = max(one.watermark for one in clocks)
    state.clocks.newest = max(one.newest for one in clocks)
    state.activity.closed_to = max(one.activity.closed_to for one in old)
    if state.number < len(old):
        state.clocks.struck = old[state.number].clocks.struck
    days = state.days
    days.record.open = max(one.days.record.open for one in old)
    days.closed = max(one.days.closed for one in old)
    days.closed_by = dict.fromkeys(range(days.partitions), days.closed)
    days.jumps = sorted({jump for one in old for jump in one.days.jumps})
    for one in old:
        for digest, day in one.days.strangers.items():
            days.strangers[digest] = min(day, days.strangers.get(digest, LAST))


def _share_digests(old: Sequence[Partition], new: Sequence[Partition]) -> None:
    for span in sorted({span for state in old for span in state.duplicates.tables}):
        tables = [state.duplicates.tables[span] for state in old if span in state.duplicates.tables]
        digests = np.unique(np.concatenate([table.order[: table.used] for table in tables]))
        for state in new:
            table = state.duplicates.tables[span] = Table()
            table.add(digests)


def _settle_minutes(state: Partition) -> None:
    """Count what was open for minutes that are closed now."""
    activity = state.activity
    late, activity.late_acts = activity.late_acts, []
    acts = Acts.join(activity.open_acts)
    closed = acts.time < activity.closed_to
    activity.open_acts = [acts.take(~closed)]
    activity.come_late(Acts.join([*late, acts.take(closed)]), state.people)


class _Move:
    """One old state, and where everything in it goes."""

    def __init__(self, old: Partition, new: Sequence[Partition], partition_of: Callable[[bytes], int]) -> None:
        self.old, self.new = old, new
        self.partition_of = partition_of
        names = old.people.name
        self.owner = np.array([NOBODY if name is None else partition_of(name.encode()) for name in names], np.int64)
        self.slot = np.array(
            [
                NOBODY if name is None else new[owner].people.of(name)
                for name, owner in zip(names, self.owner.tolist(), strict=True)
            ],
            np.int64,
        )
        """Of each old slot, the new one in its owner."""

    def all(self) -> None:
        """Move everything."""
        for name in self.old.forgotten:
            self.new[self.partition_of(name.encode())].forgotten.append(name)
        for state in self.new:
            renumbered = _Renumbered(self.old.segments, state.segments)
            who = np.flatnonzero(self.owner == state.number)
            self._people(state, who, renumbered)
            self._days(state, who)
            self._waiting(self.old.waiting_people, state.waiting_people, self.owner == state.number, self.slot)
            self._pairs(state, renumbered)
            self._acts(state, renumbered)
            self._history(state, renumbered)
            if state.number == self.old.number:
                self._late(state, renumbered)
            if state.number == 0:
                self._shown(state, renumbered)
                for (what, segment), many in self.old.days.happened.items():
                    state.days.happened[what, int(renumbered(np.array([segment]))[0])] += many

    def _people(self, state: Partition, who: Ints, renumbered: "_Renumbered") -> None:
        old, new, to = self.old.people, state.people, self.slot[who]
        for column in ("closed", "latest"):
            ours, theirs = getattr(new, column), getattr(old, column)
            ours[:, to] = np.maximum(ours[:, to], theirs[:, who])
        for column in ("first", "first_made"):
            ours, theirs = getattr(new, column), getattr(old, column)
            ours[to] = np.minimum(ours[to], theirs[who])
        new.counters[:, to] += old.counters[:, who]
        new.changed[to] |= old.changed[who]
        listed = old.kind[who] != ABSENT
        who, to = who[listed], to[listed]
        for column in _FLAGS:
            getattr(new, column)[to] = getattr(old, column)[who]
        new.segment[1:, to] = renumbered(old.segment[1:, who])

    def _days(self, state: Partition, who: Ints) -> None:
        old, new, to = self.old.days.record, state.days.record, self.slot[who]
        for ours, theirs in zip(new.days, old.days, strict=True):
            ours[to] |= theirs[who]
        new.today[:, to] |= old.today[:, who]
        for column in Record.COLUMNS:
            if column != "manager_told":
                getattr(new, column)[to] = getattr(old, column)[who]
        for part in old.waiting:
            here = self.owner[part.slot] == state.number
            new.waiting.append(Known(*(column[here] for column in part._replace(slot=self.slot[part.slot]))))
        here = self.owner[old.ledger.slot] == state.number
        moved = old.ledger._replace(slot=self.slot[old.ledger.slot])
        new.ledger = Ledger(*(np.append(ours, theirs[here]) for ours, theirs in zip(new.ledger, moved, strict=True)))

    @staticmethod
    def _waiting(old: Waiting, new: Waiting, ours: "np.ndarray[tuple[int], np.dtype[np.bool_]]", slot: Ints) -> None:
        for step, row, of, time in old.parts:
            which = ours[of]
            if which.any():
                new.parts.append(Updates(step[which], row[which], slot[of[which]], time[which]))

    def _pairs(self, state: Partition, renumbered: "_Renumbered") -> None:
        old, new = self.old.pairs, state.pairs
        ours = np.zeros(len(old), bool)
        used = old.used()
        ours[used] = self.owner[old.person[used]] == state.number
        which = np.flatnonzero(ours)
        slot = np.full(len(old), NOBODY, np.int64)
        slot[which] = to = new.of(self.slot[old.person[which]], renumbered(old.community[which]))
        for column in ("closed", "latest"):
            theirs, them = getattr(old, column), getattr(new, column)
            them[:, to] = np.maximum(them[:, to], theirs[:, which])
        self._waiting(self.old.waiting_pairs, state.waiting_pairs, ours, slot)

    def _acts(self, state: Partition, renumbered: "_Renumbered") -> None:
        old, new = self.old.activity, state.activity
        for parts, into in ((old.open_acts, new.open_acts), (old.late_acts, new.late_acts)):
            acts = Acts.join(parts)
            acts = acts.take(self.owner[acts.person] == state.number)
            into.append(replace(acts, person=self.slot[acts.person], community=renumbered(acts.community)))

    def _history(self, state: Partition, renumbered: "_Renumbered") -> None:
        for slot, some in self.old.activity.before.items():
            if self.owner[slot] == state.number:
                kept = [Before(one.closed_to, renumbered(one.segments), one.counted) for one in some]
                state.activity.before[int(self.slot[slot])] += kept

    def _late(self, state: Partition, renumbered: "_Renumbered") -> None:
        old, new = self.old.activity, state.activity
        for key, events in old.late.items():
            minute, segment, action, kind, client = key
            to = (minute, int(renumbered(np.array([segment]))[0]), action, kind, client)
            new.late[to] = events
            if key in old.touched:
                new.touched.add(to)

    def _shown(self, state: Partition, renumbered: "_Renumbered") -> None:
        measure, segment = np.nonzero(self.old.shown)
        segment = renumbered(segment)
        shown = np.zeros((len(state.shown), len(state.segments)), bool)
        shown[:, : state.shown.shape[1]] = state.shown
        shown[measure, segment] = True
        state.shown = shown


class _Renumbered:
    """Numbers of one numbering of segments in another, in which those that are used get one."""

    def __init__(self, old: Segments, new: Segments) -> None:
        self._old, self._new = old, new
        self._number = np.full(len(old), NOBODY, np.int64)

    def __call__(self, segments: Ints) -> Ints:
        """Return the new numbers; NOBODY stays."""
        known = segments != NOBODY
        for segment in np.unique(segments[known & (self._number[segments] == NOBODY)]).tolist():
            self._number[segment] = self._new.of(self._old.dimension[segment], self._old.member[segment])
        return np.where(known, self._number[segments], NOBODY)
