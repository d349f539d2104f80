"""Local days: when each begins, and in which one a time lies.

Rules: knows a time zone and nothing else. A day is the number of its date (`date.toordinal`), so that days are counted
back by subtraction, over dates that do not exist, too. Times are unix milliseconds.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.recount.reading import EPOCH
from tests.recount.steps import HOUR, MINUTE

FURTHEST = 15 * HOUR  # no zone is further from UTC


class LocalDays:
    """The days of a time zone."""

    def __init__(self, timezone: str) -> None:
        self.zone = ZoneInfo(timezone)
        self.starts: dict[int, int] = {}  # day -> start, where it was asked for

    def start(self, day: int) -> int:
        """The first instant that has the day's date, or a later one if no instant has it; clocks change at minutes."""
        if day not in self.starts:
            midnight = round(datetime.combine(date.fromordinal(day), datetime.min.time(), UTC).timestamp()) * 1000
            instants = range(midnight - FURTHEST, midnight + FURTHEST, MINUTE)
            self.starts[day] = next(time for time in instants if self.date(time) >= day)
        return self.starts[day]

    def end(self, day: int) -> int:
        """When the day is over: an event at this very time is of the day after."""
        return self.start(day + 1)

    def exists(self, day: int) -> bool:
        """Whether any instant has the day's date."""
        return self.start(day) < self.end(day)

    def of(self, time: int) -> int:
        """The day in which a time lies. Where a clock is put back over midnight, the new day stays."""
        day = self.date(time) + 1
        while self.start(day) > time:
            day -= 1
        return day

    def date(self, time: int) -> int:
        """What a calendar on the wall shows."""
        return (EPOCH + timedelta(milliseconds=time)).astimezone(self.zone).toordinal()
