"""Wall clocks over clock changes, and the days on which nobody is expected."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.calendars import Calendar, Place


def ts(text: str) -> int:
    """Unix seconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def walls(zone: str, start: str, hours: int) -> list[str]:
    """What a wall clock shows at `start` (UTC) and each hour after it."""
    calendar = Calendar(regions={"R": Place(ZoneInfo(zone))})
    first = ts(start)
    shown = [calendar.wall(first + 3600 * hour, "R") for hour in range(hours)]
    return [datetime.fromtimestamp(wall, UTC).strftime("%d %H:%M") for wall in shown]


@pytest.mark.parametrize(
    ("zone", "start", "shown"),
    [
        # the clock goes forward: an hour is skipped
        ("Europe/Madrid", "2026-03-29T00:00", ["29 01:00", "29 03:00", "29 04:00"]),
        ("Europe/Stockholm", "2026-03-29T00:00", ["29 01:00", "29 03:00", "29 04:00"]),
        ("Africa/Cairo", "2026-04-23T21:00", ["23 23:00", "24 01:00", "24 02:00"]),  # at midnight: the day begins at 1
        ("Pacific/Apia", "2020-09-26T13:00", ["27 02:00", "27 04:00", "27 05:00"]),
        # and back: an hour is shown twice
        ("Europe/Madrid", "2026-10-25T00:00", ["25 02:00", "25 02:00", "25 03:00"]),
        ("Europe/Stockholm", "2026-10-25T00:00", ["25 02:00", "25 02:00", "25 03:00"]),
        ("Africa/Cairo", "2026-10-29T20:00", ["29 23:00", "29 23:00", "30 00:00"]),  # the day has its last hour twice
        ("Pacific/Apia", "2021-04-03T13:00", ["04 03:00", "04 03:00", "04 04:00"]),
        # Samoa left out 30 December 2011, a whole day
        ("Pacific/Apia", "2011-12-30T08:00", ["29 22:00", "29 23:00", "31 00:00"]),
        # zones of half and quarter hours
        ("Asia/Kolkata", "2026-01-01T00:00", ["01 05:30", "01 06:30"]),
        ("Asia/Kathmandu", "2026-01-01T00:00", ["01 05:45", "01 06:45"]),
    ],
)
def test_the_wall_clock_follows_the_changes(zone: str, start: str, shown: list[str]) -> None:
    assert walls(zone, start, len(shown)) == shown


def test_egypt_changed_its_clocks_in_some_years_only() -> None:
    assert walls("Africa/Cairo", "2020-07-01T10:00", 1) == ["01 12:00"]
    assert walls("Africa/Cairo", "2026-07-01T10:00", 1) == ["01 13:00"]


COMPANY = Calendar(
    Place(
        ZoneInfo("Europe/Stockholm"), days_off=frozenset({date(2026, 12, 28)}), campaigns=frozenset({date(2026, 3, 2)})
    ),
    {
        "ES": Place(ZoneInfo("Europe/Madrid"), frozenset({date(2026, 1, 6), date(2026, 10, 12)})),
        "SE": Place(ZoneInfo("Europe/Stockholm"), frozenset({date(2026, 1, 6), date(2026, 6, 19)})),
        "WS": Place(ZoneInfo("Pacific/Apia"), frozenset({date(2026, 6, 1)}), campaigns=frozenset({date(2026, 5, 4)})),
    },
)


def test_a_holiday_is_a_day_of_the_place_itself() -> None:
    assert not COMPANY.is_holiday("WS", ts("2026-05-31T10:59"))
    assert COMPANY.is_holiday("WS", ts("2026-05-31T11:00"))  # midnight in Apia
    assert COMPANY.is_holiday("WS", ts("2026-06-01T10:59"))
    assert not COMPANY.is_holiday("WS", ts("2026-06-01T11:00"))
    assert not COMPANY.is_holiday("SE", ts("2026-06-01T09:00"))


def test_the_companys_days_off_hold_everywhere() -> None:
    noon = ts("2026-12-28T09:00")
    assert all(COMPANY.is_holiday(region, noon) for region in (None, "ES", "SE", "WS", "somewhere"))


def test_the_company_is_free_when_most_are() -> None:
    calendar = COMPANY.weighed({"ES": 40, "SE": 30, "WS": 10, "unknown": 20})
    assert calendar.is_holiday(None, ts("2026-01-06T09:00"))  # in Spain and in Sweden
    assert not calendar.is_holiday(None, ts("2026-10-12T09:00"))  # in Spain only
    assert calendar.weighed({"ES": 51, "SE": 49}).is_holiday(None, ts("2026-10-12T09:00"))
    assert calendar.weighed({"ES": 51, "SE": 49}).is_holiday("unknown", ts("2026-10-12T09:00"))
    assert not COMPANY.is_holiday(None, ts("2026-01-06T09:00"))  # of nobody it is known where they are


def test_holidays_of_the_companys_own_come_first() -> None:
    own = Calendar(Place(UTC, frozenset({date(2026, 6, 6)})), COMPANY.regions, True, {"ES": 1})
    assert own.is_holiday(None, ts("2026-06-06T09:00"))
    assert not own.is_holiday(None, ts("2026-10-12T09:00"))
    assert own.is_holiday("ES", ts("2026-10-12T09:00"))
    assert not own.is_holiday("ES", ts("2026-06-06T09:00"))


def test_campaigns_of_the_company_hold_everywhere_and_a_regions_there() -> None:
    assert all(COMPANY.is_campaign(region, ts("2026-03-02T09:00")) for region in (None, "ES", "WS"))
    assert COMPANY.is_campaign("WS", ts("2026-05-04T00:00"))
    assert not COMPANY.is_campaign("ES", ts("2026-05-04T12:00"))
    assert not COMPANY.is_holiday("WS", ts("2026-05-04T00:00"))


def test_without_a_calendar_it_is_utc_and_never_a_holiday() -> None:
    plain = Calendar()
    assert plain.wall(ts("2026-07-01T00:00"), "ES") == ts("2026-07-01T00:00")
    assert not plain.is_holiday(None, ts("2026-12-25T12:00"))
    assert not plain.is_campaign("ES", ts("2026-12-25T12:00"))
