"""ISO weeks and days as people type them, and which whole local days they have."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import click

from agents.errors import Failed


@dataclass(frozen=True, slots=True)
class Period:
    """Seven local days, the last one included."""

    name: str
    """As people write it: 2026-W47, or the last day, 2026-03-01."""
    first: date
    last: date

    @classmethod
    def of_week(cls, day: date) -> "Period":
        """Return the ISO week of a day."""
        monday = day - timedelta(days=day.weekday())
        year, week, _ = monday.isocalendar()
        return cls(f"{year}-W{week:02}", monday, monday + timedelta(days=6))

    @classmethod
    def until(cls, day: date) -> "Period":
        """Return the seven days that end with a day."""
        return cls(day.isoformat(), day - timedelta(days=6), day)

    @property
    def is_week(self) -> bool:
        """Whether it is an ISO week, and not seven days up to one."""
        return "W" in self.name

    def before(self) -> "Period":
        """Return the ISO week before this one."""
        return Period.of_week(self.first - timedelta(days=7))

    def newest(self, days: Sequence[date]) -> date | None:
        """Return the newest of these days that lies in it; of a day's period only that day will do."""
        return max(
            (day for day in days if (self.first if self.is_week else self.last) <= day <= self.last), default=None
        )


class Week(click.ParamType):
    """An ISO week, or a day if that will do."""

    def __init__(self, *, or_day: bool = False) -> None:
        self.name = "WEEK|DAY" if or_day else "WEEK"
        self._or_day = or_day

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Period:
        """Take 2026-W47, or 2026-03-01."""
        if isinstance(value, Period):
            return value
        found = _read(value)
        if found is None or not (found.is_week or self._or_day):
            example = "an ISO week, as in 2026-W47" + (", or a day, as in 2026-03-01" if self._or_day else "")
            self.fail(f"{value} is no week{' and no day' if self._or_day else ''}: write {example}", param, ctx)
        return found


def _read(text: str) -> Period | None:
    try:
        if re.fullmatch(r"\d{4}-W\d\d", text):
            return Period.of_week(date.fromisocalendar(int(text[:4]), int(text[6:]), 1))
        return Period.until(date.fromisoformat(text)) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except (ValueError, OverflowError):
        return None


def newest_week(days: Sequence[date]) -> Period:
    """Return the newest week that is over and has whole days. Raises Failed."""
    if not days:
        raise Failed("no local day is whole yet: `esn-pulse doctor` says why")
    over = [week for week in map(Period.of_week, days) if week.last <= max(days)]
    if not over:
        running = Period.of_week(max(days)).name
        raise Failed(f"no week is over yet: --week {running} shows the days so far")
    return max(over, key=lambda week: week.last)


def whole_day(period: Period, days: Sequence[date]) -> date:
    """Return the period's last whole day. Raises Failed."""
    found = period.newest(days)
    if found is None:
        there = f"there are days from {min(days)} to {max(days)}" if days else "there is none at all"
        what = (
            f"week {period.name} has no whole local day" if period.is_week else f"{period.name} is no whole local day"
        )
        raise Failed(f"{what}: {there}")
    return found
