"""Adoption against the directory, leaders beside everybody, and sharing outside beside activity inside.

Rules: one function per view: the people of a segment at a day's end -> its rows.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from tests.recount.rows import AdoptionRow, AdvocacyRow, LeadersKey, LeadersRow, SegmentKey
from tests.recount.standing import Standing, share
from tests.recount.steps import Segment

Targets = Mapping[str, Any]  # as the file says: `default`, and a table of members per dimension


def target(targets: Targets, segment: Segment) -> float | None:
    """The share that a segment is to reach; the default is for the company, regions and departments."""
    dimension, member = segment
    if dimension not in {"company", "region", "department", "community"}:
        return None
    default = None if dimension == "community" else targets.get("default")
    return targets.get(dimension, {}).get(member, default)  # type: ignore[no-any-return]  # what TOML holds is Any


def adoption_row(
    day: date, segment: Segment, people: list[Standing], targets: Targets, before: Mapping[SegmentKey, AdoptionRow]
) -> AdoptionRow:
    """The row of a day; `before`: the rows of earlier days."""
    share_7d = share(sum(p.active_7d for p in people), len(people))
    week_ago = before.get(SegmentKey(day - timedelta(7), *segment))
    month_ago = before.get(SegmentKey(day - timedelta(28), *segment))
    to_reach = target(targets, segment)
    return AdoptionRow(
        enabled=len(people),
        logged_in_7d=sum(p.logged_in_7d for p in people),
        active_7d=sum(p.active_7d for p in people),
        contributed_7d=sum(p.contributed_7d for p in people),
        share_7d=share_7d,
        change_7d=share_7d - week_ago.share_7d if week_ago else None,
        change_28d=share_7d - month_ago.share_7d if month_ago else None,
        stickiness=share(sum(p.active_1d for p in people), sum(p.active_28d for p in people)),
        target=to_reach,
        below_target=to_reach is not None and share_7d < to_reach,
    )


def leaders_rows(day: date, segment: Segment, people: list[Standing]) -> dict[LeadersKey, LeadersRow]:
    """Three rows: of leaders, of ambassadors (some are both), of everybody."""
    groups = {
        "leader": [p for p in people if p.leader],
        "ambassador": [p for p in people if p.ambassador],
        "everybody": people,
    }
    rows = {}
    for who, group in groups.items():
        active, contributed = sum(p.active_7d for p in group), sum(p.contributed_7d for p in group)
        rows[LeadersKey(day, *segment, who)] = LeadersRow(
            people=len(group),
            active_7d=active,
            contributed_7d=contributed,
            active_share=share(active, len(group)),
            contributing_share=share(contributed, len(group)),
        )
    return rows


def advocacy_row(people: list[Standing]) -> AdvocacyRow:
    """Those who shared outside, those who were active inside, and both."""
    shared = sum(p.shared_28d for p in people)
    inside = sum(p.inside_7d for p in people)
    both = sum(p.shared_28d and p.inside_7d for p in people)
    return AdvocacyRow(
        enabled=len(people),
        shared_28d=shared,
        active_7d=inside,
        both=both,
        active_of_sharers=share(both, shared),
        active_of_all=share(inside, len(people)),
        sharing_of_active=share(both, inside),
        sharing_of_all=share(shared, len(people)),
    )
