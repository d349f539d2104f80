"""ESN_CALENDAR: a TOML file of time zones, public holidays, days off and campaigns -> `pipeline.calendars.Calendar`.

    [company]                                      # holds for everybody without a region of their own below
    timezone = "Europe/Stockholm"                  # default: ESN_TIMEZONE
    holidays = "SE"                                # default: the days that are holidays for most enabled people
    days_off = ["2026-12-24", "2026-12-27/2027-01-05"]     # the company's own, first and last day; hold everywhere
    campaigns = ["2026-03-01/2026-03-07"]          # more is going on than usual: nothing to learn from

    [regions.ES]                                   # the same keys; `ES` as the directory writes it
    timezone = "Europe/Madrid"                     # default: the company's
    holidays = "ES-MD"                             # a country or country-subdivision that the package `holidays` knows

Rules: the only file that knows the package `holidays`. What is wrong is one line that names the table and the key.
"""

from collections.abc import Container, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from holidays import country_holidays, list_supported_countries

from agents.errors import Usage
from agents.files import toml
from agents.setting_values import time_zone
from agents.settings import Settings
from pipeline.calendars import Calendar, Place

_KEYS: Final = ("timezone", "holidays", "days_off", "campaigns")
_TABLES: Final = ("company", "regions")
_LONGEST_DAYS: Final = 366
_EXAMPLE: Final = 'write "2026-12-24", or first and last day "2026-12-27/2027-01-05", at most a year'


def calendar(settings: Settings) -> Calendar:
    """Return the calendar that the settings name. Raises Usage."""
    return read(Path(settings.calendar) if settings.calendar else None, settings.timezone)


def read(path: Path | None, timezone: str = "UTC") -> Calendar:
    """Read a calendar file, or none; `timezone` is the company's unless the file says another. Raises Usage."""
    if path is None:
        return Calendar(Place(ZoneInfo(timezone)))
    tables = toml.tables(path, "calendar")
    try:
        toml.known(tables, _TABLES, "a table of a calendar")
        return _calendar(tables, timezone)
    except ValueError as error:
        raise Usage(f"calendar {path}: {error}") from None


def _calendar(tables: Mapping[str, Any], timezone: str) -> Calendar:
    ours = toml.table(tables.get("company", {}), "[company]")
    zone = ours.get("timezone", timezone)
    if timezone not in ("UTC", zone):
        raise ValueError(f"[company] timezone is {zone}, but ESN_TIMEZONE is {timezone}: keep one of them")
    company = _place(ours, "[company]", timezone)
    regions = {
        region: _place(toml.table(entry, f"[regions.{region}]"), f"[regions.{region}]", zone)
        for region, entry in toml.table(tables.get("regions", {}), "[regions]").items()
    }
    return Calendar(company, regions, company_holidays="holidays" in ours)


def _place(table: Mapping[str, Any], name: str, timezone: str) -> Place:
    try:
        toml.known(table, _KEYS, "a key")
        return Place(
            _zone(table, timezone),
            _holidays(table["holidays"]) if "holidays" in table else frozenset(),
            _days(table.get("days_off", []), "days_off"),
            _days(table.get("campaigns", []), "campaigns"),
        )
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _zone(table: Mapping[str, Any], default: str) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone(str(table.get("timezone", default))))
    except ValueError as error:
        raise ValueError(f"timezone {error}") from None


def _holidays(text: Any) -> Container[date]:
    known = list_supported_countries(include_aliases=False)
    country, _, subdivision = str(text).partition("-")
    if country not in known:
        raise ValueError(f'holidays is {text}: write a country, as in "ES" or "ES-MD"')
    try:
        return country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError:
        there = ", ".join(f"{country}-{one}" for one in known[country]) or f"no subdivision, write {country}"
        raise ValueError(f"holidays is {text}: of {country} there is {there}") from None


def _days(found: Any, key: str) -> frozenset[date]:
    if not isinstance(found, list):
        raise ValueError(f'{key} is no list: write {key} = ["2026-12-24"]')
    return frozenset(day for span in found for day in _span(span, key))


def _span(text: Any, key: str) -> list[date]:
    first, _, last = str(text).partition("/")
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        raise ValueError(f"{key} has {text}, which is no day: {_EXAMPLE}") from None
    days = (end - start).days + 1
    if not 0 < days <= _LONGEST_DAYS:
        raise ValueError(f"{key} has {text}, which is {days:,} days: {_EXAMPLE}")
    return [start + timedelta(days=day) for day in range(days)]
