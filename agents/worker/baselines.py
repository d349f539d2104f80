"""The judge's state in `esn.baselines`: the ledger of whoever owns `esn.pulse`."""

import logging
from collections.abc import Sequence
from typing import Self

from agents.logs import told
from agents.settings import Settings
from agents.worker.checkpoint import Ledger, Outgoing
from pipeline import judge_pages
from pipeline.calendars import Calendar
from pipeline.judge import Judge
from pipeline.pages import Head
from schemas.topics import BASELINES, PULSE

log = logging.getLogger(__name__)


class Baselines(Ledger):
    """The judge's transactions; made by `begin`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, BASELINES, 0, "judge", partitions=1)
        self._pulse = PULSE.full_name(settings.prefix)

    @property
    def offset(self) -> int:
        """Where to read on in `esn.pulse`."""
        return self.head.offsets.get(self._pulse, 0)

    @classmethod
    async def begin(cls, settings: Settings, calendar: Calendar) -> tuple[Self, Judge]:
        """Take over: return the ledger and the judge as of its last checkpoint. Raises Failed, KafkaError."""
        self = cls(settings)
        return self, await self._take_over(lambda found: _restored(found, Judge(settings.step_seconds, calendar)))

    async def commit(self, judge: Judge, offset: int, outgoing: Sequence[Outgoing]) -> None:
        """Return when it is committed; try again while Kafka is away. The judge must rest meanwhile. Raises Fenced."""
        head = Head(1, self._settings.step_seconds, self.epoch, {self._pulse: offset}, {})
        await self._commit(lambda: judge_pages.encode(judge), head, outgoing)


def _restored(found: dict[str, bytes], judge: Judge) -> Judge:
    judge_pages.decode(found, judge)
    series = sum(len(grid.keys) for grid in judge.grids)
    log.info("baselines recovered", extra=told(series=series, bytes=sum(map(len, found.values()))))
    return judge
