"""Looks at a worker once a second and tells the log what an operator cares about and nobody else says.

reading paused, reading goes on    which topic partitions, when that changes
messages refused                   how many of which reason, at most once a minute
no checkpoint, checkpoints again   when the last one is long overdue
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from agents import clock
from agents.logs import told
from agents.web.moment import Worker

log = logging.getLogger(__name__)

REFUSALS_SECONDS: Final = 60.0
OVERDUE_SECONDS: Final = 60.0
"""A checkpoint is overdue after that, and after six times its interval."""
_TICK_SECONDS: Final = 0.05
_WINDOW_SECONDS: Final = 60.0


class Watch:
    """What was told, and so need not be told again."""

    def __init__(self, worker: Worker, now: Callable[[], float] = clock.monotonic) -> None:
        self._worker = worker
        self._now = now
        self._paused: frozenset[str] = frozenset()
        self._refused: Counter[str] = Counter()
        self._refused_at = -REFUSALS_SECONDS
        self._overdue: set[int] = set()

    def look(self) -> None:
        """Tell what is new."""
        self._tell_pauses()
        self._tell_refusals()
        self._tell_checkpoints()

    def _tell_pauses(self) -> None:
        paused = frozenset(
            f"{feed.tp.topic}/{feed.tp.partition}"
            for intake in self._worker.intakes.values()
            for feed in intake.inbox.feeds.values()
            if feed.paused
        )
        if begun := paused - self._paused:
            log.warning("reading paused: too much waits to be applied", extra=told(partitions=_list(begun)))
        if ended := self._paused - paused:
            log.info("reading goes on", extra=told(partitions=_list(ended)))
        self._paused = paused

    def _tell_refusals(self) -> None:
        now, refused = self._now(), self._worker.vitals.rejected
        if refused == self._refused or now - self._refused_at < REFUSALS_SECONDS:
            return
        new = refused - self._refused
        log.warning(
            "messages refused, see `esn-pulse rejects`", extra=told(messages=new.total(), **dict(sorted(new.items())))
        )
        self._refused, self._refused_at = refused.copy(), now

    def _tell_checkpoints(self) -> None:
        patience = max(OVERDUE_SECONDS, 6 * self._worker.settings.checkpoint_seconds)
        intakes, now = self._worker.intakes, self._now()
        overdue = {number for number, intake in intakes.items() if now - intake.checkpoint.at > patience}
        if begun := overdue - self._overdue:
            log.warning("no checkpoint for %.0f s", patience, extra=told(partitions=_list(map(str, begun))))
        if ended := (self._overdue - overdue) & intakes.keys():
            log.info("checkpoints again", extra=told(partitions=_list(map(str, ended))))
        self._overdue = overdue


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


class Pauses:
    """How long the event loop was busy with one thing: the longest of the last minute or two."""

    def __init__(self, now: Callable[[], float] = clock.monotonic) -> None:
        self._now = now
        self._began = now()
        self._longest = [0.0, 0.0]  # of this minute, of the one before

    def note(self, seconds: float) -> None:
        """Note a pause that has just ended."""
        self._roll()
        self._longest[0] = max(self._longest[0], seconds)

    def longest(self) -> float:
        """Return the longest pause, in seconds."""
        self._roll()
        return max(self._longest)

    async def measure(self) -> None:
        """Note pauses, for ever: how much later than asked for a sleep ends."""
        while True:
            begun = self._now()
            await asyncio.sleep(_TICK_SECONDS)
            self.note(max(0.0, self._now() - begun - _TICK_SECONDS))

    def _roll(self) -> None:
        passed = int((self._now() - self._began) // _WINDOW_SECONDS)
        if passed:
            self._began += passed * _WINDOW_SECONDS
            self._longest = [0.0, self._longest[0] if passed == 1 else 0.0]
