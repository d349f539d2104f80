"""What was counted, as rows for ClickHouse: numbers of segments become names here, and nowhere else."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.activity import Counts
from pipeline.acts import ACTIVE, CONTRIBUTE, LOGIN, MEASURES, NEVER, Ints
from pipeline.communities import per_person
from pipeline.days.what import CODE, ENABLED, TARGET, WHATS, DayCounts
from pipeline.partition import Partition, Report, StepCounts
from pipeline.people import ABSENT, KINDS
from pipeline.segments import DEPARTMENT, DIMENSIONS, MANAGER, REGION, Segments
from schemas import rows
from schemas.events import ACTIONS, CLIENTS, OBJECT_KINDS
from schemas.rows import Names


def active_people(partition: Partition, steps: Sequence[StepCounts], version: int) -> rows.ActivePeople:
    """Return the rows of closed steps."""
    segment = np.concatenate([step.segment for step in steps])
    windows = np.concatenate([step.windows for step in steps])
    many = len(segment)
    return rows.ActivePeople(
        at=np.repeat([step.at // 1000 for step in steps], [len(step.segment) for step in steps]),
        dimension=_dimension(partition.segments, segment),
        member=Names(partition.segments.member, segment),
        measure=Names(MEASURES, np.concatenate([step.measure for step in steps])),
        source_partition=np.full(many, partition.number),
        partitions=np.full(many, partition.partitions),
        enabled=np.concatenate([step.enabled for step in steps]),
        adopted_7d=np.concatenate([step.adopted_7d for step in steps]),
        w5m=windows[:, 0],
        w1h=windows[:, 1],
        w24h=windows[:, 2],
        w7d=windows[:, 3],
        w28d=windows[:, 4],
        version=np.full(many, version),
    )


def activity(partition: Partition, counts: Counts, version: int, *, late: bool) -> rows.Activity:
    """Return the rows of closed minutes, or of what came late for them."""
    many = len(counts.minute)
    return rows.Activity(
        minute=counts.minute // 1000,
        dimension=_dimension(partition.segments, counts.segment),
        member=Names(partition.segments.member, counts.segment),
        verb=Names(ACTIONS, counts.action),
        object_kind=Names(OBJECT_KINDS, counts.object_kind),
        client=Names(CLIENTS, counts.client),
        late=np.full(many, late),
        source_partition=np.full(many, partition.number),
        events=counts.events,
        version=np.full(many, version),
    )


def daily(
    partition: Partition, days: Sequence[DayCounts], version: int, target: Callable[[str, str], float | None]
) -> rows.Daily:
    """Return the rows of local days; `target` tells the share that a segment (dimension, member) is to reach."""
    what, segment, n, people = (np.concatenate(columns) for columns in zip(*(day[1:] for day in days), strict=True))
    day = np.repeat([day.day for day in days], [len(day.what) for day in days])
    aims = np.flatnonzero(what == CODE[ENABLED])
    found = [target(*_names(partition.segments, one)) for one in segment[aims].tolist()]
    aims = aims[[share is not None for share in found]]
    millionths = np.array([round(share * 1_000_000) for share in found if share is not None], np.int64)
    segment = np.append(segment, segment[aims])
    many = len(segment)
    return rows.Daily(
        day=np.append(day, day[aims]),
        dimension=_dimension(partition.segments, segment),
        member=Names(partition.segments.member, segment),
        what=Names(WHATS, np.append(what, np.full(len(aims), CODE[TARGET]))),
        n=np.append(n, np.zeros(len(aims), np.int64)),
        source_partition=np.full(many, partition.number),
        partitions=np.full(many, partition.partitions),
        people=np.append(people, millionths),
        version=np.full(many, version),
    )


def managers(partition: Partition, reports: Sequence[Report], version: int) -> rows.Managers:
    """Return to whom people report from these days on."""
    return rows.Managers(
        person=[person for report in reports for person in report.person],
        day=np.repeat([report.day for report in reports], [len(report.person) for report in reports]),
        manager=[partition.segments.member[one] for report in reports for one in report.manager.tolist()],
        version=np.full(sum(len(report.person) for report in reports), version),
    )


def changed_people(partition: Partition, version: int) -> rows.People:
    """Return the rows of people who changed since the last call, and of those who were forgotten."""
    people = partition.people
    slots = np.flatnonzero(people.changed)
    again = {people.name[slot] for slot in slots.tolist()} if partition.forgotten else ()
    gone = [person for person in dict.fromkeys(partition.forgotten) if person not in again]
    partition.forgotten = []
    people.changed[:] = False
    member = partition.segments.member
    kind = people.kind[slots]
    belongs, owns = per_person(partition.pairs, len(people.kind))
    known = rows.People(
        person=[people.name[slot] or "" for slot in slots.tolist()],
        kind=Names(KINDS, kind),
        listed=kind != ABSENT,
        enabled=people.is_enabled[slots],
        region=Names(member, people.segment[REGION, slots]),
        department=Names(member, people.segment[DEPARTMENT, slots]),
        manager=[member[segment] for segment in people.segment[MANAGER, slots].tolist()],
        leader=people.leader[slots],
        ambassador=people.ambassador[slots],
        first_seen=-_times(-people.first[slots]),
        last_seen=_times(people.latest[ACTIVE, slots]),
        last_login=_times(people.latest[LOGIN, slots]),
        last_contribution=_times(people.latest[CONTRIBUTE, slots]),
        logins=people.counters[0, slots],
        presences=people.counters[1, slots],
        reactions=people.counters[2, slots],
        contributions=people.counters[3, slots],
        first_contribution=-_times(-people.first_made[slots]),
        communities=belongs[slots],
        owned=owns[slots],
        version=np.full(len(slots), version),
        is_deleted=np.zeros(len(slots), bool),
    )
    return rows.People.joined([known, _deleted(gone, version)])


def _deleted(names: list[str], version: int) -> rows.People:
    many = len(names)
    zero = np.zeros(many, np.int64)
    blank, no, never = Names([""], zero), np.zeros(many, bool), _times(np.full(many, NEVER))
    return rows.People(
        names, blank, no, no, blank, blank, [""] * many, no, no, never, never, never, never,
        zero, zero, zero, zero, never, zero, zero, np.full(many, version), ~no,
    )  # fmt: skip


def _times(times: Ints) -> NDArray[np.int64]:
    """Return times with NEVER masked."""
    return np.ma.masked_equal(times, NEVER)


def _names(segments: Segments, segment: int) -> tuple[str, str]:
    return DIMENSIONS[segments.dimension[segment]], segments.member[segment]


def _dimension(segments: Segments, segment: Ints) -> Names:
    return Names(DIMENSIONS, np.asarray(segments.dimension)[segment])
