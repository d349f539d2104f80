"""Who has stopped coming: judges complete and fed steps, once each and in order, and keeps the drops that it found.

    grid   interval  people judged                                                    every
    1h     1 h       w1h                                                              hour
    5m     5 min     w5m, not of communities; only if steps are so fine               5 minutes
    7d     1 day     w7d, not of communities; measure active only, for slow decay     day, 00:00 UTC

The dimension manager is not judged. A child (region, department, community) is judged together with its parent, the
company, by `pipeline/drops`. What a source was silent in is neither judged nor learnt from. Times are unix seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from pipeline.calendars import Calendar
from pipeline.drops.state import Floats
from pipeline.found import Found
from pipeline.grid import DAY, Grid
from pipeline.pulse_book import Book, Key, region_sizes
from schemas.drops import Drop

HOUR: Final = 3600
FINE: Final = 300
NOT_JUDGED: Final = frozenset({"manager"})


@dataclass(frozen=True)
class Outlook:
    """What is expected as of the newest hour that was judged; replaced, never changed."""

    row: Mapping[Key, int]
    expected: Floats
    """People in the hour, NaN where nothing was judged; so is `low`."""
    low: Floats
    """So many or fewer would be a drop."""
    smallest: Floats
    """The smallest share lost that could be seen within a day; infinite if none could."""
    open: frozenset[Key]
    segments: int
    learning: int
    """Segments of the newest hour, and those of them that cannot be judged yet."""
    depth: Mapping[Key, float] = field(default_factory=dict)
    """Share lost in the open drops that are reported by themselves."""


NOTHING: Final = Outlook({}, np.zeros(0), np.zeros(0), np.zeros(0), frozenset(), 0, 0)


class Judge:
    """All of it. `step_seconds`: how fine the published steps are."""

    def __init__(self, step_seconds: int, calendar: Calendar) -> None:
        self.calendar = calendar
        self.hourly = Grid("1h", HOUR)
        fine = [Grid("5m", FINE)] if step_seconds <= FINE else []
        self.grids = [*fine, self.hourly, Grid("7d", DAY)]
        self.book = Book(lambda at: any(at % grid.seconds == 0 for grid in self.grids), NOT_JUDGED)
        self.found = Found()
        self.outlook = NOTHING

    def judge(self) -> list[Drop]:
        """Judge what is complete; return the drops that changed, in order, each as it is now."""
        changed: dict[str, Drop] = {}
        for at in self.book.complete():
            for drop in self._judge(at):
                changed[drop.drop_id] = drop
        return list(changed.values())

    def _judge(self, at: int) -> Iterator[Drop]:
        rows = self.book.take(at)
        calendar = self.calendar.weighed(region_sizes(rows))
        for grid in self.grids:
            if at % grid.seconds:
                continue
            since = self.book.silent_since(at - grid.seconds, at)
            if since is not None:
                yield from self.found.withdraw(grid, at, since)
                continue
            grid.judge(at, rows, calendar)
            yield from self.found.update(grid, at, calendar)
        self.look()

    def look(self) -> None:
        """Renew the outlook."""
        bank, keys = self.hourly.bank, self.hourly.keys
        learning = [learns for key, learns in zip(keys, bank.learning.tolist(), strict=True) if key[2] == "active"]
        self.outlook = Outlook(
            self.hourly.row,
            bank.expected,
            bank.line,
            bank.state.smallest.astype(float),
            self.found.series(),
            len(learning),
            sum(learning),
            self.found.depths(),
        )
