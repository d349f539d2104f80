"""People counted by region, department or manager: how many were seen when, and the communities that they left behind.

Rules: those of `query`. Everybody below a manager is summed up from direct reports, along the directory.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from agents.people.query import COMMUNITIES, MEASURES, MOST_LEVELS, Question
from agents.storage.clickhouse import Reader
from agents.terminal.printing import Column, Row

DIMENSIONS: Final = ("region", "department", "manager")
AGES: Final = (7, 28, 90)
"""Days; how long ago people were seen."""

GROUP_SORTS: Final = {
    "matching": "matching DESC, member",
    "share": "share DESC, matching DESC, member",
    "people": "people DESC, member",
    "never": "never_seen DESC, member",
    "name": "member",
}


def group_columns(question: Question, dimension: str) -> list[Column]:
    """Return the columns of `groups`; the one in question is called after it."""
    name = {"not_seen": "not_seen", "seen": "seen", "never": "never", "all": "people"}[question.wanted]
    columns = [Column(dimension), Column("people", "count"), Column(name, "count"), Column("share", "share")]
    never = [] if question.wanted == "never" else [Column("never", "count")]
    return [*columns, *never, *COMMUNITIES]


def groups(reader: Reader, question: Question, dimension: str, sort: str, limit: int | None) -> list[Row]:
    """Return a row per member of a dimension; the communities are those of the people in question."""
    never = f"countIf({MEASURES[question.measure]} IS NULL)"
    sums = {"matching": f"countIf({question.match})", "never_seen": never} | _communities(question.match)
    shown = ["people", "matching", "matching / people AS share", "never_seen", "communities", "owned"]
    if question.wanted == "never":
        shown.remove("never_seen")
    return _grouped(reader, question, dimension, sums, shown, GROUP_SORTS[sort], limit)


def age_columns(dimension: str) -> list[Column]:
    """Return the columns of `ages`."""
    counts = ["people", f"seen_{AGES[0]}d", *(f"not_seen_{days}d" for days in AGES), "never"]
    return [Column(dimension), *(Column(name, "count") for name in counts), *COMMUNITIES]


def ages(reader: Reader, question: Question, dimension: str, sort: str, limit: int | None) -> list[Row]:
    """Return a row per member of a dimension: how long ago its people were seen, each span with those of longer ones.

    The communities are those of the people who were not seen for the first span.
    """
    away = {f"away_{days}": f"countIf({question.away(days)})" for days in AGES}
    never = {"never_seen": f"countIf({MEASURES[question.measure]} IS NULL)"}
    sums = away | never | _communities(question.away(AGES[0]))
    shown = ["people", f"people - away_{AGES[0]}", *away, *never, "communities", "owned"]
    order = GROUP_SORTS[sort].replace("matching", f"away_{AGES[0]}").replace("share", f"away_{AGES[0]} / people")
    return _grouped(reader, question, dimension, sums, shown, order, limit)


def _communities(match: str) -> dict[str, str]:
    return {name: f"sumIf(m.{name}, {match})" for name in ("communities", "owned")}


def _grouped(
    reader: Reader, question: Question, dimension: str, sums: Mapping[str, str], shown: Sequence[str], order: str,
    limit: int | None,
) -> list[Row]:  # fmt: skip
    member = f"if({dimension} = '', 'unknown', {dimension})" if dimension in DIMENSIONS else "'all'"
    upwards = question.tree and dimension == "manager" and not question.manager
    summed = _SUMMED.format(sums=", ".join(f"sum(d.{name}) AS {name}" for name in sums))
    sql = f"""
        WITH {"RECURSIVE" if upwards else ""}
        direct AS
        (
            SELECT {member} AS member, count() AS people, {", ".join(f"{sql} AS {name}" for name, sql in sums.items())}
            FROM people LEFT JOIN memberships AS m USING (person) WHERE {question.who} GROUP BY member
        ){_UPWARDS if upwards else ""}
        SELECT member, {", ".join(shown)}
        FROM {summed if upwards else "direct"}
        ORDER BY {order} {"LIMIT %(limit)s" if limit else ""}"""  # noqa: S608  (from closed tables)
    _, rows = reader.query(sql, question.params | {"limit": limit or 0})
    return list(rows)


# A person has one manager, so going up from each manager is a chain; what it meets again is a loop.
_UPWARDS: Final = f""",
        managers AS
        (
            SELECT person, manager FROM people
            WHERE listed AND manager NOT IN ('', 'unknown') AND person IN (SELECT manager FROM people)
        ),
        above AS
        (
            SELECT d.member AS name, d.member AS upwards, [sipHash64(d.member)] AS path
            FROM direct AS d WHERE d.member != 'unknown'
            UNION ALL
            SELECT above.name, managers.manager, arrayPushBack(path, sipHash64(managers.manager))
            FROM above INNER JOIN managers ON managers.person = above.upwards
            WHERE NOT has(path, sipHash64(managers.manager)) AND length(path) < {MOST_LEVELS}
        )"""  # noqa: S608  (from a number of our own)
_SUMMED: Final = """(
            SELECT upwards AS member, sum(d.people) AS people, {sums}
            FROM above INNER JOIN direct AS d ON d.member = above.name GROUP BY upwards
        )"""
