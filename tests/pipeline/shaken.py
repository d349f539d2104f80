"""A company in which things happen to departments and to everybody, hour by hour, and what the judge makes of it.

    departments x regions   sizes and mixes of their own; a working week each, days and hours that swing
    shocks to all           a bridge day, storms over a region, a summer: they are nobody's drop
    drops                   a share of a department, or of the company, stays away for some working hours

The hourly counts are put into the judge's book as if they had come with `esn.pulse`. The seven-day share is held
still: what is looked at is the hours, and who explains whom.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from pipeline.calendars import Calendar
from pipeline.drops.state import NATS, Floats
from pipeline.grid import Grid
from pipeline.judge import Judge
from pipeline.pulse_book import Counts, Key, Part
from schemas.drops import Drop
from schemas.pulse import unix_seconds

HOUR: Final = 3600
MONDAY: Final = 1_767_571_200
"""2026-01-05 00:00 UTC."""
QUIET_WEEKS: Final = 6
"""Before the first drop, so that all have been learnt."""
_SHARES: Final = {"active": 1.0, "login": 0.6, "contribute": 0.3}
_DEPTHS: Final = (0.3, 0.5, 0.7, 1.0)
_LENGTHS: Final = (1, 6, 24, 168)
"""Hours, each with each depth."""
_HOURS_SWING: Final = 0.02
"""Variance of a department's hours by themselves; its days swing by so much more."""
_DAYS_SWING: Final = 0.06
_WEEK: Final = 7 * 24
COMPANY: Final = "all"


class Injected(NamedTuple):
    """A share of `member` (a department, or COMPANY) stays away in hours [start, end) of the period."""

    member: str
    start: int
    end: int
    depth: float


@dataclass(frozen=True)
class Shaken:
    """The company; the same for the same seed."""

    seed: int
    weeks: int = 20
    departments: int = 40
    regions: int = 6
    department_drops: int = 32
    company_drops: int = 3

    @cached_property
    def sizes(self) -> Floats:
        """Return the people of each department and region, (departments, regions)."""
        rng = self._rng(1)
        size = np.clip(rng.lognormal(4.0, 0.8, self.departments), 12, 400)
        mix = rng.dirichlet(np.full(self.regions, 0.5), self.departments)
        people: Floats = np.round(size[:, None] * mix)
        return people

    @cached_property
    def usual(self) -> Floats:
        """Return the people to be expected if nothing happens, (hours, departments, regions)."""
        rng = self._rng(2)
        hour = np.arange(24)
        middle, width = rng.uniform(11.5, 13.5, self.departments), rng.uniform(3.8, 5.0, self.departments)
        day = 0.01 + np.exp(-(np.abs((hour[:, None] - middle) / width) ** 6))
        week = np.array([1, 1.05, 1.03, 1, 0.85, 0.04, 0.03])
        shape = np.tile((week[:, None, None] * day).reshape(_WEEK, self.departments), (self.weeks, 1))
        return shape[..., None] * 0.35 * self.sizes

    @cached_property
    def shocks(self) -> Floats:
        """Return by how much common shocks change what is usual, (hours, departments, regions)."""
        rng, hours = self._rng(3), self.weeks * _WEEK
        days = np.repeat(rng.normal(0, 0.07, self.weeks * 7), 24)
        follows = rng.uniform(0.6, 1.4, self.departments)
        factor = np.exp(days[:, None] * follows)[..., None] * np.ones(self.regions)
        summer = np.clip((np.arange(hours) / _WEEK - (self.weeks - 6)) / 3, 0, 1)
        factor *= 1 - 0.35 * summer[:, None, None]
        for week in range(QUIET_WEEKS + 1, self.weeks, 4):
            friday = week * _WEEK + 4 * 24
            factor[friday : friday + 24] *= 0.35  # a bridge day
        for week in range(QUIET_WEEKS, self.weeks, 3):
            storm = week * _WEEK + int(rng.integers(5)) * 24 + 6
            factor[storm : storm + 10, :, int(rng.integers(self.regions))] *= 0.5
        return factor

    @cached_property
    def injected(self) -> list[Injected]:
        """Return what happens, apart from shocks: drops of one member begin a week or more after its last."""
        rng = self._rng(4)
        wanted = [COMPANY] * self.company_drops + [f"D{number:02}" for number in rng.integers(
            self.departments, size=self.department_drops)]  # fmt: skip
        taken: list[Injected] = []
        for member in wanted:
            for _ in range(100):
                day = int(rng.integers(QUIET_WEEKS * 7, self.weeks * 7 - 8))
                start = day * 24 + int(rng.integers(8, 15))
                one = Injected(member, start, start + int(rng.choice(_LENGTHS)), float(rng.choice(_DEPTHS)))
                if day % 7 < 5 and not any(_near(one, other) for other in taken) and not self._shaken(one):
                    taken.append(one)
                    break
        return sorted(taken, key=lambda one: one.start)

    def _shaken(self, one: Injected) -> bool:
        """Say whether it is so deep in a bridge day or a storm that nobody could tell."""
        during = slice(one.start - 24, one.end + 24)
        return bool(((self.shocks * self.sizes).sum(axis=(1, 2)) / self.sizes.sum())[during].min() < 0.5)

    def evidence(self, one: Injected) -> float:
        """Return what the hours of a drop tell of it, in nats, if one knew what is usual and how much hours swing."""
        usual = (self.usual * self.shocks)[one.start : one.end]
        due = usual.sum(axis=(1, 2)) if one.member == COMPANY else usual[:, int(one.member[1:])].sum(axis=1)
        came, size = due * (1 - one.depth), 1 / (_HOURS_SWING + _DAYS_SWING**2)
        odds = (size + due) / (size + came)
        told = size * np.log(odds) + np.where(came > 0, came * np.log(np.maximum(1 - one.depth, 1e-9) * odds), 0)
        return float(told.sum())

    def counts(self) -> Floats:
        """Return who came, (hours, departments, regions)."""
        rng, rate = self._rng(5), self.usual * self.shocks
        for member, start, end, depth in self.injected:
            rate[start:end, slice(None) if member == COMPANY else int(member[1:])] *= 1 - depth
        days = np.repeat(rng.normal(0, _DAYS_SWING, (self.weeks * 7, self.departments)), 24, axis=0)
        hours = rng.gamma(1 / _HOURS_SWING, _HOURS_SWING, (self.weeks * _WEEK, self.departments))
        came: Floats = np.minimum(rng.poisson(rate * (np.exp(days) * hours)[..., None]), self.sizes).astype(float)
        return came

    def steps(self) -> Iterator[tuple[int, dict[Key, Counts]]]:
        """Give each hour's end and its rows."""
        rng, came = self._rng(6), self.counts().astype(np.int64)
        enabled = self.sizes.astype(int)
        segments = [
            *(("department", f"D{number:02}", size) for number, size in enumerate(enabled.sum(axis=1).tolist())),
            *(("region", f"R{number}", size) for number, size in enumerate(enabled.sum(axis=0).tolist())),
            ("company", COMPANY, int(enabled.sum())),
        ]
        for hour, cells in enumerate(came):
            rows: dict[Key, Counts] = {}
            for measure, share in _SHARES.items():
                people = cells if share == 1 else rng.binomial(cells, share)
                told = [*people.sum(axis=1).tolist(), *people.sum(axis=0).tolist(), int(people.sum())]
                for (dimension, member, size), seen in zip(segments, told, strict=True):
                    rows[dimension, member, measure] = Counts(0, seen, size, size, size)
            yield MONDAY + (hour + 1) * HOUR, rows

    def _rng(self, part: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, part])


