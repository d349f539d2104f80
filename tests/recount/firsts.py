"""What everything that was read says of single people: who contributed first, and who belongs to which communities.

Rules: one function per view; no days.
"""

from collections.abc import Mapping

from tests.recount.person import Person
from tests.recount.rows import EarlyAdopterRow, MembershipRow

AT_LAST = 1 << 62


def early_adopters(people: Mapping[str, Person]) -> dict[str, EarlyAdopterRow]:
    """The first tenth of the enabled contributors, by first contribution; ties in."""
    first = {}
    for name, person in people.items():
        times = person.acts.get((None, "contribute"))
        if times and person.entry is not None and person.entry.in_enabled:
            first[name] = (times[0], person.entry)
    tenth = -(-len(first) // 10)
    latest = sorted(time for time, _ in first.values())[:tenth]
    return {
        name: EarlyAdopterRow(
            first_contribution=time,
            region=entry.region,
            department=entry.department,
            position=1 + sum(other < time for other, _ in first.values()),
        )
        for name, (time, entry) in first.items()
        if time <= latest[-1]
    }


def memberships(people: Mapping[str, Person]) -> dict[str, MembershipRow]:
    """How many communities each person belongs to and owns; only people who belong to any."""
    rows = {}
    for name, person in people.items():
        communities = person.communities(AT_LAST)
        if communities:
            rows[name] = MembershipRow(len(communities), len(person.owned(AT_LAST)))
    return rows
