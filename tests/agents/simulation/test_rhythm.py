from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from agents.simulation import REGIONS, Company, Region
from agents.simulation.rhythm import slot_weights
from tests.agents.simulation.reading import actor, events

MADRID, STOCKHOLM, CAIRO, SAO_PAULO, TOKYO, APIA = REGIONS


def day_hours(region: Region, first: datetime, days: int) -> dict[str, list[datetime]]:
    """Return by local day the local starts of the quarters that are office hours."""
    start = round(first.timestamp() * 1000)
    weights = slot_weights((region,), start, days * 96)[:, 0]
    busy: dict[str, list[datetime]] = {}
    for slot, weight in enumerate(weights.tolist()):
        local = (first + timedelta(minutes=15 * slot)).astimezone(ZoneInfo(region.timezone))
        if weight > 50:
            busy.setdefault(local.strftime("%m-%d"), []).append(local)
    return busy


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.timezone)
def test_offices_open_in_the_morning_of_their_own_clock(region: Region) -> None:
    busy = day_hours(region, datetime(2026, 3, 9, tzinfo=UTC), 14)
    whole = list(busy.values())[1:-1]  # the first and the last may be cut by the ends of the fortnight
    assert len(whole) >= 8
    assert {day[0].hour for day in whole} == {8}
    assert all(local.weekday() not in region.weekend for day in busy.values() for local in day)


def test_a_clock_change_moves_the_office_with_the_clock() -> None:
    """Madrid's clocks go forward in the night to Sunday, 29 March 2026: 8 o'clock is 7 UTC before and 6 UTC after."""
    busy = day_hours(MADRID, datetime(2026, 3, 26, 23, tzinfo=UTC), 5)
    opens = {day: times[0].astimezone(UTC).hour for day, times in busy.items()}
    assert opens == {"03-27": 7, "03-30": 6, "03-31": 6}


def test_the_missing_hour_has_no_events_and_the_next_day_is_as_usual() -> None:
    company = Company(people=300, days=5, start=datetime(2026, 3, 26, 23, tzinfo=UTC), regions=(MADRID,), seed=3)
    local = Counter[tuple[int, int]]()
    for event in events(company.lines()):
        if actor(event)[0] == "u":
            at = datetime.fromtimestamp(event.time_ms / 1000, ZoneInfo("Europe/Madrid"))
            local[at.day, at.hour] += 1
    assert local[29, 2] == 0
    friday, monday = (sum(local[day, hour] for hour in range(24)) for day in (27, 30))
    assert monday == pytest.approx(friday, rel=0.2)
    for hour in (10, 16):
        assert local[30, hour] == pytest.approx(local[27, hour], rel=0.4)
    assert sum(local[29, hour] for hour in range(24)) < 0.3 * friday


def test_the_hour_that_comes_twice_is_a_night_hour_both_times() -> None:
    weights = slot_weights((MADRID,), round(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp() * 1000), 100)[:, 0]
    assert len(set(weights[8:16].tolist())) == 1


def test_holidays_are_quiet() -> None:
    busy = day_hours(TOKYO, datetime(2026, 4, 27, 15, tzinfo=UTC), 3)
    assert set(busy) == {"04-28", "04-30"}


def test_weekends_differ_by_region() -> None:
    week = slot_weights((CAIRO, STOCKHOLM), round(datetime(2026, 3, 8, tzinfo=UTC).timestamp() * 1000), 96 * 7)
    noon = week[44::96]  # 11 UTC, from Sunday
    assert noon[0, 0] > 50 > noon[0, 1]
    assert noon[5, 1] > 50 > noon[5, 0]


def test_service_accounts_work_at_night() -> None:
    company = replace(Company(people=300, days=2, seed=1, rate=1), regions=(STOCKHOLM,))
    hours = Counter(event.time_ms // 3_600_000 % 24 for event in events(company.lines()) if actor(event)[0] == "s")
    assert len(hours) == 24
    assert np.ptp(list(hours.values())) < 2 * np.mean(list(hours.values()))


def test_apia_starts_the_day_first() -> None:
    company = Company(people=400, days=1, start=datetime(2026, 3, 3, tzinfo=UTC), regions=(APIA, SAO_PAULO), seed=1)
    where = {company.staff.ids[row]: int(region) for row, region in enumerate(company.staff.region.tolist())}
    hours: list[Counter[int]] = [Counter(), Counter()]
    for event in events(company.lines()):
        if actor(event)[0] == "u" and where[actor(event)] >= 0:
            hours[where[actor(event)]][event.time_ms // 3_600_000 % 24] += 1
    assert hours[0][21] > 5 * hours[0][10]  # 10 o'clock and 23 o'clock in Apia (UTC+13)
    assert hours[1][13] > 5 * hours[1][5]  # 10 o'clock and 2 o'clock in Sao Paulo (UTC-3)
