"""The numbers of a report, from the views: of a week, the week before and a baseline, side by side.

Rules: a fact is a number with its name; how it is printed is `page`'s. Numbers are those of a period's last
whole local day; transitions are sums over its whole days, drops those that were open in it. A segment with fewer
enabled people than `least` on a day has no numbers of that day, the company aside.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from agents.report.weeks import Period
from agents.storage.clickhouse import Reader

COMPANY: Final = ("company", "all")
DIMENSIONS: Final = ("region", "department", "community", "manager", "manager_tree")
ROLES: Final = ("leading", "contributor", "active_reader", "reader", "absent")
PARTICIPATION: Final = ("readers", "contributors", "leading")
STAGES: Final = ("unaware", "aware", "visited", "first_use", "second_use", "continuous", "lapsed")
TRANSITIONS: Final = (
    "new", "returning", "resurrected", "first_contribution", "at_risk", "dormant", "joined", "left",
)  # fmt: skip
WHO: Final = ("leader", "ambassador", "everybody")
SHARES: Final = ("logged_in", "active", "contributed", "stickiness")

Segment = tuple[str, str]
Value = int | float


class Key(NamedTuple):
    """What a number is of."""

    section: str
    dimension: str
    member: str
    item: str


class Moment(NamedTuple):
    """A period, and its last whole local day; None if there is none."""

    period: Period
    day: date | None


@dataclass(frozen=True, slots=True)
class Drop:
    """An engagement drop that was open in the week."""

    began_at: datetime
    dimension: str
    member: str | None
    """None: it is too small to be named."""
    measure: str
    depth: float
    hours: int | None
    """How long it lasted; None: it is open."""


@dataclass(slots=True)
class Facts:
    """All numbers; of each the week's, the week before's and, if there is one, the baseline's."""

    moments: Sequence[Moment]
    values: dict[Key, list[Value | None]] = field(default_factory=dict)
    hidden: set[Segment] = field(default_factory=set)
    """Segments that are too small to be shown this week."""
    drops: list[Drop] = field(default_factory=list)

    def note(self, places: Sequence[int], key: Key, value: Value | None) -> None:
        """Keep a number of some of the moments."""
        values = self.values.setdefault(key, [None] * len(self.moments))
        for place in places:
            values[place] = value

    def of(self, section: str, item: str, segment: Segment = COMPANY) -> list[Value | None]:
        """Return the numbers of the moments, the week's first; None where there is none."""
        return self.values.get(Key(section, *segment, item), [None] * len(self.moments))

    def segments(self, dimension: str) -> list[Segment]:
        """Return the week's segments of a dimension, the largest first; hidden ones are behind them."""
        sizes = {
            key[1:3]: values[0] for key, values in self.values.items() if key[1] == dimension and key[3] == "enabled"
        }
        shown = [(-size, segment) for segment, size in sizes.items() if size is not None]
        hidden = [segment for segment in self.hidden if segment[0] == dimension]
        return [*(segment for _, segment in sorted(shown)), *sorted(hidden)]


_DAYS: Final = "SELECT day FROM daily_days WHERE complete ORDER BY day"
# The base views: adoption and roles would also read the days that they compare with.
_ADOPTION: Final = """
SELECT day, dimension, member, enabled, dimension = 'company' OR enabled >= %(least)s,
    logged_in_7d / greatest(enabled, 1), active_7d / greatest(enabled, 1), contributed_7d / greatest(enabled, 1),
    if(active_28d = 0, 0, active_1d / active_28d), target / 1000000
FROM daily_segments
WHERE day IN %(days)s AND dimension IN %(dimensions)s
"""
_ROLES: Final = f"""
SELECT day, {", ".join(ROLES)}, enabled
FROM daily_roles WHERE day IN %(days)s AND dimension = 'company'
"""  # noqa: S608  (from a closed list)
_PARTICIPATION: Final = """
SELECT day, participants, readers_share, contributors_share, leading_share
FROM participation WHERE day IN %(days)s AND dimension = 'company'
"""
_JOURNEY: Final = """
SELECT day, stage, people, reached, conversion FROM journey WHERE day IN %(days)s AND dimension = 'company'
"""
_LIFECYCLE: Final = """
SELECT transition, sum(people) FROM lifecycle
WHERE day BETWEEN %(first)s AND %(last)s AND dimension = 'company' GROUP BY transition
"""
_LEADERS: Final = """
SELECT day, who, people, active_share, contributing_share FROM leaders WHERE day IN %(days)s AND dimension = 'company'
"""
_DROPS: Final = """
SELECT began_at, dimension, member, measure, depth, dateDiff('hour', began_at, ended_at),
    dimension = 'company' OR enabled >= %(least)s
FROM drops
LEFT JOIN (SELECT dimension, member, enabled FROM daily_segments WHERE day = %(day)s) AS sizes USING (dimension, member)
WHERE parent_id IS NULL AND state != 'withdrawn' AND began_at < toDateTime(%(end)s, 'UTC')
    AND (ended_at IS NULL OR ended_at > toDateTime(%(start)s, 'UTC'))
ORDER BY began_at, dimension, member, measure
"""


