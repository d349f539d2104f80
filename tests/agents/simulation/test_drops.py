from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agents.errors import Usage
from agents.simulation import Company, Drop, moment
from agents.simulation.drops import EXAMPLE
from tests.agents.simulation.reading import actor, events, records

COMPANY = Company(people=1500, days=3, seed=4, rate=1500 * 20 / 86_400)
TUESDAY = moment("2026-03-03T00:00Z")
DAY_MS = 86_400_000


def seen(company: Company, segment: tuple[str, str] | None = None) -> tuple[list[int], list[int]]:
    """Return by day the events and the distinct people of a segment (of the directory at the start)."""
    directory = records(company.directory())
    hired = {company.staff.ids[row] for row in company.staff.hired}
    counted, people = Counter[int](), dict[int, set[str]]()
    for event in events(company.lines()):
        assert event.data is not None
        who = actor(event)
        if segment is None or segment[0] == "company":
            inside = True
        elif segment[0] == "community":
            inside = event.data.community == segment[1]
        else:
            inside = who not in hired and (directory.get(who, {}).get(segment[0]) or "unknown") == segment[1]
        if inside:
            day = (event.time_ms - company.start_ms) // DAY_MS
            counted[day] += 1
            people.setdefault(day, set()).add(who)
    return [counted[day] for day in range(3)], [len(people.get(day, ())) for day in range(3)]


@pytest.mark.parametrize(
    "segment",
    [("company", "all"), ("department", "Sales"), ("region", "ES"), ("manager", "u2"), ("community", "news")],
    ids=lambda segment: segment[0],
)
def test_people_and_events_sink_by_the_depth(segment: tuple[str, str]) -> None:
    dropped = replace(COMPANY, drops=(Drop(*segment, depth=0.8, start_ms=TUESDAY, hours=24),))
    before, after = seen(COMPANY, segment), seen(dropped, segment)
    for whole, left in zip(before, after, strict=True):
        tolerance = 0.07 if whole[1] > 100 else 0.25
        assert left[1] / whole[1] == pytest.approx(0.2, abs=tolerance)
        assert left[0] == pytest.approx(whole[0], rel=0.2)
        assert left[2] == pytest.approx(whole[2], rel=0.2)


def test_others_do_not_notice() -> None:
    drop = Drop("department", "Sales", 1.0, TUESDAY, 24)
    before, after = (seen(company, ("department", "Finance")) for company in (COMPANY, replace(COMPANY, drops=(drop,))))
    assert before[1] == pytest.approx(after[1], rel=0.03)


def test_a_whole_drop_leaves_nobody_and_lasts_as_long_as_asked() -> None:
    drop = Drop("company", "all", 1.0, TUESDAY + 3_600_000, 2.5)
    times = [event.time_ms for event in events(replace(COMPANY, drops=(drop,)).lines())]
    inside = [time for time in times if drop.start_ms <= time < drop.end_ms]
    assert not inside
    assert min(time for time in times if time >= drop.end_ms) < drop.end_ms + 60_000


def test_drops_add_up() -> None:
    drops = (Drop("region", "ES", 1.0, TUESDAY, 24), Drop("region", "SE", 1.0, TUESDAY, 24))
    company = replace(COMPANY, drops=drops)
    assert seen(company, ("region", "ES"))[1][1] == seen(company, ("region", "SE"))[1][1] == 0


def test_people_without_a_value_are_the_member_unknown() -> None:
    company = replace(COMPANY, drops=(Drop("department", "unknown", 1.0, TUESDAY, 24),))
    assert seen(company, ("department", "unknown"))[1][1] == 0


def test_a_drop_is_read_as_it_is_written() -> None:
    expected = moment("2026-03-05T08:00Z")
    assert Drop.parse(EXAMPLE) == Drop("department", "Sales", 0.8, expected, 24)
    assert expected == datetime(2026, 3, 5, 8, tzinfo=UTC).timestamp() * 1000
    assert (
        Drop.parse("depth=1, hours=0.5, start=2026-03-05T08:00:00+01:00, department=R, D and E").member == "R, D and E"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sales",
        "department=Sales",
        "department=Sales,region=ES,depth=0.8,start=2026-03-05T08:00Z,hours=24",
        "department=Sales,depth=80,start=2026-03-05T08:00Z,hours=24",
        "department=Sales,depth=0.8,start=2026-03-05T08:00,hours=24",
        "department=Sales,depth=0.8,start=2026-03-05T08:00Z,hours=0",
        "department=Sales,depth=nan,start=2026-03-05T08:00Z,hours=24",
        "department=Sales,depth=0.8,start=2026-03-05T08:00Z,hours=inf",
    ],
)
def test_what_is_no_drop_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        Drop.parse(text)


@pytest.mark.parametrize("segment", ["department=Slaes", "region=FR", "manager=u99999", "community=x", "company=none"])
def test_a_segment_that_does_not_exist_is_refused_before_anything_is_told(segment: str) -> None:
    drop = Drop.parse(f"{segment},depth=1,start=2026-03-03T08:00Z,hours=1")
    with pytest.raises(Usage, match="there is no"):
        replace(COMPANY, drops=(drop,)).batches()


def test_a_drop_outside_the_run_is_refused() -> None:
    with pytest.raises(Usage, match="outside the run"):
        replace(COMPANY, drops=(Drop("company", "all", 1, COMPANY.end_ms, 1),))
