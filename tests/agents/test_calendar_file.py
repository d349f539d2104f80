"""The calendar's file: what it may say, and one line for whatever is wrong with it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.errors import Usage
from agents.files.calendar import calendar, read
from agents.settings import Settings
from pipeline.calendars import Calendar

GOOD = """
[regions.ES]
timezone = "Europe/Madrid"
holidays = "ES-MD"
[regions.WS]
timezone = "Pacific/Apia"
holidays = "WS"
days_off = [2026-08-03]
[company]
timezone = "Europe/Stockholm"
holidays = "SE"
days_off = ["2026-12-24", "2026-12-27/2027-01-05"]
campaigns = ["2026-03-01/2026-03-07"]
"""


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def reading(tmp_path: Path, text: str, timezone: str = "UTC") -> Calendar:
    file = tmp_path / "calendar.toml"
    file.write_text(text)
    return read(file, timezone)


def test_zones_holidays_days_off_and_campaigns(tmp_path: Path) -> None:
    found = reading(tmp_path, GOOD)
    noon = at("2026-07-01T10:00")
    assert [found.wall(noon, region) - noon for region in (None, "ES", "WS", "elsewhere")] == [
        7200,
        7200,
        13 * 3600,
        7200,
    ]
    places = {"company": None, "ES": "ES", "WS": "WS"}
    days = ("2026-05-02", "2026-06-06", "2026-08-03", "2026-12-24", "2026-12-31", "2027-01-05", "2027-01-07")
    free = {day: [name for name, place in places.items() if found.is_holiday(place, at(day))] for day in days}
    assert free == {
        "2026-05-02": ["ES"],  # Madrid's own day
        "2026-06-06": ["company"],  # Sweden's
        "2026-08-03": ["WS"],
        "2026-12-24": ["company", "ES", "WS"],
        "2026-12-31": ["company", "ES", "WS"],
        "2027-01-05": ["company", "ES", "WS"],
        "2027-01-07": [],
    }
    assert found.is_campaign("ES", at("2026-03-07T12:00"))
    assert not found.is_campaign("ES", at("2026-03-08T12:00"))


def test_holidays_are_known_for_every_year(tmp_path: Path) -> None:
    polish = reading(tmp_path, '[company]\ntimezone = "Europe/Warsaw"\nholidays = "PL"\n')
    for day in ("2010-04-05", "2010-05-03", "2010-06-03", "2031-12-25"):
        assert polish.is_holiday(None, at(f"{day}T09:00")), day
    assert not polish.is_holiday(None, at("2010-06-04T09:00"))


def test_regions_take_the_companys_zone_and_the_company_what_holds_for_most(tmp_path: Path) -> None:
    found = reading(tmp_path, '[regions.ES]\nholidays = "ES"\n', "Europe/Madrid").weighed({"ES": 3, "unknown": 2})
    noon = at("2026-01-06T12:00")
    assert found.wall(noon, "ES") - noon == found.wall(noon) - noon == 3600
    assert found.is_holiday(None, noon)


def test_the_settings_name_the_file_and_the_zone(tmp_path: Path) -> None:
    file = tmp_path / "calendar.toml"
    file.write_text('[company]\nholidays = "SE"\n')
    noon = at("2026-06-06T10:00")
    both = calendar(Settings.from_env({"ESN_TIMEZONE": "Europe/Stockholm", "ESN_CALENDAR": str(file)}))
    assert (both.wall(noon) - noon, both.is_holiday(None, noon)) == (7200, True)
    none = calendar(Settings.from_env({"ESN_TIMEZONE": "Europe/Stockholm"}))
    assert (none.wall(noon) - noon, none.is_holiday(None, noon)) == (7200, False)
    assert calendar(Settings.from_env({})).wall(noon) == noon


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[compny]", "compny is not a table of a calendar: did you mean company?"),
        ("x = 1", "x is not a table of a calendar: use company or regions"),
        ("regions = 3", "[regions] is no table: write [regions] on a line of its own and its keys below"),
        (
            "[regions]\nES = 'ES'",
            "[regions.ES] is no table: write [regions.ES] on a line of its own and its keys below",
        ),
        ("[company]\nday_off = []", "[company] day_off is not a key: did you mean days_off?"),
        ("[company]\nzzz = 1", "[company] zzz is not a key: use timezone, holidays, days_off or campaigns"),
        ("[company]\ntimezone = 'Europe/Madird'", "[company] timezone is Europe/Madird: did you mean Europe/Madrid?"),
        ("[company]\ntimezone = 'Europe'", "[company] timezone is Europe: "),
        ("[company]\ntimezone = '/etc/passwd'", "[company] timezone is /etc/passwd: write an IANA time zone"),
        ("[regions.ES]\nholidays = 'Spain'", '[regions.ES] holidays is Spain: write a country, as in "ES" or "ES-MD"'),
        ("[regions.ES]\nholidays = 'ES-XX'", "[regions.ES] holidays is ES-XX: of ES there is ES-AN, ES-AR, "),
        ("[regions.WS]\nholidays = 'WS-1'", "[regions.WS] holidays is WS-1: of WS there is no subdivision, write WS"),
        ("[company]\ndays_off = '2026-12-24'", '[company] days_off is no list: write days_off = ["2026-12-24"]'),
        ("[company]\ndays_off = ['24.12.2026']", "[company] days_off has 24.12.2026, which is no day: write "),
        ("[company]\ndays_off = ['2026-02-29']", "[company] days_off has 2026-02-29, which is no day: write "),
        ("[company]\ndays_off = ['2027-01-05/2026-12-27']", "[company] days_off has 2027-01-05/2026-12-27, which is "),
        ("[company]\ncampaigns = ['2026-12-27/2206-01-05']", "[company] campaigns has 2026-12-27/2206-01-05, which "),
        ("[company", " is not TOML: "),
    ],
)
def test_what_is_wrong_is_told_in_one_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(Usage) as raised:
        reading(tmp_path, text)
    told = str(raised.value)
    assert told.startswith(f"calendar {tmp_path / 'calendar.toml'}")
    assert line in told
    assert "\n" not in told


def test_two_zones_for_the_company_are_refused(tmp_path: Path) -> None:
    text = '[company]\ntimezone = "Europe/Madrid"\n'
    with pytest.raises(Usage, match=r"timezone is Europe/Madrid, but ESN_TIMEZONE is Asia/Tokyo: keep one of them"):
        reading(tmp_path, text, "Asia/Tokyo")
    noon = at("2026-07-01T12:00")
    assert reading(tmp_path, text, "Europe/Madrid").wall(noon) == noon + 7200


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="cannot be read: Is a directory"):
        read(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(Usage, match="is not UTF-8 text"):
        read(tmp_path / "binary")
