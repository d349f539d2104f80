"""A report as a page: the same tables in Markdown and for a terminal, or every fact as a row of CSV.

Rules: a table's cells are text here, so both pages say the same. Changes are in percentage points; `-` is what there is
no number of, and `*` a group that is too small to be shown.
"""

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from agents.report.query import (
    COMPANY,
    PARTICIPATION,
    ROLES,
    SHARES,
    STAGES,
    TRANSITIONS,
    WHO,
    Facts,
    Key,
    Segment,
    Value,
    lagging,
)
from agents.terminal.printing import Column, Row, harmless, show

MOST_ROWS: Final = 15
"""Of one dimension, on a page; CSV has all."""
_HIDDEN: Final = "*"
_RULE_OF_THUMB: Final = {"readers": 0.90, "contributors": 0.09, "leading": 0.01}


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the page; the first column is text, the others are numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What is printed."""

    facts: Facts
    dimensions: Sequence[str]
    least: int
    zone: str

    # -- ways to print

    def markdown(self) -> None:
        """Print it as Markdown."""
        lines = [f"# {self._title()}", "", self._about()]
        for table in self._tables():
            lines += ["", f"## {table.title}", ""]
            if table.rows:
                lines += ["| " + " | ".join(table.heads) + " |", "|---|" + "--:|" * (len(table.heads) - 1)]
                lines += ["| " + " | ".join(map(_escaped, row)) + " |" for row in table.rows]
            if table.remark:
                lines += [""] * bool(table.rows) + [table.remark]
        sys.stdout.write("\n".join(lines) + "\n")

    def text(self) -> None:
        """Print it for eyes."""
        lines = [self._title(), self._about()]
        for table in self._tables():
            lines += ["", table.title]
            if table.rows:
                lines += _aligned([table.heads, *table.rows])
            if table.remark:
                lines += [f"  {table.remark}"]
        sys.stdout.write("\n".join(lines) + "\n")

    def csv(self) -> None:
        """Print every fact as a row."""
        others = ("week", "week_before", "baseline")
        columns = [Column(name) for name in ("section", "dimension", "member", "item")]
        columns += [Column(name, "share") for name in others] + [Column("suppressed", "flag")]
        show(columns, self._facts(), "csv")

    def _facts(self) -> Iterator[Row]:
        for key, values in self.facts.values.items():
            if any(value is not None for value in values):
                yield *key, *values, *([None] * (3 - len(values))), False
        for segment in sorted(self.facts.hidden):
            yield *Key("adoption", *segment, "enabled"), None, None, None, True

    # -- what is said

    def _title(self) -> str:
        week = self.facts.moments[0].period
        return f"Adoption in week {week.name}, {week.first} to {week.last}"

    def _about(self) -> str:
        week, before, *others = self.facts.moments
        told = f"Numbers are of the end of {week.day} ({self.zone})"
        if week.day != week.period.last:
            told += ", the last whole day of the week"
        told += f"; beside them week {before.period.name}" + ("" if before.day else ", of which there is nothing")
        for other in others:
            told += f" and {'week ' if other.period.is_week else ''}{other.period.name}"
        hidden = f"; {_HIDDEN} means fewer than {self.least} enabled people" if self.facts.hidden else ""
        return f"{told}. Changes are in percentage points{hidden}."

    def _tables(self) -> Iterator[Table]:
        yield from self._adoption()
        yield self._lagging()
        yield self._roles()
        yield self._funnel()
        yield self._transitions()
        yield self._leaders()
        yield self._drops()

    @property
    def _names(self) -> list[str]:
        return [moment.period.name for moment in self.facts.moments]

    def _adoption(self) -> Iterator[Table]:
        since = [f"since {name}" for name in self._names[1:]]
        heads = ("enabled", "logged in", "active", "contributed", "stickiness", "target", *since)
        yield Table("Adoption in 7 days", ("", *heads), [self._adopted(COMPANY, "the company")])
        for dimension in self.dimensions:
            segments = self.facts.segments(dimension)
            rows = [self._adopted(segment, segment[1]) for segment in segments[:MOST_ROWS]]
            more = len(segments) - len(rows)
            remark = f"{more:,} smaller ones are in --format csv" if more else "" if rows else "There is none."
            yield Table(f"By {dimension.replace('_', ' ')}", (dimension.replace("_", " "), *heads), rows, remark)

    def _adopted(self, segment: Segment, name: str) -> list[str]:
        if segment in self.facts.hidden:
            return [name, *[_HIDDEN] * (6 + len(self._names[1:]))]
        now = {item: self.facts.of("adoption", item, segment)[0] for item in ("enabled", *SHARES, "target")}
        active, *before = self.facts.of("adoption", "active", segment)
        shares = [_share(now[item]) for item in SHARES]
        goal = _share(now["target"]) + (" !" if _is_less(active, now["target"]) else "")
        return [name, _count(now["enabled"]), *shares, goal, *(_points(active, share) for share in before)]

    def _lagging(self) -> Table:
        lag = lagging(self.facts, self.dimensions)
        rows = []
        for segment, goal in lag[:MOST_ROWS]:
            share, enabled = (self.facts.of("adoption", item, segment)[0] or 0 for item in ("active", "enabled"))
            missing = math.ceil((goal - share) * enabled - 1e-6)
            rows.append([f"{segment[0]} {segment[1]}", _share(share), _share(goal), _count(missing)])
        more = len(lag) - len(rows)
        remark = f"and {more:,} more" if more else "" if rows else "None does."
        return Table("Who lags", ("segment", "active", "should be", "people missing"), rows, remark)

    def _roles(self) -> Table:
        rows = [
            [role.replace("_", " "), _count(self._now("roles", role)), *self._shares("roles", f"{role}_share")]
            for role in ROLES
        ]
        participants = self._now("participation", "participants")
        own = ", ".join(f"{name} {_share(self._now('participation', name))}" for name in PARTICIPATION)
        rule = "-".join(f"{share * 100:.0f}" for share in _RULE_OF_THUMB.values())
        remark = f"Of {_count(participants)} who take part: {own}. The rule of thumb says {rule}."
        return Table("Roles in 28 days", ("role", "people", *self._names), rows, remark)

    def _funnel(self) -> Table:
        if self._now("journey", "unaware") is None:
            return Table("The journey", (), [], "Not known yet: it waits for whom the others named.")
        rows = []
        for stage in STAGES:
            counts = (_count(self._now("journey", item)) for item in (stage, f"{stage}_reached"))
            rows.append([stage.replace("_", " "), *counts, *self._shares("journey", f"{stage}_conversion")])
        heads = ("stage", "people", "reached", *(f"conversion {name}" for name in self._names))
        return Table("The journey", heads, rows)

    def _transitions(self) -> Table:
        rows = [[kind.replace("_", " "), *map(_count, self.facts.of("transitions", kind))] for kind in TRANSITIONS]
        return Table("What happened to people", ("in seven days", *self._names), rows)

    def _leaders(self) -> Table:
        heads = ("", "people", *(f"active {name}" for name in self._names))
        rows = [
            [who, _count(self._now("leaders", who)), *self._shares("leaders", f"{who}_active"),
             *self._shares("leaders", f"{who}_contributing")]
            for who in WHO
        ]  # fmt: skip
        return Table("Leaders and ambassadors", (*heads, *(f"contributed {name}" for name in self._names)), rows)

    def _drops(self) -> Table:
        rows = []
        for drop in self.facts.drops:
            who = f"{drop.dimension} {_HIDDEN if drop.member is None else drop.member}"
            ended = "open" if drop.hours is None else f"{drop.hours:,} h"
            rows.append([f"{drop.began_at:%Y-%m-%d %H:%M}", who, drop.measure, f"-{drop.depth:.0%}", ended])
        numbers = zip(self._names[1:], self.facts.of("drops", "drops")[1:], strict=True)
        before = ", ".join(f"{_count(number)} in {name}" for name, number in numbers if number is not None)
        heads = ("began", "segment", "measure", "people", "lasted")
        remarks = ["" if rows else "None.", f"Before: {before}." if before else ""]
        return Table("Engagement drops", heads, rows, " ".join(filter(None, remarks)))

    def _now(self, section: str, item: str) -> Value | None:
        return self.facts.of(section, item)[0]

    def _shares(self, section: str, item: str) -> list[str]:
        return [_share(value) for value in self.facts.of(section, item)]


def _share(value: Value | None) -> str:
    return "-" if value is None else f"{value * 100:.1f} %"


def _count(value: Value | None) -> str:
    return "-" if value is None else f"{value:,}"


def _points(value: Value | None, before: Value | None) -> str:
    return "-" if value is None or before is None else f"{(value - before) * 100:+.1f}"


def _is_less(value: Value | None, goal: Value | None) -> bool:
    return value is not None and goal is not None and value < goal


def _escaped(cell: str) -> str:
    """Return a cell that says the same in Markdown, whatever a member is called."""
    for sign in "\\`*_[]<>|":
        cell = cell.replace(sign, f"\\{sign}") if cell != _HIDDEN else cell
    return harmless(cell)


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    told = [[harmless(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*told, strict=True)]
    lines = []
    for first, *others in told:
        cells = [first + " " * (widths[0] - cell_len(first))]
        cells += [" " * (width - cell_len(cell)) + cell for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines
