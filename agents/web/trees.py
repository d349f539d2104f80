"""Everybody below a manager, however far down: rows of the dimension manager_tree, summed up in ClickHouse.

The pipeline counts direct reports, each source partition its own people; who reports to whom is in managers_rows. A
manager's tree is then the sum of the direct reports of the manager and of every manager below, by that day's directory:

    boss           direct reports: a, b         tree of boss = direct(boss) + direct(a) + direct(b)
     |-- a         direct reports: u1, u2
     '-- b         direct reports: u3

Counts name nobody, so in a loop of managers (which a directory should not have) nobody can be left out: each of them
counts for every manager of the loop, once, himself included. Who was forgotten reports to nobody: what is left of their
rows until ClickHouse has erased them is passed over.

Rules: a day is summed up once it is whole, in one insert that is there all or not at all; doing it again changes
nothing. The worker that judges does it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Final

from agents import clock
from agents.errors import Failed
from agents.web.aside import Failures, aside
from agents.web.chosen import Ask

log = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 5.0
"""Between two looks for days that are due; never more than a tenth of the time is spent on them."""
SUM_SECONDS: Final = 120.0
"""How long ClickHouse may take for one insert."""
MOST_MANAGERS: Final = 20_000
"""In one insert, over all its days and source partitions: one day of a large company, a year of a small one."""
MOST_LEVELS: Final = 100
"""No company is so deep; what lies deeper is not counted, so that a hostile directory costs no more than this."""
_NOT_SUMMED: Final = (
    "target", "new", "returning", "resurrected", "first_contribution", "at_risk", "dormant", "joined", "left",
)  # fmt: skip

_WHOLE: Final = "SELECT day FROM daily_days WHERE complete AND named ORDER BY day"
_DUE: Final = """
SELECT day, count()
FROM daily_rows
WHERE dimension IN ('manager', 'manager_tree') AND member != 'unknown' AND what = 'enabled' AND day IN %(days)s
GROUP BY day
HAVING NOT has(groupUniqArray(dimension), 'manager_tree')
ORDER BY day
"""
# One block, and so one part per year, however many rows: that is what makes the insert all or nothing.
_SUM: Final = """
INSERT INTO daily_rows (day, dimension, member, what, n, source_partition, partitions, people, version)
WITH RECURSIVE
    forgotten AS (SELECT person FROM people_rows GROUP BY person HAVING argMax(is_deleted, version)),
    managers AS
    (
        SELECT asked AS day, person, argMax(r.manager, r.day) AS manager
        FROM managers_rows AS r FINAL
        CROSS JOIN (SELECT arrayJoin(%(asked)s::Array(Date)) AS asked) AS days
        WHERE r.day <= asked AND person IN (SELECT manager FROM managers_rows) AND person NOT IN forgotten
        GROUP BY asked, person
        HAVING manager NOT IN ('', 'unknown')
    ),
    direct AS
    (
        SELECT day, member, what, n, sum(r.people) AS people, max(r.version) AS version
        FROM daily_rows AS r FINAL
        WHERE dimension = 'manager' AND member != 'unknown' AND what NOT IN %(not_summed)s
            AND day IN %(days)s
        GROUP BY day, member, what, n
    ),
    above AS
    (
        SELECT DISTINCT day, member AS manager, member::String AS upwards, [sipHash64(member)] AS path
        FROM direct
        UNION ALL
        SELECT day, above.manager, managers.manager, arrayPushBack(path, sipHash64(managers.manager))
        FROM above INNER JOIN managers ON managers.day = above.day AND managers.person = above.upwards
        WHERE NOT has(path, sipHash64(managers.manager)) AND length(path) < %(most_levels)s
    )
SELECT day, 'manager_tree', upwards, what, n, 0, 1, sum(direct.people), max(direct.version)
FROM above INNER JOIN direct ON direct.day = above.day AND direct.member = above.manager
GROUP BY day, upwards, what, n
SETTINGS min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 0
"""


class Trees:
    """Sums up what is due, as long as this worker judges."""

    def __init__(self, ask: Ask, judges: Callable[[], bool]) -> None:
        self._ask, self._judges = ask, judges
        self._done: set[date] = set()
        """Whole days that were summed up, or have nothing to sum up."""
        self._failures = Failures(log, "cannot sum up the trees of managers, trying again until it can be done")

    async def keep(self) -> None:
        """Look for days that are due now and again, for ever, in another thread."""
        while True:
            begun, more = clock.monotonic(), False
            if self._judges():
                more = await aside("trees", self.sum_up)
            spent = clock.monotonic() - begun
            await asyncio.sleep(max(0.0 if more else PAUSE_SECONDS, 10 * spent))

    def sum_up(self) -> bool:
        """Sum up some days that are due, the oldest first, and wait for it; return whether there are more."""
        try:
            more = self._sum_up()
        except Failed as error:
            self._failures.add(error)
            return False
        self._failures.end()
        return more

    def _sum_up(self) -> bool:
        whole = [day for (day,) in self._ask(_WHOLE, {}) if day not in self._done]
        if not whole:
            return False
        due = self._ask(_DUE, {"days": tuple(whole)})
        self._done.update(set(whole) - {day for day, _ in due})
        if not due:
            return False
        days = tuple(_first(due))
        self._ask(_SUM, {"days": days, "asked": list(days), "not_summed": _NOT_SUMMED, "most_levels": MOST_LEVELS})
        self._done.update(days)
        return len(days) < len(due)


def _first(due: Sequence[tuple[date, int]]) -> Iterator[date]:
    """Yield the days of the next insert: of one year, for an insert is whole per year."""
    total = 0
    for day, managers in due:
        total += managers
        if day.year != due[0][0].year or (total > MOST_MANAGERS and day != due[0][0]):
            return
        yield day
