"""Which segments are shown as metrics: of each dimension the 100 largest, the same ones by every worker.

A worker knows only the people of its own partitions, and a segment that one worker shows and another does not has a
wrong sum. So the choice comes from what all of them wrote, and depends on nothing else:

    today's       the step of 00:00 UTC, or yesterday's until that one is complete: by enabled, then w28d
    behind them   where that leaves room, the newest complete hour and step: the first day, replays, new segments

`company` is always shown. Until ClickHouse could be asked, and had something complete, only `all` and the members
`unknown` are: which segments are shown then does not depend on the worker either. The dimension manager never is.

Of these, segments with fewer enabled people than ESN_MIN_GROUP are hidden. A worker alone cannot know how many there
are, so this, too, is decided here, by the smallest number in the steps that were asked for. `company` stays.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from agents import clock
from agents.errors import Failed
from agents.settings import Settings
from agents.storage.clickhouse import Reader, address_of
from agents.web.aside import Failures, aside
from pipeline.segments import ALL, COMPANY, DEPARTMENT, DIMENSIONS, REGION, UNKNOWN

log = logging.getLogger(__name__)

Segment = tuple[int, str]
"""(dimension, member), as in `pipeline.segments`"""
Ask = Callable[[str, Mapping[str, object]], list[tuple[Any, ...]]]

MOST_MEMBERS: Final = 100
ALWAYS: Final[frozenset[Segment]] = frozenset({(COMPANY, ALL), (REGION, UNKNOWN), (DEPARTMENT, UNKNOWN)})
_HIDING: Final = ("region", "department", "community")
SETTLED_SECONDS: Final = 300.0
UNSETTLED_SECONDS: Final = 5.0
"""Between two questions: once today's choice is made, and before. Never more than a fiftieth of the time is asked."""
ANSWER_SECONDS: Final = 10.0
_DAY_SECONDS: Final = 86_400

_STEPS: Final = """
SELECT
    toUnixTimestamp(maxIf(at, toUnixTimestamp(at) IN (%(today)s, %(today)s - 86400))),
    toUnixTimestamp(maxIf(at, toUnixTimestamp(at) %% 3600 = 0)),
    toUnixTimestamp(max(at))
FROM active_people
WHERE dimension = 'company' AND member = 'all' AND measure = 'active' AND complete
"""
_MEMBERS: Final = """
SELECT dimension, member, min(enabled)
FROM active_people
WHERE measure = 'active' AND dimension IN ('region', 'department', 'community')
    AND at IN (toDateTime(%(day)s, 'UTC'), toDateTime(%(hour)s, 'UTC'), toDateTime(%(step)s, 'UTC'))
GROUP BY dimension, member
HAVING max(enabled + w28d) > 0
ORDER BY
    dimension,
    max(at = toDateTime(%(day)s, 'UTC')) DESC,
    maxIf(enabled, at = toDateTime(%(day)s, 'UTC')) DESC,
    maxIf(w28d, at = toDateTime(%(day)s, 'UTC')) DESC,
    max(enabled) DESC, max(w28d) DESC, member
LIMIT %(most)s BY dimension
"""


class Chosen:
    """Keeps the choice up to date; `segments` may be read at any time, and is replaced, never changed.

    `suppressed`: by dimension, how many of the largest are not among them because they are smaller than `min_group`.
    """

    def __init__(self, ask: Ask, now_ms: Callable[[], int] = clock.now_ms, min_group: int = 0) -> None:
        self.segments = ALWAYS if min_group <= 1 else frozenset({(COMPANY, ALL)})
        self.suppressed: Mapping[str, int] = {}
        self._least = min_group if min_group > 1 else 0
        self._ask = ask
        self._now_ms = now_ms
        self._failures = Failures(log, "cannot ask which segments to show as metrics, showing the last known ones")

    async def keep(self) -> None:
        """Ask now and again, for ever, in another thread."""
        while True:
            begun = clock.monotonic()
            settled = await aside("chosen", self.choose)
            pause = SETTLED_SECONDS if settled else UNSETTLED_SECONDS
            await asyncio.sleep(max(pause, 50 * (clock.monotonic() - begun)))

    def choose(self) -> bool:
        """Ask ClickHouse, and wait for its answer; return whether the choice is today's."""
        today = self._now_ms() // 1000 // _DAY_SECONDS * _DAY_SECONDS
        try:
            ((day, hour, step),) = self._ask(_STEPS, {"today": today})
            asked = {"day": day, "hour": hour, "step": step, "most": MOST_MEMBERS}
            found = self._ask(_MEMBERS, asked) if step else []
        except Failed as error:
            self._failures.add(error)
            return False
        self._failures.end()
        if step:
            largest = [(dimension, member) for dimension, member, fewest in found if fewest >= self._least]
            self.segments = frozenset([(COMPANY, ALL), *((DIMENSIONS.index(name), member) for name, member in largest)])
            hidden = Counter(dimension for dimension, _, fewest in found if fewest < self._least)
            self.suppressed = {name: hidden[name] for name in _HIDING}
        return bool(day == today)


def clickhouse(settings: Settings, answer_seconds: float = ANSWER_SECONDS) -> Ask:
    """Return a way to ask the database that the settings name; each question has a connection of its own."""

    def ask(sql: str, params: Mapping[str, object]) -> list[tuple[Any, ...]]:
        with Reader(address_of(settings), ca=settings.clickhouse_ca, answer_seconds=answer_seconds) as reader:
            return reader.query(sql, params)[1]

    return ask
