"""A day's counts as the views would show them, against the recount's rows: flat, (view, day, dimension, member, name)
-> people, without those that are zero."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from tests.pipeline.pure import DayKey
from tests.recount import Recount

Flat = dict[tuple[str, date, str, str, str], int]
SEGMENTS = {
    "enabled": "adoption", "logged_in_7d": "adoption", "active_7d": "adoption", "contributed_7d": "adoption",
    "shared_28d": "advocacy", "active_inside_7d": "advocacy", "shared_active": "advocacy", "ever_used": "spread",
    "leaders": "leaders", "leaders_active": "leaders", "leaders_contributed": "leaders",
    "ambassadors": "leaders", "ambassadors_active": "leaders", "ambassadors_contributed": "leaders",
}  # fmt: skip
STAGES = ("unaware", "aware", "visited", "first_use", "second_use", "continuous", "lapsed")
HAPPENED = ("new", "returning", "resurrected", "first_contribution", "at_risk", "dormant", "joined", "left")


def found(daily: Mapping[DayKey, int]) -> Flat:
    """Return what the views would show of these counts."""
    flat: Counter[tuple[str, date, str, str, str]] = Counter()
    top = {day: _threshold(daily, day) for day in {key[0] for key in daily}}
    for (day, dimension, member, what, n), people in daily.items():
        where = day, dimension, member
        if what in SEGMENTS:
            flat[SEGMENTS[what], *where, what] += people
        elif what in ("reader", "active_reader"):
            flat["roles", *where, what] += people
        elif what in ("steady", "contributor"):
            leads = what == "steady" or n >= top[day]
            flat["roles", *where, "leading" if leads else "contributor"] += people
        elif what == "move":
            flat["journey_moves", *where, f"{STAGES[n // 8]} to {STAGES[n % 8]}"] += people
        elif what == "never":
            flat["journey", *where, "unaware"] += people
        elif what == "aware":
            flat["journey", *where, "aware"] += people
            flat["journey", *where, "unaware"] -= people
        elif what in STAGES:
            flat["journey", *where, what] += people
        elif what in HAPPENED:
            flat["lifecycle", *where, what] += people
    return {key: people for key, people in flat.items() if people}


def _threshold(daily: Mapping[DayKey, int], day: date) -> int:
    by_many = sorted(
        ((n, people) for (on, dimension, _, what, n), people in daily.items()
         if on == day and dimension == "company" and what in ("steady", "contributor")),
        reverse=True,
    )  # fmt: skip
    left = -(-sum(people for _, people in by_many) // 100)
    for n, people in by_many:
        left -= people
        if left <= 0:
            return n
    return 0


def expected(seen: Recount) -> Flat:
    """Return what the recount says."""
    flat: Flat = {}
    for segment, adoption in seen.adoption.items():
        for name in ("enabled", "logged_in_7d", "active_7d", "contributed_7d"):
            flat["adoption", *segment, name] = getattr(adoption, name)
    for segment, advocacy in seen.advocacy.items():
        flat["advocacy", *segment, "shared_28d"] = advocacy.shared_28d
        flat["advocacy", *segment, "active_inside_7d"] = advocacy.active_7d
        flat["advocacy", *segment, "shared_active"] = advocacy.both
    for segment, spread in seen.spread.items():
        flat["spread", *segment, "ever_used"] = spread.ever_used
    for (day, dimension, member, who), leaders in seen.leaders.items():
        if who != "everybody":
            flat["leaders", day, dimension, member, f"{who}s"] = leaders.people
            flat["leaders", day, dimension, member, f"{who}s_active"] = leaders.active_7d
            flat["leaders", day, dimension, member, f"{who}s_contributed"] = leaders.contributed_7d
    flat |= {("roles", *role): row.people for role, row in seen.roles.items() if role.role != "absent"}
    flat |= {("journey", *stage): row.people for stage, row in seen.journey.items()}
    flat |= {("lifecycle", *happened): row.people for happened, row in seen.lifecycle.items()}
    for (day, dimension, member, before, after), moved in seen.journey_moves.items():
        flat["journey_moves", day, dimension, member, f"{before} to {after}"] = moved.people
    return {key: people for key, people in flat.items() if people and key[2] != "manager_tree"}


def unlike(here: Flat, there: Flat) -> list[str]:
    """Say what differs, a line each."""
    return [
        f"{key}: expected {here.get(key, 0)}, found {there.get(key, 0)}"
        for key in sorted(here.keys() | there.keys(), key=str)
        if here.get(key, 0) != there.get(key, 0)
    ]