def _near(one: Injected, other: Injected) -> bool:
    gap = _WEEK if one.member == other.member else 36 if COMPANY in (one.member, other.member) else 0
    return one.start < other.end + gap and other.start < one.end + gap


class _Alone(Grid):
    """A grid in which nobody explains anybody."""

    def number(self) -> None:
        super().number()
        self.bank.state.parent[:] = -1


@dataclass
class Score:
    """What was found of what happened; adds up over seeds."""

    departments: int = 0
    """Detectable drops of departments, and those reported at the department."""
    departments_found: int = 0
    clear: int = 0
    clear_found: int = 0
    """Of them those with twice the evidence that it takes; at its edge chance decides."""
    companies: int = 0
    companies_found: int = 0
    companies_once: int = 0
    """Reported as one drop of the company, no more."""
    false_pages: int = 0
    """Reported drops of departments to which nothing happened then; those of a department within a day are one."""
    missed: list[Injected] = field(default_factory=list)
    false: list[Drop] = field(default_factory=list)
    more_than_once: list[Drop] = field(default_factory=list)

    def plus(self, other: "Score") -> "Score":
        """Return the sums."""
        return Score(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})


def judged(company: Shaken, *, hierarchy: bool = True) -> list[Drop]:
    """Judge the period; return the drops as they were when they were first told, by time."""
    judge = Judge(HOUR, Calendar())
    if not hierarchy:
        judge.hourly = _Alone("1h", HOUR)
        judge.grids = [judge.hourly]
    judge.book.partitions = 1
    first: dict[str, Drop] = {}
    for at, rows in company.steps():
        judge.book.waiting[at] = {0: Part(1, rows)}
        judge.book.closed[0] = at
        for drop in judge.judge():
            first.setdefault(drop.drop_id, drop)
    return list(first.values())


def score(company: Shaken, drops: list[Drop], *, hierarchy: bool = True) -> Score:
    """Compare what was reported with what happened."""
    told = Score()
    reported = [drop for drop in drops if drop.parent_id is None or not hierarchy]
    for one in company.injected:
        if company.evidence(one) < NATS:
            continue
        here = [drop for drop in reported if drop.member == one.member and _during(one, drop)]
        in_time = any(_hour(drop) <= one.end for drop in here)
        if one.member == COMPANY:
            told.companies += 1
            told.companies_found += in_time
            told.companies_once += in_time and len(here) == 1
            told.more_than_once += here if len(here) > 1 else []
        else:
            told.departments += 1
            told.departments_found += in_time
            clear = company.evidence(one) >= 2 * NATS
            told.clear += clear
            told.clear_found += clear and in_time
        told.missed += [] if in_time else [one]
    paged: dict[str, int] = {}
    for drop in reported:
        if drop.dimension == "department" and _hour(drop) > QUIET_WEEKS * _WEEK:
            happened = any(one.member == drop.member and _during(one, drop) for one in company.injected)
            if not happened and _hour(drop) >= paged.get(drop.member, -24) + 24:
                told.false.append(drop)
                paged[drop.member] = _hour(drop)
    told.false_pages = len(told.false)
    return told


def _during(one: Injected, drop: Drop) -> bool:
    grace = min(24, max(6, (one.end - one.start) // 4))
    return one.start < _hour(drop) <= one.end + grace


def _hour(drop: Drop) -> int:
    """Return when it was told, in hours of the period."""
    return (unix_seconds(drop.detected_at) - MONDAY) // HOUR
