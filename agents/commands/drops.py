"""`esn-pulse drops`: what would have been alarmed over a recorded period, as a table and a picture."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Final

import click

from agents.drops.panels import local, picture
from agents.drops.recorded import Recorded
from agents.drops.replay import History, judge, region_of
from agents.drops.withheld import WITHHELD
from agents.errors import Failed, Usage
from agents.files.calendar import calendar
from agents.replay import Record
from agents.settings import Settings, pass_settings
from agents.terminal.printing import Column, Row, format_option, many, note, show
from agents.terminal.progress import progress
from pipeline.calendars import Calendar
from pipeline.partition import StepCounts
from schemas.drops import Drop
from schemas.pulse import unix_seconds

HELP: Final = """Show what would have been alarmed over a recorded period, before alarms are switched on.

The record is counted as a worker would count it, by the hour: active people, logins and contributors of the company,
its regions, departments and communities. Nothing is sent anywhere and no service is needed. Some weeks pass until
there is enough to judge by.

\b
A record and its directory, as `esn-pulse replay` takes them:
  esn-pulse drops --replay events.jsonl.gz --people people.jsonl.gz
\b
The bundled one, of a Polish factory; its holidays are no drops:
  printf '[company]\\ntimezone = "Europe/Warsaw"\\nholidays = "PL"\\n' > poland.toml
  demo=deploy/demo/manufacturing_email
  esn-pulse drops --replay $demo/events.jsonl.gz --people $demo/people.jsonl.gz \\
    --calendar poland.toml --picture drops.svg
\b
Several files that follow one another, as rows for another program:
  esn-pulse drops --replay may.jsonl.gz --replay june.jsonl.gz --format csv > drops.csv

\b
What holidays, days off and campaigns kept from being alarmed, too:
  esn-pulse drops --replay $demo/events.jsonl.gz --people $demo/people.jsonl.gz \\
    --calendar poland.toml --withheld

Times in the table are local, in CSV and JSON UTC. --calendar is a file as ESN_CALENDAR names one; without any there are
no holidays, and ESN_TIMEZONE is the clock. expected and observed are people per interval, added up over the drop.
If the record holds no heartbeats, its feed is taken to have been alive throughout.
"""

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_COLUMNS: Final = (
    Column("dimension"),
    Column("member"),
    Column("measure"),
    Column("window"),
    Column("severity"),
    Column("began_at", "time"),
    Column("detected_at", "time"),
    Column("ended_at", "time"),
    Column("depth", "share"),
    Column("expected", "count"),
    Column("observed", "count"),
    Column("lost_person_hours", "count"),
    Column("state"),
    Column("drop_id"),
    Column("parent_id"),
    Column("causes"),
)
_SHORT: Final = len(_COLUMNS) - 3
_LOCAL: Final = tuple(column._replace(kind="text") if column.kind == "time" else column for column in _COLUMNS[:_SHORT])


@click.command("drops", help=HELP)
@click.option("--replay", "events", type=_FILE, multiple=True, required=True, help="The record; repeatable, in order.")
@click.option("--people", type=_FILE, help="The directory, one record a line; it holds from the start.")
@click.option("--calendar", "calendar_file", type=_FILE, help="Holidays and time zones, instead of ESN_CALENDAR.")
@click.option("--picture", "svg", type=click.Path(dir_okay=False, path_type=Path), help="Draw it, too: a file .svg.")
@click.option("--all", "explained", is_flag=True, help="Also the drops that another one explains.")
@click.option("--withheld", is_flag=True, help="Also what holidays, days off and campaigns kept from being alarmed.")
@format_option
@pass_settings
def command(  # noqa: PLR0913, PLR0917  (one for each option)
    settings: Settings,
    /,
    events: tuple[Path, ...],
    people: Path | None,
    calendar_file: Path | None,
    svg: Path | None,
    explained: bool,
    withheld: bool,
    how: str,
) -> None:
    """Run the command."""
    if svg and (svg.suffix != ".svg" or not svg.parent.is_dir()):
        raise Usage(f"--picture {svg} cannot be written: name a file that ends in .svg, in a directory that is there")
    places = calendar(replace(settings, calendar=str(calendar_file)) if calendar_file else settings)
    record = Record(events)
    recorded = Recorded(settings, Record([people] if people else []))
    with progress("judging", record.size, "bytes") as tell:
        history = judge(recorded.state, _told(recorded.steps(record), lambda: tell(record.position)), places)
    if not history.at:
        raise Failed(f"there is no event in {events[0]}: give it a record as `esn-pulse replay` takes it")
    places = places.weighed(history.enabled)
    drops = [drop for drop in history.drops.values() if explained or drop.parent_id is None]
    kept = [drop for drop in history.withheld.values() if explained or drop.parent_id is None]
    rows = [(drop.detected_at, _row(drop, drop.state, places, how)) for drop in drops]
    if withheld:
        rows += [(drop.detected_at, _row(drop, WITHHELD, places, how)) for drop in kept]
        rows.sort(key=itemgetter(0))
    show(_LOCAL if how == "table" else _COLUMNS, [row for _, row in rows], how)
    _say(history, len(drops), 0 if withheld else len(kept), recorded.refused)
    if svg:
        _write(svg, picture(events[0].name, history, drops, places))


def _told(steps: Iterable[StepCounts], tell: Callable[[], None]) -> Iterator[StepCounts]:
    for step in steps:
        yield step
        tell()


def _row(drop: Drop, state: str, calendar: Calendar, how: str) -> Row:
    """Return a row as it is shown: in a table the times are local and the amounts rounded."""
    row = [state if column.name == "state" else getattr(drop, column.name) for column in _COLUMNS]
    region = region_of(drop.dimension, drop.member)
    for place, column in enumerate(_COLUMNS):
        if column.kind == "time" and row[place]:
            row[place] = local(row[place], calendar, region) if how == "table" else unix_seconds(row[place]) * 1000
        elif column.kind == "count" and how == "table":
            row[place] = round(float(row[place]))
    return row[:_SHORT] if how == "table" else row


def _say(history: History, shown: int, withheld: int, refused: int) -> None:
    more = len(history.drops) - shown
    note(
        f"{many(shown, 'drop')} in {many(len(history.at), 'hour')}"
        + (f"; {more:,} more that these explain (--all)" if more else "")
        + (f"; {withheld:,} withheld on holidays, days off or in campaigns (--withheld)" if withheld else "")
    )
    if history.learning_hours:
        note(
            f"learning, and so not judged: {history.learning_hours / history.segment_hours:.0%} of all segments' time; "
            f"by the end {many(history.learning, 'segment')} too small or too new"
        )
    if refused:
        note(f"{many(refused, 'line')} that a worker would refuse")


def _write(svg: Path, drawn: str) -> None:
    try:
        svg.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise Failed(f"{svg} cannot be written: {error.strerror}") from None
    note(f"picture: {svg}")
