"""Changes that are no drops: a directory that moves people, clocks that are put forward or back, a new level."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.calendars import Calendar, Place
from pipeline.judge import Judge
from pipeline.pulse_book import Counts, Key, Part
from schemas.drops import Drop
from schemas.pulse import instant
from tests.pipeline.pulses import DAY, HOUR, MONDAY

Segment = tuple[str, str]
Sizes = Callable[[int], dict[Segment, int]]
"""People of each segment but the company, at an instant."""
WEEKS = 3
CHANGE = MONDAY + WEEKS * 7 * DAY + 8 * HOUR
"""A Monday morning."""


def rows(at: int, sizes: dict[Segment, int], odds: Callable[[Segment], float]) -> dict[Key, Counts]:
    """An hour in which everybody of a segment comes with these odds; the company is all departments or regions."""
    rng = np.random.default_rng(at)
    here = {segment: (int(rng.binomial(size, odds(segment))), size) for segment, size in sizes.items()}
    here["company", "all"] = tuple(map(sum, zip(*here.values(), strict=True)))  # type: ignore[assignment]
    return {(*segment, "active"): Counts(0, came, size, size, size) for segment, (came, size) in here.items()}


def judged(steps: Iterator[tuple[int, dict[Key, Counts]]], calendar: Calendar) -> tuple[Judge, dict[str, Drop]]:
    judge, drops = Judge(HOUR, calendar), dict[str, Drop]()
    judge.book.partitions = 1
    for at, told in steps:
        judge.book.waiting[at], judge.book.closed[0] = {0: Part(1, told)}, at
        drops |= {drop.drop_id: drop for drop in judge.judge()}
    return judge, drops


def working(begin: int) -> float:
    """Odds that somebody is seen in the hour that begins then, by the clock on the wall."""
    busy = 8 <= begin // HOUR % 24 < 17 and (begin // DAY + 3) % 7 < 5
    return 0.4 if busy else 0.005


def directory(sizes: Sizes, weeks: int = WEEKS + 1) -> Iterator[tuple[int, dict[Key, Counts]]]:
    for at in range(MONDAY + HOUR, MONDAY + weeks * 7 * DAY + 1, HOUR):
        yield at, rows(at, sizes(at), lambda _segment, at=at: working(at - HOUR))  # type: ignore[misc]


def renamed(at: int) -> dict[str, int]:
    return {"Sales": 150, "IT": 80} if at <= CHANGE else {"Customers": 150, "IT": 80}


def split(at: int) -> dict[str, int]:
    return {"Sales": 150, "IT": 80} if at <= CHANGE else {"Sales": 50, "Key accounts": 100, "IT": 80}


def merged(at: int) -> dict[str, int]:
    return {"Sales": 60, "IT": 80, "Legal": 90} if at <= CHANGE else {"Sales": 150, "IT": 80}


@pytest.mark.parametrize("move", [renamed, split, merged])
def test_people_who_move_to_another_department_are_no_drop(move: Callable[[int], dict[str, int]]) -> None:
    before, after = set(move(CHANGE)), set(move(CHANGE + 1))

    def sizes(at: int) -> dict[Segment, int]:
        return {("department", name): people for name, people in move(at).items()} | {
            ("department", name): 0 for name in (before - after if at > CHANGE else set())}  # fmt: skip

    judge, drops = judged(directory(sizes), Calendar())
    assert drops == {}
    row = judge.hourly.row["department", "IT", "active"]
    assert not judge.hourly.bank.learning[row]


def test_the_same_people_who_stay_away_are_a_drop() -> None:
    def steps() -> Iterator[tuple[int, dict[Key, Counts]]]:
        for at in range(MONDAY + HOUR, CHANGE + DAY, HOUR):
            gone = 0.6 if at > CHANGE else 0.0
            yield at, rows(at, {("department", "Sales"): 150, ("department", "IT"): 80},
                           lambda one, at=at, gone=gone: working(at - HOUR) * (1 - gone * (one[1] == "Sales")))  # type: ignore[misc]  # fmt: skip

    _, drops = judged(steps(), Calendar())
    assert {drop.member for drop in drops.values() if drop.parent_id is None} == {"Sales"}


def test_a_level_that_stays_is_accepted() -> None:
    #  three weeks of all | Sales loses half of its visits for good | a drop, that is over after three weeks
    def steps() -> Iterator[tuple[int, dict[Key, Counts]]]:
        for at in range(MONDAY + HOUR, CHANGE + 4 * 7 * DAY, HOUR):
            share = 0.5 if at > CHANGE else 1.0
            yield at, rows(at, {("department", "Sales"): 150, ("department", "IT"): 280},
                           lambda one, at=at, share=share: working(at - HOUR) * (share if one[1] == "Sales" else 1))  # type: ignore[misc]  # fmt: skip

    judge, drops = judged(steps(), Calendar())
    (drop,) = [one for one in drops.values() if one.member == "Sales" and one.began_at <= instant(CHANGE + DAY)]
    assert drop.state == "recovered"
    assert (drop.ended_at or "") <= instant(CHANGE + 23 * DAY)
    assert judge.found.open == {}
    row = judge.hourly.row["department", "Sales", "active"]
    assert judge.hourly.bank.forecast(np.full(len(judge.hourly.keys), CHANGE + 4 * 7 * DAY + HOUR)).people[row] < 40


CHANGES = [
    # when clocks change, UTC: forward and back
    ("Europe/Madrid", "2026-03-29T01:00", "2026-10-25T01:00"),
    ("Europe/Stockholm", "2026-03-29T01:00", "2026-10-25T01:00"),
    ("Africa/Cairo", "2026-04-23T22:00", "2026-10-29T21:00"),
    ("Pacific/Apia", "2020-09-26T14:00", "2021-04-03T14:00"),
]


def around(zone: str, change: str) -> Iterator[tuple[int, dict[Key, Counts]]]:
    """Three weeks before and eight days after, people who keep to their clock on the wall."""
    when = int(datetime.fromisoformat(change).replace(tzinfo=UTC).timestamp())
    place = Place(ZoneInfo(zone))
    assert place.wall(when) - place.wall(when - HOUR) != HOUR
    for at in range(when - 21 * DAY, when + 8 * DAY, HOUR):
        yield at, rows(at, {("region", "R"): 200, ("region", "rest"): 100},
                       lambda _one, at=at: working(place.wall(at - HOUR)))  # type: ignore[misc]  # fmt: skip


@pytest.mark.parametrize("back", [0, 1], ids=["forward", "back"])
@pytest.mark.parametrize(("zone", "forward", "backward"), CHANGES, ids=[zone for zone, *_ in CHANGES])
def test_a_clock_that_is_changed_is_no_drop(zone: str, forward: str, backward: str, back: int) -> None:
    here = Place(ZoneInfo(zone))
    change = (forward, backward)[back]
    judge, drops = judged(around(zone, change), Calendar(here, {"R": here, "rest": here}))
    assert [drop for drop in drops.values() if drop.detected_at[:10] >= change[:10]] == []
    assert not judge.hourly.bank.learning.any()


def test_without_the_zone_it_would_be_one() -> None:
    _, drops = judged(around("Europe/Madrid", "2026-10-25T01:00"), Calendar())
    assert drops
