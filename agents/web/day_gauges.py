"""What is shown of the newest whole local day: adoption, roles and the journey of the chosen segments, from ClickHouse.

Rules: shown by the one worker that judges, for these are shares and people of the whole company, and adding them up
over workers must not double them. Never shown: managers, whose members are people, and segments with fewer enabled
people than `least`, but for company. While ClickHouse is away the last known day stays.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agents import clock
from agents.errors import Failed
from agents.web.aside import Failures, aside
from agents.web.chosen import Ask, Segment
from pipeline.segments import DIMENSIONS

log = logging.getLogger(__name__)

MEASURES: Final = ("login", "active", "contribute")
ROLES: Final = ("leading", "contributor", "active_reader", "reader", "absent")
PAUSE_SECONDS: Final = 15.0
"""Between two questions; never more than a fiftieth of the time is asked."""
_IDLE_SECONDS: Final = 1.0

# The base views, not adoption and roles: those also read the days that they compare with.
_DAYS: Final = "SELECT maxIf(day, complete), maxIf(day, complete AND named), count() FROM daily_days"
_ADOPTION: Final = """
SELECT dimension, member, enabled, logged_in_7d, active_7d, contributed_7d, target
FROM daily_segments
WHERE day = %(day)s AND (dimension, member) IN %(shown)s AND (enabled >= %(least)s OR dimension = 'company')
"""
_ROLES: Final = f"""
SELECT dimension, member, {", ".join(ROLES)}
FROM daily_roles
WHERE day = %(day)s AND (dimension, member) IN %(shown)s AND (enabled >= %(least)s OR dimension = 'company')
"""  # noqa: S608  (from a closed list)
_JOURNEY: Final = """
SELECT dimension, member, stage, people
FROM journey
WHERE day = %(day)s AND (dimension, member) IN %(shown)s AND (enabled >= %(least)s OR dimension = 'company')
"""

Values = Mapping[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Day:
    """One day's gauges, by the values of their labels."""

    adoption: Values = field(default_factory=dict)
    """(dimension, member, measure) -> share of the enabled in 7 days"""
    targets: Values = field(default_factory=dict)
    """(dimension, member) -> share to reach"""
    roles: Values = field(default_factory=dict)
    """(dimension, member, role) -> people"""
    journey: Values = field(default_factory=dict)
    """(dimension, member, stage) -> people"""


NOTHING: Final = Day()


class DayGauges:
    """Keeps the newest day; `day` may be read at any time, and is replaced, never changed."""

    def __init__(
        self, ask: Ask, chosen: Callable[[], frozenset[Segment]], least: int, judges: Callable[[], bool]
    ) -> None:
        self.day = NOTHING
        self._ask, self._chosen, self._least, self._judges = ask, chosen, least, judges
        self._failures = Failures(log, "cannot ask for the newest day's adoption, showing the last known one")

    async def keep(self) -> None:
        """Ask now and again while this worker judges, for ever, in another thread."""
        while True:
            begun, pause = clock.monotonic(), _IDLE_SECONDS
            if self._judges():
                await aside("day gauges", self.look)
                pause = max(PAUSE_SECONDS, 50 * (clock.monotonic() - begun))
            else:
                self.day = NOTHING
            await asyncio.sleep(pause)

    def look(self) -> None:
        """Ask ClickHouse, and wait for its answer."""
        try:
            self.day = self._newest()
        except Failed as error:
            self._failures.add(error)
            return
        self._failures.end()

    def _newest(self) -> Day:
        ((day, named, days),) = self._ask(_DAYS, {})
        if not days:
            return NOTHING
        shown = tuple((DIMENSIONS[dimension], member) for dimension, member in sorted(self._chosen()))
        about = {"shown": shown, "least": self._least}
        found = self._ask(_ADOPTION, about | {"day": day})
        roles = self._ask(_ROLES, about | {"day": day})
        journey = self._ask(_JOURNEY, about | {"day": named})
        return Day(
            adoption={
                (*row[:2], measure): people / row[2] if row[2] else 0.0
                for row in found
                for measure, people in zip(MEASURES, row[3:6], strict=True)
            },
            targets={tuple(row[:2]): row[6] / 1_000_000 for row in found if row[6]},
            roles=_spread(roles, ROLES),
            journey={tuple(row[:3]): row[3] for row in journey},
        )


def _spread(rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> Values:
    return {(*row[:2], name): value for row in rows for name, value in zip(names, row[2:], strict=True)}
