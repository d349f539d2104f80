"""The series of one window: one bank of detectors, with a row for each segment and measure.

Rules: rows are added and given up in an order that follows from the judged steps alone. The bank knows local clocks
only; here they are made from instants and back. Times are unix seconds.

Counts are judged per enabled person, so that moves in the directory are no drops. Where the directory does not know
most of those who come (none was sent, externals, communities, whose members are learnt with time), they are judged as
they are. A series that changes from the one to the other begins anew.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from pipeline.acts import Bools, Ints
from pipeline.calendars import Calendar
from pipeline.drops import Bank
from pipeline.pulse_book import Counts, Key

DAY: Final = 86_400
FORGOTTEN: Final = 28 * DAY
"""A series of zeros is given up after so long."""
COMPANY: Final = ("company", "all")
_FAMILIES: Final = {"company": 0, "region": 1, "department": 2}
"""Members of one dimension do not overlap; communities do: each is a family of its own, from 3 on."""


class Grid:
    """The series of one window: one bank of detectors, one row each."""

    def __init__(self, window: str, seconds: int) -> None:
        self.window, self.seconds = window, seconds
        self.bank = Bank(seconds)
        self.keys: list[Key] = []
        self.row: dict[Key, int] = {}
        self.alive_at = np.zeros(0, np.int64)
        """When each series last was more than zero."""
        self.listed = np.zeros(0, bool)
        """Series that are judged per enabled person."""
        self.people = self.population = self.planned = np.zeros(0)
        """Of the interval judged last: who came, of how many (0: the segment is no more), and who was to come."""
        self.crowd = np.zeros(0)
        """How many people came within 28 days."""

    def has(self, key: Key) -> bool:
        """Say whether this grid judges the series."""
        dimension, _, measure = key
        if self.window == "1h":
            return True
        return dimension != "community" and (self.window == "5m" or measure == "active")

    def count(self, counts: Counts) -> int:
        """Return the people that are judged."""
        return counts.w5m if self.window == "5m" else counts.w1h if self.window == "1h" else counts.w7d

    def judge(self, at: int, rows: Mapping[Key, Counts], calendar: Calendar) -> None:
        """Judge the interval that ends at `at`; a series without a row is zero."""
        self._know(at, rows)
        here = [(self.row[key], self.count(counts), counts.enabled, counts.w28d) for key, counts in rows.items()
                if key in self.row]  # fmt: skip
        row, people, enabled, came = np.array(here, np.int64).reshape(-1, 4).T
        self.people, self.population, self.crowd = (np.zeros(len(self.keys)) for _ in range(3))
        self.people[row], self.population[row] = people, np.where(self.listed[row], enabled, 1)
        self.crowd[row] = came
        self.alive_at[self.population > 0] = at
        wall, free = self.places(at - self.seconds, calendar)
        self.bank.step(wall, self.people, free, self.population, self.crowd)
        self.planned = self.bank.forecast(wall).people

    def _know(self, at: int, rows: Mapping[Key, Counts]) -> None:
        """Give up series that are gone, and begin those that are new, in an order that depends on nothing else."""
        gone = self.alive_at < at - FORGOTTEN
        gone[[row for row, key in enumerate(self.keys) if key in rows and self._changed(row, rows[key])]] = True
        if gone.any():
            kept = np.flatnonzero(~gone)
            self.bank.keep(kept)
            self.keys = [self.keys[row] for row in kept.tolist()]
            self.alive_at, self.listed = self.alive_at[kept], self.listed[kept]
            self.number()
        new = sorted(key for key in rows.keys() - self.row.keys() if self.has(key))
        if new:
            self.bank.add(len(new))
            self.keys += new
            self.alive_at = np.append(self.alive_at, np.full(len(new), at))
            self.listed = np.append(self.listed, [_is_listed(key, rows[key]) for key in new])
            self.number()

    def _changed(self, row: int, counts: Counts) -> bool:
        """Say whether the directory has come to know the people of a segment, or knows them no more."""
        if self.listed[row]:
            return 4 * counts.enabled < counts.w28d
        return counts.enabled >= counts.w28d and _is_listed(self.keys[row], counts)

    def number(self) -> None:
        """Number the series, and say whose child each is."""
        self.row = {key: row for row, key in enumerate(self.keys)}
        parent = [-1 if key[:2] == COMPANY else self.row.get((*COMPANY, key[2]), -1) for key in self.keys]
        family = [_FAMILIES.get(key[0], 3 + row) for row, key in enumerate(self.keys)]
        self.bank.state.parent[:], self.bank.state.family[:] = parent, family

    def places(self, begin: int, calendar: Calendar) -> tuple[Ints, Bools]:
        """Return each series' wall clock where the interval begins, and whether it is a free day there."""
        regions = {key[1] for key in self.keys if key[0] == "region"} | {None}
        told = {region: (calendar.wall(begin, region), calendar.is_free(region, begin)) for region in regions}
        here = [told[key[1] if key[0] == "region" else None] for key in self.keys]
        wall, free = np.array(here, np.int64).reshape(-1, 2).T
        return wall, free.astype(bool)

    def instant(self, row: int, wall: int, at: int, calendar: Calendar) -> int:
        """Return when the series' clock on the wall showed `wall`, not long before `at`."""
        region = self.keys[row][1] if self.keys[row][0] == "region" else None
        found = wall - (calendar.wall(at, region) - at)
        return found + wall - calendar.wall(found, region)  # if clocks have changed since


def _is_listed(key: Key, counts: Counts) -> bool:
    return key[0] != "community" and counts.enabled > 0 and counts.w28d <= 2 * counts.enabled
