"""A small company as `esn.pulse` tells of it, hour by hour, without the pipeline before it."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from pipeline import judge_pages
from pipeline.calendars import Calendar
from pipeline.judge import Judge
from schemas.drops import Drop
from schemas.pulse import CLOSING, Closing, Row, instant

HOUR, DAY = 3600, 86_400
MONDAY = 1_772_409_600
"""2026-03-02 00:00 UTC."""
Record = tuple[bytes, bytes]
DEPARTMENTS = {"Sales": 120, "IT": 80, "Legal": 60}
SHARES = {"active": 1.0, "login": 0.8, "contribute": 0.3}
encode = msgspec.json.encode


@dataclass
class Pulses:
    """`stays_away(department, at)`: the share of a department that does not come; people live in all partitions."""

    days: int = 16
    partitions: int = 2
    stays_away: Callable[[str, int], float] = lambda _department, _at: 0.0
    silent_since: Callable[[int, int], int | None] = lambda _at, _partition: None
    seed: int = 1

    @property
    def steps(self) -> range:
        return range(MONDAY + HOUR, MONDAY + self.days * DAY + 1, HOUR)

    def step(self, at: int, partition: int, epoch: int = 1) -> list[Record]:
        """The records of one step of one partition; the same whenever they are asked for, but for the epoch."""
        begin = at - HOUR
        busy = 8 <= begin // HOUR % 24 < 17 and (begin // DAY + 3) % 7 < 5
        rng = np.random.default_rng([self.seed, at, partition])
        since = self.silent_since(at, partition)
        total = dict.fromkeys(SHARES, 0)
        written = []

        def row(dimension: str, member: str, measure: str, people: int, enabled: int) -> Record:
            told = Row(instant(at), partition, epoch, dimension, member, measure, enabled, 0, people,
                       people, enabled, enabled, since is None)  # fmt: skip
            return f"{dimension}/{member}".encode(), encode(told)

        for department, size in DEPARTMENTS.items():
            here = size // self.partitions
            for measure, share in SHARES.items():
                odds = (0.6 if busy else 0.02) * share * (1 - self.stays_away(department, at))
                people = int(rng.binomial(here, odds))
                total[measure] += people
                if people or measure == "active":  # sparse, as it is
                    written.append(row("department", department, measure, people, here))
        everybody = sum(DEPARTMENTS.values()) // self.partitions
        written += [row("company", "all", measure, people, everybody) for measure, people in total.items()]
        told = Closing(
            instant(at), partition, epoch, self.partitions, since is None, None if since is None else instant(since)
        )
        return [*written, (CLOSING, encode(told))]

    def log(self) -> list[Record]:
        """All of it, in the order of time."""
        return [one for at in self.steps for number in range(self.partitions) for one in self.step(at, number)]

    def troubled(self, chance: random.Random) -> Iterator[Record]:
        """All of it as it may come: partitions at their own pace, and after crashes again, broken off anywhere."""
        steps = list(self.steps)
        place, epoch = [0] * self.partitions, [1] * self.partitions
        while behind := [number for number in range(self.partitions) if place[number] < len(steps)]:
            number = chance.choice(behind)
            for _ in range(min(chance.choice([1, 3, 40]), len(steps) - place[number])):
                yield from self.step(steps[place[number]], number, epoch[number])
                place[number] += 1
            if place[number] < len(steps) and chance.random() < 0.2:
                begun = self.step(steps[place[number]], number, epoch[number])
                yield from begun[: chance.randrange(len(begun))]
                epoch[number] += 1
                place[number] = max(0, place[number] - chance.choice([0, 1, 5]))


def judged(
    records: Iterable[Record], *, cut: Sequence[int] = (1_000_000,), restarts: float = 0, seed: int = 0
) -> "Told":
    """Judge these, in slices of random sizes from `cut`; after a slice the judge may begin anew from its pages."""
    chance = random.Random(seed)
    told = Told(Judge(HOUR, Calendar()), {}, [])
    left = list(records)
    while left:
        size = chance.choice(cut)
        told.hear(left[:size])
        del left[:size]
        if chance.random() < restarts:
            pages = judge_pages.encode(told.judge)
            told.judge = Judge(HOUR, Calendar())
            judge_pages.decode(pages, told.judge)
            assert judge_pages.encode(told.judge) == pages
    return told


@dataclass
class Told:
    """A judge, the drops as they are now, and every change of one."""

    judge: Judge
    drops: dict[str, Drop]
    changes: list[Drop]

    def hear(self, records: Iterable[Record]) -> list[Drop]:
        self.judge.book.hear(records)
        changed = self.judge.judge()
        self.changes += changed
        self.drops |= {drop.drop_id: drop for drop in changed}
        return changed

    def found(self, **like: object) -> list[Drop]:
        """The drops with these columns."""
        return [drop for drop in self.drops.values() if all(getattr(drop, name) == is_ for name, is_ in like.items())]
