"""Instants -> local days. A day is the number of its date (days since 1970-01-01); instants are unix ms.

A day begins at local midnight; where the clock skips midnight, at the first instant that has its date, where midnight
comes twice, at the first. A date that a zone left out has no length: no instant lies in it.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

import numpy as np

from pipeline.acts import Ints

_EPOCH: Final = date(1970, 1, 1)
_MARGIN: Final = 64
"""So many days more are looked up than were asked for."""
_MOST: Final = (date(9999, 12, 1) - _EPOCH).days


def date_of(day: int) -> date:
    """Return the date of a day."""
    return _EPOCH + timedelta(days=day)


class LocalDays:
    """The days of one zone."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        self.zone = zone
        self._first = 0
        self._starts: Ints = np.empty(0, np.int64)
        """When the days from `_first` on begin."""

    def of(self, times: Ints) -> Ints:
        """Return the day of each instant, from 1970 on; before that, day 0."""
        if not len(times):
            return np.empty(0, np.int64)
        self._cover(int(times.min()) // 86_400_000 - 1, int(times.max()) // 86_400_000 + 2)
        return np.maximum(np.searchsorted(self._starts, times, side="right") - 1 + self._first, 0)

    def of_one(self, time: int) -> int:
        """Return the day of an instant."""
        return int(self.of(np.array([time]))[0])

    def start(self, day: int) -> int:
        """Return the instant at which a day begins, and the day before it ends."""
        self._cover(day, day)
        return int(self._starts[day - self._first])

    def exists(self, day: int) -> bool:
        """Say whether any instant lies in the day."""
        return self.start(day) < self.start(day + 1)

    def _cover(self, first: int, last: int) -> None:
        first, last = max(first, 0), min(max(last, 0), _MOST)
        have = self._first, self._first + len(self._starts) - 1
        if len(self._starts) and have[0] <= first and last <= have[1]:
            return
        if len(self._starts):
            first, last = min(first, have[0]), max(last, have[1])
        first, last = max(first - _MARGIN, 0), min(last + _MARGIN, _MOST)
        self._first = first
        self._starts = np.array([self._midnight(day) for day in range(first, last + 1)], np.int64)

    def _midnight(self, day: int) -> int:
        """A skipped midnight is read with the offset before the change: that is the instant of the change."""
        on = date_of(day)
        return round(datetime(on.year, on.month, on.day, tzinfo=self.zone).timestamp()) * 1000
