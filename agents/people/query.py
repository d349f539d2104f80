"""Who was last seen when, asked of the view `esn.people`. All counting and sorting is done by ClickHouse.

Rules: nothing a user typed is put into SQL but words from the closed tables below; the rest goes as parameters. Not
seen in a span is what a window calls it: no time in (as_of - span, as_of]. The view knows only the last time, so
somebody who was seen after `as_of` counts as seen. Below a manager is everybody from whom going up the directory leads
to the manager; in a loop of managers that is each of them, once, for every one of them, as in rows of manager_tree.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from agents.storage.clickhouse import Reader
from agents.terminal.printing import Column, Row

KINDS: Final = {"guests": "guest", "service": "service"}
INCLUDE: Final = (*KINDS, "disabled", "unlisted")
MOST_LEVELS: Final = 100
"""No company is so deep; it ends what a hostile directory could make of the recursion."""
_PAGE_ROWS: Final = 100_000

MEASURES: Final = {"seen": "last_seen", "login": "last_login"}
_DAY_MS: Final = 86_400_000

# Going down from one manager; only the manager could come a second time, from a loop.
_BELOW: Final = f"""manager IN (
    WITH RECURSIVE below AS
    (
        SELECT %(manager)s AS name, 0 AS level
        UNION ALL
        SELECT person, level + 1 FROM people INNER JOIN below ON people.manager = below.name
        WHERE listed AND person != %(manager)s AND level < {MOST_LEVELS} AND person IN (SELECT manager FROM people)
    )
    SELECT name FROM below)"""  # noqa: S608  (from a number of our own)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; `days` and `wanted` go by `measure`."""

    as_of_ms: int
    wanted: Literal["not_seen", "seen", "never", "all"] = "all"
    span_ms: int = 0
    measure: str = "seen"
    include: frozenset[str] = frozenset()
    manager: str = ""
    """Only those who report to this manager; nothing: everybody."""
    tree: bool = False
    """Not only direct reports: everybody below."""

    @property
    def who(self) -> str:
        """Who is counted at all, as SQL."""
        below = _BELOW if self.tree else "manager = %(manager)s"
        return f"({self._kinds} AND {below})" if self.manager else self._kinds

    @property
    def _kinds(self) -> str:
        kinds = ["person", *(KINDS[name] for name in sorted(self.include & KINDS.keys()))]
        enabled = "" if "disabled" in self.include else " AND enabled"
        listed = f"listed{enabled} AND kind IN ({', '.join(map(repr, kinds))})"
        return f"(({listed}) OR NOT listed)" if "unlisted" in self.include else f"({listed})"

    def away(self, days: int) -> str:
        """Return the SQL of not seen for so many days, or never."""
        last = MEASURES[self.measure]
        return f"({last} IS NULL OR {last} <= fromUnixTimestamp64Milli(%(as_of)s - {days:d} * %(day)s, 'UTC'))"

    @property
    def match(self) -> str:
        """Which of them are asked for, as SQL."""
        last = MEASURES[self.measure]
        since = "fromUnixTimestamp64Milli(%(since)s, 'UTC')"
        return {
            "not_seen": f"({last} IS NULL OR {last} <= {since})",
            "seen": f"ifNull({last} > {since}, false)",
            "never": f"{last} IS NULL",
            "all": "true",
        }[self.wanted]

    @property
    def params(self) -> dict[str, object]:
        """The parameters of both."""
        since = self.as_of_ms - self.span_ms
        return {"since": since, "as_of": self.as_of_ms, "day": _DAY_MS, "manager": self.manager}


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole view in a few numbers; times in ms."""

    people: int
    listed: int
    newest_ms: int | None


def overview(reader: Reader) -> Overview:
    """Return how many people there are, and the newest event's time."""
    _, [(people, listed, newest)] = reader.query(
        "SELECT count(), countIf(listed), max(toUnixTimestamp64Milli(last_seen)) FROM people"
    )
    return Overview(people, listed, newest)


# -- one by one

COMMUNITIES: Final = (Column("communities", "count"), Column("owned", "count"))
# Never is before everything, for it is longest ago.
_LAST = "ifNull(toUnixTimestamp64Milli({}), -1)"
SORTS: Final = {
    "seen": _LAST.format("last_seen"),
    "login": _LAST.format("last_login"),
    "person": "''",
    "region": "toString(region)",
    "department": "toString(department)",
    "manager": "manager",
    "communities": "communities",
    "owned": "owned",
}
PEOPLE_COLUMNS: Final = (
    Column("person"),
    Column("region"),
    Column("department"),
    Column("manager"),
    Column("last_seen", "time"),
    Column("last_login", "time"),
    Column("days", "count"),
    *COMMUNITIES,
)


def count(reader: Reader, question: Question) -> int:
    """Return how many people match."""
    sql = f"SELECT count() FROM people WHERE {question.who} AND {question.match}"  # noqa: S608
    _, [(many,)] = reader.query(sql, question.params)
    return int(many)


def people(
    reader: Reader, question: Question, sort: str, *, descending: bool = False, limit: int | None = None
) -> Iterator[Row]:
    """Yield a row per person, `PEOPLE_COLUMNS`; asked for in pages, so a million people need little memory."""
    order, after = ("DESC", "<") if descending else ("ASC", ">")
    key, left = SORTS[sort], limit
    last: dict[str, object] = {}
    while left is None or left > 0:
        size = _PAGE_ROWS if left is None else min(left, _PAGE_ROWS)
        further = f"AND (key, person) {after} (%(key)s, %(person)s)" if last else ""
        sql = f"""
            SELECT {key} AS key, person, region, department, manager,
                toUnixTimestamp64Milli(last_seen), toUnixTimestamp64Milli(last_login),
                if(days < 0, 0, days), communities, owned,
                toUnixTimestamp64Milli({MEASURES[question.measure]}) AS measured,
                intDiv(%(as_of)s - measured, %(day)s) AS days
            FROM people LEFT JOIN memberships USING (person) WHERE {question.who} AND {question.match} {further}
            ORDER BY key {order}, person {order} LIMIT {size:d}"""  # noqa: S608
        _, rows = reader.query(sql, question.params | last)
        yield from (row[1:10] for row in rows)
        if len(rows) < size:
            return
        left = None if left is None else left - size
        last = {"key": rows[-1][0], "person": rows[-1][1]}
