"""`esn-pulse people`: who was last seen when, one by one or in groups."""

from collections.abc import Mapping
from typing import Any, Final

import click

from agents import clock
from agents.errors import Usage
from agents.people.groups import DIMENSIONS, GROUP_SORTS, age_columns, group_columns, groups
from agents.people.groups import ages as ages_of
from agents.people.query import INCLUDE, PEOPLE_COLUMNS, SORTS, Question, count, overview, people
from agents.settings import Settings, pass_settings
from agents.storage.clickhouse import Reader
from agents.terminal.printing import format_option, many, minute, note, show
from agents.terminal.spans import Moment, Span, spoken

HELP: Final = """List people by when they were last seen, one by one or in groups.

Counted are listed and enabled people of kind person; --include adds others. Not seen for 7d means: no event but failed
logins in the 7 x 24 hours up to --as-of, or never one. The numbers are at most 5 minutes old. Communities are those
that people belong to, owned are those of them that they created; in groups, of the people in question.

\b
How many of each manager's people were not seen for a week, the most first:
  esn-pulse people --not-seen 7d --by manager
\b
Who they are, those longest away first, as a file:
  esn-pulse people --not-seen 7d --format csv > away.csv
\b
Who never logged in; the five departments with the largest share of them:
  esn-pulse people --never --measure login
  esn-pulse people --never --measure login --by department --sort share --limit 5
\b
By department, how many were seen within 7 days, and not for 7, 28 and 90 days, by their last login:
  esn-pulse people --ages --by department --measure login
\b
The same of everybody below each manager, however far down; who is away below one of them, and still owns communities:
  esn-pulse people --ages --by manager --tree
  esn-pulse people --not-seen 28d --manager u17 --tree --sort -owned
\b
Who was there within the last hour, the latest first:
  esn-pulse people --seen 1h --sort -seen
\b
A record of long ago that was replayed:
  esn-pulse people --not-seen 28d --by region --as-of 2024-06-30
"""

_DAY_MS: Final = 86_400_000
_TABLE_ROWS: Final = 1000
_DEFAULT_SPAN_MS: Final = 7 * _DAY_MS


class _Included(click.ParamType):
    name = "WHO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        """Take one or more of INCLUDE, with commas."""
        if isinstance(value, frozenset):
            return value
        found = frozenset(filter(None, (word.strip() for word in value.split(","))))
        if not found <= set(INCLUDE):
            self.fail(f"{', '.join(sorted(found - set(INCLUDE)))} is none of {', '.join(INCLUDE)}", param, ctx)
        return found


@click.command("people", help=HELP)
@click.option("--not-seen", "not_seen_ms", type=Span(), help="Not seen for so long, or never: 7d, 36h, 4w.")
@click.option("--seen", "seen_ms", type=Span(), help="Seen within so long.")
@click.option("--never", is_flag=True, help="Never seen.")
@click.option("--by", type=click.Choice(DIMENSIONS), help="Count groups; without a span, people not seen for 7d.")
@click.option("--ages", is_flag=True, help="Count who was not seen for 7, 28, 90 days, or never.")
@click.option("--manager", default="", help="Only people who report to this manager.")
@click.option("--tree", is_flag=True, help="With --manager or --by manager: everybody below, not only direct reports.")
@click.option(
    "--measure", type=click.Choice(["seen", "login"]), default="seen", show_default=True, help="Any event, or logins."
)
@click.option("--include", type=_Included(), multiple=True, help=f"Count these, too: {', '.join(INCLUDE)}; repeatable.")
@click.option("--sort", help=f"One of {', '.join(SORTS)}, - before it: falling; groups: {', '.join(GROUP_SORTS)}.")
@click.option("--limit", type=click.IntRange(1), help=f"So many rows; a table has {_TABLE_ROWS} at most by default.")
@click.option("--as-of", "as_of_ms", type=Moment(), help="Count back from here instead of from now.")
@format_option
@pass_settings
def command(settings: Settings, /, by: str | None, sort: str | None, limit: int | None, how: str, **asked: Any) -> None:
    """Run the command."""
    now, ages = clock.now_ms(), asked["ages"]
    question = _question(asked, by, now)
    grouped = bool(by or ages)
    descending = bool(sort and sort.startswith("-") and not grouped)
    order = _known((sort or "").removeprefix("-" if descending else ""), grouped, question.measure)
    with Reader.of(settings) as reader:
        _say_what_is_odd(reader, question, now)
        most = limit or (_TABLE_ROWS if how == "table" else None)
        if grouped:
            dimension = by or "company"
            columns = age_columns(dimension) if ages else group_columns(question, dimension)
            rows = (ages_of if ages else groups)(reader, question, dimension, order, most)
            show(columns, rows, how)
            if not limit and len(rows) == most:
                note(f"the first {most:,} are shown (--limit, or --format csv for all)")
            return
        show(PEOPLE_COLUMNS, people(reader, question, order, descending=descending, limit=most), how)
        if how == "table":
            total = count(reader, question)
            more = f", the first {most:,} are shown (--limit, or --format csv for all)" if total > (most or 0) else ""
            note(f"{many(total, 'person', 'people')}{more}")


def _question(asked: Mapping[str, Any], by: str | None, now: int) -> Question:
    given = [name for name in ("not_seen_ms", "seen_ms", "never") if asked[name]]
    if len(given) > 1:
        raise Usage("--not-seen, --seen and --never exclude each other: choose one")
    if given and asked["ages"]:
        raise Usage("--ages counts all spans at once: leave --not-seen, --seen and --never away")
    if asked["tree"] and not (asked["manager"] or by == "manager"):
        raise Usage("--tree is about managers: add --by manager or --manager")
    include = frozenset[str]().union(*asked["include"])
    as_of = now if asked["as_of_ms"] is None else asked["as_of_ms"]
    wanted, span = "not_seen" if by else "all", _DEFAULT_SPAN_MS
    if given:
        wanted, span = given[0].removesuffix("_ms"), int(asked[given[0]])
    manager = asked["manager"], asked["tree"]
    return Question(as_of, wanted, span, asked["measure"], include, *manager)  # type: ignore[arg-type]  # one of its words


def _known(sort: str, grouped: bool, measure: str) -> str:
    allowed = GROUP_SORTS if grouped else SORTS
    if sort and sort not in allowed:
        raise Usage(f"--sort {sort} is none of {', '.join(allowed)}")
    return sort or ("matching" if grouped else measure)


def _say_what_is_odd(reader: Reader, question: Question, now: int) -> None:
    """Tell what makes the numbers mean something else than they seem to."""
    found = overview(reader)
    if not found.people:
        note("there are no people yet: `esn-pulse doctor` says why")
        return
    if not found.listed and "unlisted" not in question.include:
        note("the directory is empty: `esn-pulse directory import` fills it; --include unlisted counts everybody seen")
    if found.newest_ms is None:
        note("nobody was ever seen: `esn-pulse doctor` says why")
        return
    newest = minute(found.newest_ms)
    behind = question.as_of_ms - found.newest_ms
    if behind > _DAY_MS:
        since = "now" if question.as_of_ms == now else "--as-of"
        note(
            f"the newest event is of {newest} UTC, {spoken(behind)} before {since}: "
            "--as-of counts back from another time"
        )
    elif question.as_of_ms < found.newest_ms and question.as_of_ms != now:
        note(f"the newest event is of {newest} UTC, after --as-of: whoever was seen since then counts as seen")
