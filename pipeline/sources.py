"""Which sources are heard of, and which have gone silent.

    heartbeats known   silent after 10 minutes without event or heartbeat
    none known         silent after 10 minutes in which, by its usual rate, 20 events were to be expected

Usual is what the source did a week before, hour by hour; while it is not known for a week, a day before; while it is
not known for a day, its average. Times are ms; `now` is the newest clock, so a feed that is read late is not silent.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.windows import HOUR_MS, MINUTE_MS

SILENT_MS: Final = 10 * MINUTE_MS
EXPECTED_EVENTS: Final = 20
NAMED: Final = 50
"""So many sources are told one by one, in the order in which they turned up; the rest are `other`."""
OTHER: Final = "other"
REMEMBERED: Final = 200
"""So many are remembered one by one; a feed that makes up sources must not eat the memory."""
LONGEST_NAME: Final = 256
_DAY, _WEEK = 24, 168
_KEPT_HOURS: Final = _WEEK + _DAY


@dataclass
class Heard:
    """What one slice holds of a source."""

    newest_ms: int = 0
    events: int = 0
    heartbeats: int = 0


class Told(NamedTuple):
    """One source as others see it."""

    name: str
    newest_ms: int
    silent: bool


@dataclass
class Source:
    """What is remembered of one."""

    first_ms: int
    newest_ms: int
    events: int = 0
    beats: bool = False
    hours: dict[int, int] = field(default_factory=dict)
    """Hour since 1970 -> events"""

    def hear(self, time: int, events: int, heartbeats: int) -> None:
        """Note events and heartbeats, the newest of which is of `time`."""
        self.newest_ms = max(self.newest_ms, time)
        self.beats |= heartbeats > 0
        self.events += events
        hour = time // HOUR_MS
        self.hours[hour] = self.hours.get(hour, 0) + events
        if len(self.hours) > _KEPT_HOURS:
            del self.hours[min(self.hours)]

    def is_silent(self, now: int) -> bool:
        """Say whether it has gone silent, by the rule above."""
        if now - self.newest_ms <= SILENT_MS:
            return False
        return self.beats or self._expected(now) >= EXPECTED_EVENTS

    def _expected(self, now: int) -> float:
        """Return how many events were to be expected since the newest, of at most the kept hours."""
        expected, start = 0.0, self.newest_ms
        last = min(now, start + _KEPT_HOURS * HOUR_MS)
        while start < last and expected < EXPECTED_EVENTS:
            end = min(last, (start // HOUR_MS + 1) * HOUR_MS)
            expected += self._usual(start // HOUR_MS) * (end - start) / HOUR_MS
            start = end
        return expected

    def _usual(self, hour: int) -> float:
        """Return how many events this hour usually brings."""
        for back in (_WEEK, _DAY):
            if hour - back > self.first_ms // HOUR_MS:  # the first hour is known in part only
                return self.hours.get(hour - back, 0)
        return self.events * HOUR_MS / max(self.newest_ms - self.first_ms, HOUR_MS)


class Sources:
    """The sources of some partitions, heard together."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def hear(self, name: str, newest_ms: int, events: int = 1, heartbeats: int = 0) -> None:
        """Note events and heartbeats of a source, the newest of which is of `newest_ms`."""
        name = name[:LONGEST_NAME]
        source = self._sources.get(name)
        if source is None:
            name = name if len(self._sources) < REMEMBERED else OTHER
            source = self._sources.setdefault(name, Source(newest_ms, newest_ms))
        source.hear(newest_ms, events, heartbeats)

    def told(self, now: int) -> list[Told]:
        """Return the first sources by name, and the rest as one: its newest time, silent if any of them is."""
        named: list[Told] = []
        others: list[Told] = []
        for name, source in self._sources.items():
            told = Told(name, source.newest_ms, source.is_silent(now))
            (named if len(named) < NAMED and name != OTHER else others).append(told)
        if others:
            newest, silent = max(one.newest_ms for one in others), any(one.silent for one in others)
            named.append(Told(OTHER, newest, silent))
        return named
