"""The enabled people of each segment at a day's end and what is known of each: all that rows are counted from.

Rules: the only file that says whom a segment of a day holds. Days are numbers of dates.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from tests.recount.person import Person
from tests.recount.stages import stage
from tests.recount.steps import Segment, homes
from tests.recount.trees import managers_above


class Standing(NamedTuple):
    """An enabled person at a day's end."""

    leader: bool
    ambassador: bool
    logged_in_7d: bool
    active_1d: bool
    active_7d: bool
    active_28d: bool
    contributed_7d: bool
    contributions_28d: int
    contributing_days_28d: int
    stirred_28d: bool
    shared_28d: bool
    inside_7d: bool
    ever_used: bool
    stage_before: str | None
    stage: str


Segments = Mapping[Segment, list[Standing]]


def standing(person: Person, day: int, *, named: bool) -> Standing:
    """What is known of a person at the end of a day. Several events of a day are one day of use, but all contribute."""
    assert person.entry is not None
    contributions = person.times("contribute", day, 28)
    return Standing(
        leader=person.entry.leader,
        ambassador=person.entry.ambassador,
        logged_in_7d=bool(person.times("login", day, 7)),
        active_1d=bool(person.times("active", day, 1)),
        active_7d=bool(person.times("active", day, 7)),
        active_28d=bool(person.times("active", day, 28)),
        contributed_7d=bool(person.times("contribute", day, 7)),
        contributions_28d=contributions.total(),
        contributing_days_28d=len(contributions),
        stirred_28d=bool(person.times("stir", day, 28)),
        shared_28d=bool(person.times("share_external", day, 28)),
        inside_7d=bool(person.times("inside", day, 7)),
        ever_used=bool(person.times("use", day)),
        stage_before=person.stage,
        stage=stage(person, day, named=named),
    )


def segments_at(people: Mapping[str, Person], standings: Mapping[str, Standing]) -> Segments:
    """Whom each segment holds; company/all is there even if it is empty.

    A manager's tree holds everybody below that manager, whether those between them are enabled or not; people without
    a manager are in no tree.
    """
    listed = {name: person.entry for name, person in people.items() if person.entry is not None}
    manager_of = {name: entry.manager for name, entry in listed.items() if entry.manager != "unknown"}
    segments: defaultdict[Segment, list[Standing]] = defaultdict(list, {("company", "all"): []})
    for name, of_person in standings.items():
        communities = [("community", community) for community in people[name].member_of]
        trees = [("manager_tree", manager) for manager in managers_above(name, manager_of)]
        for segment in homes(listed[name]) + communities + trees:
            segments[segment].append(of_person)
    return segments


def share(part: int, whole: int) -> float:
    """A share of people; 0 where there are none."""
    return part / whole if whole else 0.0