def whole_days(reader: Reader) -> list[date]:
    """Return the local days that every source partition has written, ascending."""
    return [day for (day,) in reader.query(_DAYS)[1]]


@dataclass(frozen=True, slots=True)
class Asking:
    """A way to ask: groups with fewer than `least` enabled people are hidden; drops begin by the clock of `zone`."""

    reader: Reader
    zone: ZoneInfo
    least: int
    dimensions: Sequence[str] = DIMENSIONS[:2]

    def facts(self, moments: Sequence[Moment]) -> Facts:
        """Return everything about the week, the week before and the baseline, in this order."""
        found = Facts(moments)
        places = _places(moments)
        self._adoption(found, places)
        for day, key, value in self._of_days(tuple(places)):
            found.note(places[day], key, value)
        for place, moment in enumerate(moments):
            for key, value in self._of_period(moment) if moment.day else ():
                found.note([place], key, value)
        found.drops = self._open_in(moments[0])
        return found

    def _rows(self, sql: str, params: Mapping[str, object]) -> list[tuple[Any, ...]]:
        return self.reader.query(sql, params)[1]

    def _adoption(self, found: Facts, places: Mapping[date, Sequence[int]]) -> None:
        asked = {"days": tuple(places), "dimensions": ("company", *self.dimensions), "least": self.least}
        for day, dimension, member, enabled, is_shown, *shares, target in self._rows(_ADOPTION, asked):
            values = zip(("enabled", *SHARES, "target"), (enabled, *shares, target or None), strict=True)
            if is_shown:
                for item, value in values:
                    found.note(places[day], Key("adoption", dimension, member, item), value)
            elif 0 in places[day]:
                found.hidden.add((dimension, member))

    def _of_days(self, days: tuple[date, ...]) -> Iterator[tuple[date, Key, Value]]:
        asked = {"days": days}
        for day, *people, enabled in self._rows(_ROLES, asked):
            for role, number in zip(ROLES, people, strict=True):
                yield day, _key("roles", role), number
                yield day, _key("roles", f"{role}_share"), number / enabled if enabled else 0.0
        for day, participants, *shares in self._rows(_PARTICIPATION, asked):
            yield day, _key("participation", "participants"), participants
            yield from (
                (day, _key("participation", name), share) for name, share in zip(PARTICIPATION, shares, strict=True)
            )
        for day, stage, people, reached, conversion in self._rows(_JOURNEY, asked):
            yield day, _key("journey", stage), people
            yield day, _key("journey", f"{stage}_reached"), reached
            yield day, _key("journey", f"{stage}_conversion"), conversion
        for day, who, people, active, contributing in self._rows(_LEADERS, asked):
            yield day, _key("leaders", who), people
            yield day, _key("leaders", f"{who}_active"), active
            yield day, _key("leaders", f"{who}_contributing"), contributing

    def _of_period(self, moment: Moment) -> Iterator[tuple[Key, Value]]:
        period = moment.period
        sums = dict(self._rows(_LIFECYCLE, {"first": period.first, "last": period.last}))
        yield from ((_key("transitions", kind), sums.get(kind, 0)) for kind in TRANSITIONS)
        yield _key("drops", "drops"), len(self._open_in(moment))

    def _open_in(self, moment: Moment) -> list[Drop]:
        days = (moment.period.first, moment.period.last + timedelta(days=1))
        start, end = (int(datetime.combine(day, time(), self.zone).timestamp()) for day in days)
        asked = {"start": start, "end": end, "day": moment.day, "least": self.least}
        return [
            Drop(began.replace(tzinfo=UTC).astimezone(self.zone), dimension, member if is_shown else None, *told)
            for began, dimension, member, *told, is_shown in self._rows(_DROPS, asked)
        ]


def _places(moments: Sequence[Moment]) -> dict[date, list[int]]:
    """Return which moments a day is of: the baseline may be the week before."""
    found: dict[date, list[int]] = {}
    for place, moment in enumerate(moments):
        if moment.day is not None:
            found.setdefault(moment.day, []).append(place)
    return found


def _key(section: str, item: str) -> Key:
    return Key(section, *COMPANY, item)


def lagging(facts: Facts, dimensions: Iterable[str]) -> list[tuple[Segment, float]]:
    """Return the segments that lag and the share they should have, those that miss most people first.

    They are below their target or, where no segment has one, below the company.
    """
    segments = [segment for dimension in dimensions for segment in facts.segments(dimension)]
    is_targeted = any(facts.of("adoption", "target", segment)[0] is not None for segment in (COMPANY, *segments))
    company = facts.of("adoption", "active")[0] or 0.0
    found = []
    for segment in segments:
        share, enabled = (facts.of("adoption", item, segment)[0] for item in ("active", "enabled"))
        goal = facts.of("adoption", "target", segment)[0] if is_targeted else company
        if share is not None and enabled is not None and goal is not None and share < goal:
            found.append((segment, float(goal), (goal - share) * enabled))
    return [(segment, goal) for segment, goal, _ in sorted(found, key=lambda lag: (-lag[2], lag[0]))]
