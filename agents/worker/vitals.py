"""What one worker counts about itself since it started; metrics and health read it, nobody decides by it.

All of it is written in the event loop, and read there: another thread is given copies.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.sources import Heard, Sources

INSERT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass
class Inserts:
    """Insert times of one table: how many took at most each of INSERT_BUCKETS seconds, and more."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(INSERT_BUCKETS) + 1))
    seconds: float = 0.0
    rows: int = 0


@dataclass
class Vitals:
    """The counters."""

    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(topic, verb) -> read, duplicates included"""
    moved: Counter[str] = field(default_factory=Counter)
    """topic -> sent on to the right partition"""
    rejected: Counter[str] = field(default_factory=Counter)
    """reason -> refused"""
    late: int = 0
    duplicate: int = 0
    sources: Sources = field(default_factory=Sources)
    """who was heard of, over all partitions"""
    inserts: dict[str, Inserts] = field(default_factory=dict)
    """table -> insert times"""

    def inserted(self, table: str, rows: int, seconds: float) -> None:
        """Note one insert."""
        told = self.inserts.setdefault(table, Inserts())
        told.buckets[sum(seconds > bound for bound in INSERT_BUCKETS)] += 1
        told.seconds += seconds
        told.rows += rows

    def heard(self, sources: Mapping[str, Heard]) -> None:
        """Note what sources have sent."""
        for source, heard in sources.items():
            self.sources.hear(source, heard.newest_ms, heard.events, heard.heartbeats)
