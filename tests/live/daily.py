"""A company's rows of `daily_rows`, made up day by day, nested as the definitions want them.

Written straight into the table, for tests of what reads it. Everybody has a rhythm of their own; Legal hardly comes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from clickhouse_driver import Client

from agents.settings import Settings

PARTITIONS: Final = 4
STAGES: Final = ("unaware", "aware", "visited", "first_use", "second_use", "continuous", "lapsed")
TARGETS: Final = {("company", "all"): 0.8, ("department", "Sales"): 0.7, ("department", "Legal"): 0.6}
_ALL: Final = ("company", "all")
_NO_LIFECYCLE: Final = {"community", "manager_tree"}
Day = Sequence[Any]


@dataclass(frozen=True)
class Group:
    """A department in a region: how many, and how likely one of them comes on a day."""

    region: str
    department: str
    people: int
    comes: float


COMPANY: Final = (
    Group("ES", "Sales", 60, 0.5),
    Group("SE", "IT", 45, 0.6),
    Group("ES", "Legal", 24, 0.12),
    Group("SE", "HR", 10, 0.4),
    Group("SE", "Board", 9, 0.3),
)
"""HR is as small as may be shown by default, Board is smaller."""


class _Person:
    """One person's days: what they did, and which segments they count in."""

    def __init__(self, number: int, group: Group, days: int, rng: np.random.Generator) -> None:
        self.partition = number % PARTITIONS
        member = number % 3
        self.segments = [
            _ALL,
            ("region", group.region),
            ("department", group.department),
            ("community", f"c{member}"),
            ("manager", f"u{number % 4}"),
            ("manager_tree", "u0"),
        ]
        self.leader, self.ambassador = number % 12 == 0, number % 10 == 1
        comes = min(0.95, group.comes * rng.uniform(0.05, 1.8))
        weekday = np.array([day % 7 < 5 for day in range(days)])
        started = rng.integers(0, days) if rng.random() < 0.5 else 0
        gone = rng.integers(days // 2, days) if rng.random() < 0.15 else days
        present = (np.arange(days) >= started) & (np.arange(days) < gone)
        self.active = (rng.random(days) < comes * np.where(weekday, 1, 0.1)) & present
        if rng.random() < 0.15:
            self.active[:] = False
        self.login = self.active & (rng.random(days) < 0.9)
        self.used = self.active & (rng.random(days) < 0.4)
        self.contributed = self.used & (rng.random(days) < rng.uniform(0, 0.9))
        self.shared = self.active & (rng.random(days) < 0.05)
        self.named = int(rng.integers(0, 2 * days))

    def within(self, flags: Any, day: int, days: int) -> bool:
        return bool(flags[max(0, day - days + 1) : day + 1].any())

    def stage(self, day: int) -> str:
        used = int(self.used[: day + 1].sum())
        if self.active[: day + 1].any() and not self.within(self.active, day, 28):
            return "lapsed"
        if day >= 27 and all(self.within(self.used, day - 7 * week, 7) for week in range(4)):
            return "continuous"
        if used:
            return "second_use" if used > 1 else "first_use"
        if self.active[: day + 1].any():
            return "visited"
        return "aware" if self.named <= day else "unaware"

    def role(self, day: int) -> tuple[str, int] | None:
        contributions = int(self.contributed[max(0, day - 27) : day + 1].sum())
        if contributions:
            return ("steady" if contributions >= 8 else "contributor"), 3 * contributions
        if not self.within(self.active, day, 28):
            return None
        return ("active_reader" if self.within(self.used, day, 28) else "reader"), 0

    def transitions(self, day: int) -> Iterator[str]:
        before = np.flatnonzero(self.active[:day])
        gap = day - int(before[-1]) if len(before) else None
        if self.active[day]:
            if gap is None:
                yield "new"
            elif gap >= 28:
                yield "resurrected"
            elif gap >= 7:
                yield "returning"
        if self.contributed[day] and not self.contributed[:day].any():
            yield "first_contribution"
        if gap == 28 and not self.active[day]:
            yield "dormant"
        if gap == 10 and not self.active[day]:
            yield "at_risk"
        if day == 0:
            yield "joined"

    def counted(self, day: int) -> Iterator[tuple[str, int]]:
        """Give (what, n) of everything that this person counts in on a day."""
        active, contributed = self.within(self.active, day, 7), self.within(self.contributed, day, 7)
        shared = self.within(self.shared, day, 28)
        told = {
            "enabled": True,
            "logged_in_7d": self.within(self.login, day, 7),
            "active_7d": active,
            "contributed_7d": contributed,
            "active_1d": bool(self.active[day]),
            "active_28d": self.within(self.active, day, 28),
            "shared_28d": shared,
            "active_inside_7d": active,
            "shared_active": shared and active,
            "ever_used": bool(self.used[: day + 1].any()),
            "leaders": self.leader,
            "leaders_active": self.leader and active,
            "leaders_contributed": self.leader and contributed,
            "ambassadors": self.ambassador,
            "ambassadors_active": self.ambassador and active,
            "ambassadors_contributed": self.ambassador and contributed,
        }
        yield from ((what, 0) for what, holds in told.items() if holds)
        stage = self.stage(day)
        yield ("never", 0) if stage in ("unaware", "aware") else (stage, 0)
        if stage == "aware":
            yield "aware", 0
        before = self.stage(day - 1) if day else stage
        if before != stage:
            yield "move", STAGES.index(before) * 8 + STAGES.index(stage)
        if role := self.role(day):
            yield role
        yield from ((transition, 0) for transition in self.transitions(day))


LIFECYCLE: Final = frozenset(
    ("new", "returning", "resurrected", "first_contribution", "at_risk", "dormant", "joined", "left")
)


def rows(last: date, days: int, groups: Sequence[Group] = COMPANY, seed: int = 1) -> list[tuple[Any, ...]]:
    """Return the rows of the days up to `last`, without version."""
    rng = np.random.default_rng(seed)
    people = [
        _Person(number, group, days, rng)
        for number, group in enumerate(group for group in groups for _ in range(group.people))
    ]
    counts: Counter[tuple[int, tuple[str, str], str, int, int]] = Counter()
    for day in range(days):
        for person in people:
            for what, n in person.counted(day):
                for segment in person.segments:
                    if what not in LIFECYCLE or segment[0] not in _NO_LIFECYCLE:
                        counts[day, segment, what, n, person.partition] += 1
        for partition in range(PARTITIONS):
            for what in ("enabled", "aware"):
                counts[day, _ALL, what, 0, partition] += 0  # written though it be zero
            for segment, share in TARGETS.items():
                counts[day, segment, "target", 0, partition] = round(share * 1_000_000)
    first = last - timedelta(days=days - 1)
    return [
        (first + timedelta(days=day), dimension, member, what, n, partition, PARTITIONS, people_)
        for (day, (dimension, member), what, n, partition), people_ in counts.items()
    ]


def fill(settings: Settings, last: date, days: int = 60, groups: Sequence[Group] = COMPANY) -> None:
    """Write the rows."""
    at = settings.clickhouse
    columns = "day, dimension, member, what, n, source_partition, partitions, people, version"
    with Client(at.host, at.port, user=at.user, password=at.password) as client:
        made = [(*row, 1) for row in rows(last, days, groups)]
        client.execute(f"INSERT INTO {settings.database}.daily_rows ({columns}) VALUES", made)
