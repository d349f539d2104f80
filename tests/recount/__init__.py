"""The brute-force recount: what the views must hold after a record, by the contract alone.

Rules: shares no code with the product (imports neither pipeline nor agents nor schemas), is written to be
read beside the contract rather than to be fast, and is itself checked by vectors counted by hand.

    seen = recount(record, directory, step_seconds=3600, lateness_seconds=120)
    assert differences(seen.active_people, rows_of_the_view) == []
    assert_varied(seen.active_people)

To read: replay.py closes steps and days; steps.py counts what a step publishes, daily.py what a local day does, from
what standing.py says of each person; transitions.py tells what happens to people.
"""

from tests.recount.compare import assert_varied, differences
from tests.recount.replay import Recount, recount
from tests.recount.rows import (
    ActiveKey,
    ActiveRow,
    ActivityKey,
    ActivityRow,
    AdoptionRow,
    AdvocacyRow,
    EarlyAdopterRow,
    LeadersKey,
    LeadersRow,
    LifecycleKey,
    MembershipRow,
    MoveKey,
    ParticipationRow,
    PeopleRow,
    PersonRow,
    RoleKey,
    RoleRow,
    SegmentKey,
    SpreadRow,
    StageKey,
    StageRow,
    TransitionKey,
    TransitionRow,
)

__all__ = [
    "ActiveKey",
    "ActiveRow",
    "ActivityKey",
    "ActivityRow",
    "AdoptionRow",
    "AdvocacyRow",
    "EarlyAdopterRow",
    "LeadersKey",
    "LeadersRow",
    "LifecycleKey",
    "MembershipRow",
    "MoveKey",
    "ParticipationRow",
    "PeopleRow",
    "PersonRow",
    "Recount",
    "RoleKey",
    "RoleRow",
    "SegmentKey",
    "SpreadRow",
    "StageKey",
    "StageRow",
    "TransitionKey",
    "TransitionRow",
    "assert_varied",
    "differences",
    "recount",
]
