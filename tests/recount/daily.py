"""What a local day publishes when it closes: all views of days, straight from everybody's deeds.

Rules: looks at all people anew for each day and keeps nothing but rows, and each person's stage of the day before.
"""

from collections.abc import Mapping
from datetime import date

from tests.recount.adoption import Targets, adoption_row, advocacy_row, leaders_rows
from tests.recount.journey import journey_rows, move_rows
from tests.recount.person import Person
from tests.recount.roles import participation_row, role_rows, threshold
from tests.recount.rows import (
    AdoptionRow,
    AdvocacyRow,
    LeadersKey,
    LeadersRow,
    MoveKey,
    ParticipationRow,
    PeopleRow,
    RoleKey,
    RoleRow,
    SegmentKey,
    StageKey,
    StageRow,
)
from tests.recount.spread import Spread
from tests.recount.standing import segments_at, standing


class Daily:
    """Rows of days, day after day."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self.closed: set[date] = set()
        self.adoption: dict[SegmentKey, AdoptionRow] = {}
        self.roles: dict[RoleKey, RoleRow] = {}
        self.participation: dict[SegmentKey, ParticipationRow] = {}
        self.journey: dict[StageKey, StageRow] = {}
        self.journey_moves: dict[MoveKey, PeopleRow] = {}
        self.leaders: dict[LeadersKey, LeadersRow] = {}
        self.advocacy: dict[SegmentKey, AdvocacyRow] = {}
        self.spread = Spread()

    def close(self, day: int, people: Mapping[str, Person], named: Mapping[str, list[int]]) -> None:
        """Write all rows of a day. `named`: for each name the days from which it is known that somebody named it."""
        standings = {
            name: standing(person, day, named=any(known <= day for known in named.get(name, ())))
            for name, person in people.items()
            if person.entry is not None and person.entry.in_enabled
        }
        segments = segments_at(people, standings)
        leading_from = threshold(segments["company", "all"])
        day_ = date.fromordinal(day)
        for segment, there in segments.items():
            key = SegmentKey(day_, *segment)
            self.adoption[key] = adoption_row(day_, segment, there, self.targets, self.adoption)
            self.roles |= role_rows(day_, segment, there, leading_from, self.roles)
            self.participation[key] = participation_row(there, leading_from)
            self.journey |= journey_rows(day_, segment, there)
            self.journey_moves |= move_rows(day_, segment, there)
            self.leaders |= leaders_rows(day_, segment, there)
            self.advocacy[key] = advocacy_row(there)
        self.spread.close(day_, segments)
        for name, person in people.items():
            person.stage = standings[name].stage if name in standings else None
        self.closed.add(day_)
