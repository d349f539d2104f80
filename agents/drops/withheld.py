"""What would have been alarmed on a holiday, a day off or in a campaign, had it been a day like any other.

From the first free hour on a copy of the hours' detectors goes on without the calendar, beside the true ones, until
nobody is free any more. What opens in it where it is free, and is not open anyhow, was withheld.
"""

import copy
from typing import Final

import msgspec

from pipeline.calendars import Calendar
from pipeline.drops import Bank
from pipeline.found import Found
from pipeline.grid import Grid
from pipeline.judge import Judge
from schemas.drops import Drop

WITHHELD: Final = "withheld"
"""Shown as the state of such a drop."""


class Withheld:
    """Looks on while a judge judges a period; `drops` are by id, with the numbers that they came to."""

    def __init__(self, judge: Judge) -> None:
        self.drops: dict[str, Drop] = {}
        self._judge = judge
        self._shadow: Grid | None = None
        self._found = Found()
        self._alarmed: frozenset[str] = frozenset()

    def look(self, at: int, calendar: Calendar) -> None:
        """Follow the hour that ends at `at` and was judged right now."""
        grid = self._judge.hourly
        wall, free = grid.places(at - grid.seconds, calendar)
        if not free.any():
            self._shadow = None
        elif self._shadow is None or self._shadow.keys != grid.keys:
            self._shadow = copy.copy(grid)
            self._shadow.bank = Bank.load(grid.seconds, grid.bank.dump())
            self._found = Found(self._judge.found.open.values())
            self._alarmed = frozenset(drop.drop_id for drop in self._judge.found.open.values())
        elif self._judge.book.silent_since(at - grid.seconds, at) is None:
            shadow = self._shadow
            shadow.people, shadow.population, shadow.crowd = grid.people, grid.population, grid.crowd
            shadow.bank.step(wall, grid.people, None, grid.population, grid.crowd)
            shadow.planned = shadow.bank.forecast(wall).people
            for drop in self._found.update(shadow, at, calendar):
                here = free[shadow.row[drop.dimension, drop.member, drop.measure]]
                if here and drop.drop_id not in self._alarmed:
                    self.drops[drop.drop_id] = msgspec.structs.replace(drop, ended_at=None)
