"""Local days against vectors from the calendar: clock changes, midnights skipped or repeated, a missing date."""

from datetime import date

import pytest

from tests.recount import Recount, SegmentKey, recount
from tests.recount.days import LocalDays
from tests.recount.lines import act, heartbeat, milliseconds, person


def number(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def company(seen: Recount) -> dict[str, tuple[int, int]]:
    """By day: who of the company was active in 7 days, and who ever used the network."""
    return {
        key.day.isoformat(): (row.active_7d, seen.spread[key].ever_used)
        for key, row in seen.adoption.items()
        if key.dimension == "company"
    }


@pytest.mark.parametrize(
    ("timezone", "day", "start", "end"),
    [
        ("UTC", "2026-03-29", "2026-03-29T00:00:00", "2026-03-30T00:00:00"),
        ("Europe/Madrid", "2026-03-28", "2026-03-27T23:00:00", "2026-03-28T23:00:00"),
        ("Europe/Madrid", "2026-03-29", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),  # 23 hours
        ("Europe/Stockholm", "2026-10-25", "2026-10-24T22:00:00", "2026-10-25T23:00:00"),  # 25 hours
        ("Africa/Cairo", "2026-04-23", "2026-04-22T22:00:00", "2026-04-23T22:00:00"),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00", "2026-04-24T21:00:00"),  # begins at 01:00
        ("Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00", "2026-10-29T22:00:00"),  # 23:00 comes twice
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00", "2011-12-30T10:00:00"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00", "2011-12-30T10:00:00"),  # no such date
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00", "2011-12-31T10:00:00"),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),  # midnight comes twice
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00", "2010-11-08T03:30:00"),  # 00:01 becomes 23:01
        ("Asia/Kolkata", "2026-03-02", "2026-03-01T18:30:00", "2026-03-02T18:30:00"),
    ],
)
def test_a_day_lasts_from_the_first_instant_of_its_date_to_that_of_the_next(
    timezone: str, day: str, start: str, end: str
) -> None:
    days = LocalDays(timezone)
    assert (days.start(number(day)), days.end(number(day))) == (milliseconds(start), milliseconds(end))
    assert days.exists(number(day)) == (start != end)
    assert days.of(milliseconds(end)) == number(day) + (1 if days.exists(number(day) + 1) else 2)
    assert days.of(milliseconds(start) - 1) < number(day)
    if days.exists(number(day)):
        assert days.of(milliseconds(start)) == days.of(milliseconds(end) - 1) == number(day)


def test_a_clock_put_back_over_midnight_does_not_bring_back_the_day_before() -> None:
    days = LocalDays("America/St_Johns")
    shown_again = milliseconds("2010-11-07T02:45:00")  # 23:15 on the sixth
    assert date.fromordinal(days.date(shown_again)) == date(2010, 11, 6)
    assert days.of(shown_again) == number("2010-11-07")


@pytest.mark.parametrize(
    ("timezone", "last", "first", "days"),
    [
        ("Europe/Madrid", "2026-03-28T22:59:59.999", "2026-03-28T23:00:00", ("2026-03-28", "2026-03-29")),
        ("Europe/Stockholm", "2026-03-29T21:59:59.999", "2026-03-29T22:00:00", ("2026-03-29", "2026-03-30")),
        ("Europe/Madrid", "2026-10-25T22:59:59.999", "2026-10-25T23:00:00", ("2026-10-25", "2026-10-26")),
        ("Africa/Cairo", "2026-04-23T21:59:59.999", "2026-04-23T22:00:00", ("2026-04-23", "2026-04-24")),
        ("Africa/Cairo", "2026-04-24T20:59:59.999", "2026-04-24T21:00:00", ("2026-04-24", "2026-04-25")),
        ("Pacific/Apia", "2011-12-30T09:59:59.999", "2011-12-30T10:00:00", ("2011-12-29", "2011-12-31")),
    ],
)
def test_what_happens_exactly_at_midnight_is_of_the_new_day(
    timezone: str, last: str, first: str, days: tuple[str, str]
) -> None:
    record = [act(last, "ann"), act(first, "bob"), heartbeat(days[1] + "T23:59:59")]
    closed = recount(record, [person("ann"), person("bob")], step_seconds=3600, timezone=timezone)
    assert company(closed)[days[0]] == (1, 1)
    after = LocalDays(timezone).end(number(days[1])) + 1
    seen = recount(record, [person("ann"), person("bob")], step_seconds=3600, timezone=timezone, final_watermark=after)
    assert company(seen) == {days[0]: (1, 1), days[1]: (2, 2)}


@pytest.mark.parametrize(("more", "closed"), [(0, {}), (1, {"2026-03-28": (1, 1)})])
def test_a_day_closes_when_the_watermark_is_greater_than_its_end(more: int, closed: dict[str, tuple[int, int]]) -> None:
    record = [act("2026-03-28T20:00:00", "ann")]
    end = milliseconds("2026-03-28T23:00:00")
    seen = recount(record, [person("ann")], timezone="Europe/Madrid", step_seconds=3600, final_watermark=end + more)
    assert company(seen) == closed


def test_days_are_counted_back_over_a_date_that_is_missing() -> None:
    record = [
        act("2011-12-25T09:59:59", "ann"),  # on the 24th in Apia
        act("2011-12-25T10:00:00", "bob"),  # on the 25th
        *(heartbeat(f"2011-12-{day}T12:00:00") for day in range(26, 32)),
        *(heartbeat(f"2012-01-{day:02}T12:00:00") for day in range(1, 8)),
    ]
    seen = recount(record, [person("ann"), person("bob")], step_seconds=3600, timezone="Pacific/Apia")
    assert {day: active for day, (active, _) in company(seen).items()} == {
        "2011-12-24": 1,
        "2011-12-25": 2,
        "2011-12-26": 2,
        "2011-12-27": 2,
        "2011-12-28": 2,
        "2011-12-29": 2,
        "2011-12-31": 1,  # six dates back it is the 25th
        "2012-01-01": 0,
        "2012-01-02": 0,
        "2012-01-03": 0,
        "2012-01-04": 0,
        "2012-01-05": 0,
        "2012-01-06": 0,
        "2012-01-07": 0,
    }
    changes = {key.day.isoformat(): row.change_7d for key, row in seen.adoption.items() if key.dimension == "company"}
    assert changes["2011-12-31"] == 0.5 - 0.5  # less the 24th
    assert changes["2012-01-05"] == 0.0 - 1.0
    assert changes["2012-01-06"] is None  # there is no 30th
    assert changes["2012-01-07"] == 0.0 - 0.5
    assert "2011-12-30" not in company(seen)
    assert SegmentKey(date(2011, 12, 30), "company", "all") not in seen.spread
