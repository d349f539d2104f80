"""Calendars: what the clock on the wall says where people work, and on which days nobody is expected.

Rules: no I/O and no clock; zones and holidays are handed in (`agents/files/calendar.py` reads them). Instants are unix
seconds; a day is a day of the place's own clock. The detector learns hours of the week, so it is given wall time.

    Europe/Madrid, 2026-03-29      00:00Z  01:00Z  02:00Z      the wall clock skips 02:00
                            wall   01:00   03:00   04:00
    Europe/Madrid, 2026-10-25      00:00Z  01:00Z  02:00Z      and shows 02:00 twice
                            wall   02:00   02:00   03:00
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo

_NO_DAYS: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """Where people live by one clock and have the same free days."""

    zone: tzinfo = UTC
    holidays: Container[date] = _NO_DAYS
    """Public holidays; a set, or whatever else knows a day when asked."""
    days_off: frozenset[date] = _NO_DAYS
    campaigns: frozenset[date] = _NO_DAYS
    """Days on which more is going on than usual."""

    def wall(self, ts: int) -> int:
        """Return the local wall clock at an instant, as if it were UTC; unix seconds."""
        offset = datetime.fromtimestamp(ts, self.zone).utcoffset()
        return ts + int(offset.total_seconds()) if offset is not None else ts

    def day(self, ts: int) -> date:
        """Return the local day that an instant lies in."""
        return datetime.fromtimestamp(ts, self.zone).date()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendars of the company and its regions; region None is the company, and stands in for unknown regions.

    Days off and campaigns of the company hold everywhere. If the company has no `holidays` of its own
    (`company_holidays` False), those days are its holidays that are one for most enabled people (`enabled`).
    """

    company: Place = field(default_factory=Place)
    regions: Mapping[str, Place] = field(default_factory=dict)
    company_holidays: bool = False
    enabled: Mapping[str, int] = field(default_factory=dict)
    """Enabled people per region."""

    def weighed(self, enabled: Mapping[str, int]) -> "Calendar":
        """Return this calendar for a company with so many enabled people per region."""
        return replace(self, enabled=dict(enabled))

    def place(self, region: str | None) -> Place:
        """Return a region's place."""
        return self.company if region is None else self.regions.get(region, self.company)

    def wall(self, ts: int, region: str | None = None) -> int:
        """Return the local wall clock at an instant, as if it were UTC; unix seconds."""
        return self.place(region).wall(ts)

    def is_holiday(self, region: str | None, ts: int) -> bool:
        """Say whether an instant lies in a day on which nobody is expected there."""
        place = self.place(region)
        day = place.day(ts)
        if day in self.company.days_off or day in place.days_off or day in place.holidays:
            return True
        return place is self.company and not self.company_holidays and self._free_for_most(day)

    def is_campaign(self, region: str | None, ts: int) -> bool:
        """Say whether an instant lies in a day on which more than usual is going on there."""
        place = self.place(region)
        day = place.day(ts)
        return day in self.company.campaigns or day in place.campaigns

    def is_free(self, region: str | None, ts: int) -> bool:
        """Say whether an instant lies in a day that is like no other: nothing is learnt from it, and none is a drop."""
        return self.is_holiday(region, ts) or self.is_campaign(region, ts)

    def _free_for_most(self, day: date) -> bool:
        free = [region for region, place in self.regions.items() if day in place.holidays or day in place.days_off]
        return 2 * sum(self.enabled.get(region, 0) for region in free) > sum(self.enabled.values())
