"""Roles over 28 days, and the company's own 90-9-1.

Rules: counts people of whom it is known what they contributed; the threshold is the whole company's.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta

from tests.recount.rows import ParticipationRow, RoleKey, RoleRow
from tests.recount.standing import Standing, share
from tests.recount.steps import Segment

ROLES = ("leading", "contributor", "active_reader", "reader", "absent")


def threshold(company: list[Standing]) -> int | None:
    """The contributions of the last of the first hundredth of the contributors; None if there are none."""
    contributions = sorted((p.contributions_28d for p in company if p.contributions_28d), reverse=True)
    return contributions[-(-len(contributions) // 100) - 1] if contributions else None


def role(person: Standing, leading_from: int | None) -> str:
    """The first role that fits."""
    at_the_top = leading_from is not None and person.contributions_28d >= leading_from
    fits = {
        "leading": person.contributing_days_28d >= 8 or at_the_top,
        "contributor": person.contributions_28d > 0,
        "active_reader": person.stirred_28d,
        "reader": person.active_28d,
        "absent": True,
    }
    return next(name for name, fitting in fits.items() if fitting)


def role_rows(
    day: date, segment: Segment, people: list[Standing], leading_from: int | None, before: Mapping[RoleKey, RoleRow]
) -> dict[RoleKey, RoleRow]:
    """A row per role; `before`: the rows of earlier days."""
    in_role = Counter(role(person, leading_from) for person in people)
    rows = {}
    for name in ROLES:
        here = share(in_role[name], len(people))
        month_ago = before.get(RoleKey(day - timedelta(28), *segment, name))
        rows[RoleKey(day, *segment, name)] = RoleRow(
            enabled=len(people),
            people=in_role[name],
            share=here,
            change_28d=here - month_ago.share if month_ago else None,
        )
    return rows


def participation_row(people: list[Standing], leading_from: int | None) -> ParticipationRow:
    """The a-b-c of a segment: readers, contributors and leading of those who take part."""
    in_role = Counter(role(person, leading_from) for person in people)
    participants = len(people) - in_role["absent"]
    readers = in_role["reader"] + in_role["active_reader"]
    return ParticipationRow(
        participants=participants,
        readers=readers,
        contributors=in_role["contributor"],
        leading=in_role["leading"],
        readers_share=share(readers, participants),
        contributors_share=share(in_role["contributor"], participants),
        leading_share=share(in_role["leading"], participants),
    )
