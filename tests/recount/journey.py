"""The funnel of the adoption journey, and who moved in it.

Rules: counts people whose stage is settled.
"""

from collections import Counter
from datetime import date

from tests.recount.rows import MoveKey, PeopleRow, StageKey, StageRow
from tests.recount.stages import STAGES
from tests.recount.standing import Standing, share
from tests.recount.steps import Segment

FUNNEL = ("unaware", "aware", "visited", "first_use", "second_use", "continuous")


def reached(stage: str, people: Counter[str]) -> int:
    """How many are in this stage or a later one. Who lapsed has reached `visited`, and nothing comes after `lapsed`."""
    if stage == "lapsed":
        return people["lapsed"]
    beyond = sum(people[later] for later in FUNNEL[FUNNEL.index(stage) :])
    return beyond + (people["lapsed"] if stage in {"unaware", "aware", "visited"} else 0)


def before(stage: str) -> str:
    """The stage from which people come: `visited`, of those who lapsed."""
    return "visited" if stage == "lapsed" else FUNNEL[FUNNEL.index(stage) - 1]


def journey_rows(day: date, segment: Segment, people: list[Standing]) -> dict[StageKey, StageRow]:
    """A row per stage."""
    in_stage = Counter(person.stage for person in people)
    rows = {}
    for stage in STAGES:
        conversion = 1.0 if stage == "unaware" else share(reached(stage, in_stage), reached(before(stage), in_stage))
        rows[StageKey(day, *segment, stage)] = StageRow(
            enabled=len(people),
            people=in_stage[stage],
            share=share(in_stage[stage], len(people)),
            reached=reached(stage, in_stage),
            conversion=conversion,
        )
    return rows


def move_rows(day: date, segment: Segment, people: list[Standing]) -> dict[MoveKey, PeopleRow]:
    """Who is in another stage than at the end of the day closed before, of those who were enabled then, too."""
    moves = Counter(
        (person.stage_before, person.stage)
        for person in people
        if person.stage_before is not None and person.stage_before != person.stage
    )
    return {MoveKey(day, *segment, from_, to): PeopleRow(moved) for (from_, to), moved in moves.items()}
