"""What is counted per local day and segment: the values of `daily_rows.what`, and a day's counts as columns."""

from typing import Final, NamedTuple

from pipeline.acts import Ints

ENABLED: Final = "enabled"
"""Enabled people of kind person; of company/all there is a row for each day, which says that the day is written."""
FLAGS: Final = (
    "logged_in_7d", "active_1d", "active_7d", "active_28d", "contributed_7d",
    "shared_28d", "active_inside_7d", "shared_active", "ever_used",
    "leaders", "leaders_active", "leaders_contributed",
    "ambassadors", "ambassadors_active", "ambassadors_contributed",
)  # fmt: skip
"""Each is true of somebody or not."""
ROLES: Final = ("reader", "active_reader", "contributor", "steady")
"""Of the last two `n` says how many contributions; `steady` are contributors on 8 days or more. The rest is absent."""
AWARE: Final = "aware"
"""Of never; of company/all there is a row for each day on which it is known whom the others named."""
MOVE: Final = "move"
"""From one stage to another: `n` is from * 8 + to."""
TARGET: Final = "target"
"""The share to reach, in millionths."""
STAGES: Final = ("never", "aware", "visited", "first_use", "second_use", "continuous", "lapsed")
"""Never active and not aware is unaware."""
TRANSITIONS: Final = ("new", "returning", "resurrected", "first_contribution", "at_risk", "dormant", "joined", "left")

WHATS: Final = (ENABLED, *FLAGS, *ROLES, *STAGES, MOVE, TARGET, *TRANSITIONS)
CODE: Final = {what: code for code, what in enumerate(WHATS)}


class DayCounts(NamedTuple):
    """Counts of a day: columns of equal length, none of them of zero people but the two that say what is known."""

    day: int
    what: Ints
    segment: Ints
    n: Ints
    people: Ints
