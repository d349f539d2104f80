"""`esn-pulse directory import`: an HR system's export of people into the directory topic."""

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO, Final

import click

from agents import clock
from agents.errors import Failed, Usage
from agents.hr_export.changes import Changes, changes
from agents.hr_export.columns import FIELDS, MANAGER_BY, columns
from agents.hr_export.people import Found, Reading
from agents.hr_export.text import decode, rows, sniff
from agents.hr_export.words import Words
from agents.kafka import broker
from agents.kafka.bulk import bulk
from agents.kafka.directory_now import latest
from agents.settings import Settings, pass_settings
from agents.terminal.printing import Column, format_option, many, note, show
from agents.terminal.progress import progress
from schemas.topics import DIRECTORY

HELP: Final = f"""Import people from an HR system's export.

The first row names the columns. Usual names are recognised in English, German, Spanish, French and Swedish, and so are
the encoding, the delimiter, and words like terminated or ja. Only what differs from the directory is sent, so it may
be run daily. A person in the file is enabled unless a column says otherwise; a field without a column keeps what the
directory has. What is odd is told by row number; the header is row 1.

\b
See what it would change, then do it:
  esn-pulse directory import people.csv --dry-run
  esn-pulse directory import people.csv
\b
Name the columns that are not recognised; leave one out:
  esn-pulse directory import people.csv --map person=LogonName --map department="Org Unit L2" --map region=
\b
Managers are given by their e-mail addresses (the addresses are not kept):
  esn-pulse directory import people.csv --manager-by email
\b
Contractors are guests; a word of the house:
  esn-pulse directory import people.csv --kind-column "Contract type" --word Zeitarbeit=guest --word ruhend=no
\b
The file is complete: whoever is not in it has left (only people of the kinds that it holds):
  esn-pulse directory import people.csv --leavers disable
\b
An old DOS file from a pipe:
  zcat people.csv.gz | esn-pulse directory import - --encoding cp850 --delimiter ";"

Fields to --map: {", ".join(FIELDS)}.
"""

_SHOWN: Final = 20
_MOST_AT_ONCE: Final = 0.2
_DELIMITERS: Final = {"tab": "\t", r"\t": "\t"}
_DIFFERENCES: Final = (Column("row", "count"), Column("person"), Column("field"), Column("before"), Column("after"))


@click.group("directory")
def command() -> None:
    """Import people from an HR export into the directory."""


@command.command("import", help=HELP)
@click.argument("file", type=click.File("rb"), metavar="PEOPLE.csv")
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Which column holds a field; repeatable.")
@click.option("--kind-column", metavar="COLUMN", help="The same as --map kind=COLUMN.")
@click.option("--word", "words", multiple=True, metavar="WORD=MEANING", help="yes, no, person, guest or service.")
@click.option(
    "--manager-by", type=click.Choice(MANAGER_BY), default="id", show_default=True, help="How they are given."
)
@click.option(
    "--leavers",
    type=click.Choice(["ignore", "disable", "forget"]),
    default="ignore",
    show_default=True,
    help="What to do with people of the directory who are not in the file.",
)
@click.option("--encoding", help="Of the file; recognised by default.")
@click.option("--delimiter", help="One sign, or tab; recognised by default.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and send nothing.")
@click.option("--yes", is_flag=True, help="Disable even more than a fifth of all people; disregard rows left out.")
@format_option
@pass_settings
def import_(
    settings: Settings, /, file: BinaryIO, leavers: Any, dry_run: bool, yes: bool, how: str, **given: Any
) -> None:
    """Run the command."""
    began = clock.monotonic()
    reading, total, encoding = _read(file.read(), **given)
    present = latest(settings)
    found = reading.finish(present)
    plan = changes(found.people, present, leavers)
    for line in found.lines():
        note(f"warning: {line}")
    refusal = "" if yes else _refusal(plan, found, leavers)
    if dry_run:
        _show(plan, how)
        if refusal:
            note(f"warning: {refusal}")
    elif refusal:
        raise Failed(f"{refusal}; nothing was sent")
    else:
        _send(settings, plan)
    seconds = clock.monotonic() - began
    records = many(len(plan.records), "record")
    what = f"would send {records}" if dry_run else f"sent {records} in {seconds:.1f} s"
    click.echo(
        f"{many(total, 'row')} ({encoding}): {_counts(plan, found, leavers)}; {what}", err=dry_run and how != "table"
    )


def _read(
    raw: bytes,
    maps: Sequence[str],
    kind_column: str | None,
    words: Iterable[str],
    manager_by: str,
    encoding: str | None,
    delimiter: str | None,
) -> tuple[Reading, int, str]:
    """Read the file; return also how many rows it has, and its encoding."""
    meanings = Words(words)
    wanted = dict(_pair(text) for text in maps)
    if kind_column is not None:
        wanted["kind"] = kind_column
    text, found = decode(raw, _encoding(encoding))
    lines = rows(text, _delimiter(delimiter) or sniff(text))
    header = next(lines)[1]
    reading = Reading(columns(header, wanted, manager_by), len(header), meanings, manager_by)
    if manager_by != "id" and not reading.has(manager_by):
        raise Usage(f"--manager-by {manager_by}: say which column holds people's own, --map {manager_by}=COLUMN")
    total = 0
    with progress("reading the file", text.count("\n"), "lines") as tell:
        for total, (number, cells) in enumerate(lines, 1):
            reading.row(number, cells)
            if total % 1000 == 0:
                tell(total)
    if not total:
        raise Failed("the file has a header and no rows: export it again")
    return reading, total, found


def _pair(text: str) -> tuple[str, str]:
    field, equals, name = text.partition("=")
    if not equals:
        raise Usage(f"--map {text}: write FIELD=COLUMN, as in --map person=EmployeeID")
    return field.strip(), name


def _encoding(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        "".encode(name)
    except LookupError:
        raise Usage(f"--encoding {name} is unknown: utf-8, utf-16, cp1252, cp850 and mac-roman are some") from None
    return name


def _delimiter(text: str | None) -> str | None:
    sign = _DELIMITERS.get(text or "", text)
    if sign is not None and (len(sign) != 1 or sign in '"\r\n'):
        raise Usage("--delimiter is one sign, or tab")
    return sign


def _refusal(plan: Changes, found: Found, leavers: str) -> str:
    """Say why this looks like a mistake; nothing if it does not."""
    left_out = sum(map(len, found.left_out.values()))
    if left_out and leavers != "ignore" and plan.leavers:
        return (
            f"{many(left_out, 'row')} left out, and whom they are about would count as having left: mend them, or "
            "disregard them with --yes"
        )
    if plan.disabled > _MOST_AT_ONCE * plan.enabled_before:
        return (
            f"this would disable or forget {plan.disabled:,} of {plan.enabled_before:,} enabled people "
            f"({plan.disabled / plan.enabled_before:.0%}): look at --dry-run, and if it is right say --yes"
        )
    return ""


def _send(settings: Settings, plan: Changes) -> None:
    topic = settings.topic(DIRECTORY.name)
    with broker.admin(settings) as admin:
        partitions = admin.partitions(topic)
    with progress("sending", len(plan.records), "records") as tell, bulk(settings) as stream:
        for done, (person, value) in enumerate(plan.records.items(), 1):
            key = person.encode()
            stream.send(topic, value, key, broker.partition_of(key, partitions))
            if done % 1000 == 0:
                tell(done)


def _show(plan: Changes, how: str) -> None:
    if how != "table":
        show(_DIFFERENCES, plan.differences, how)
    elif plan.differences:
        show(_DIFFERENCES, plan.differences[:_SHOWN], how)
        if len(plan.differences) > _SHOWN:
            note(f"the first {_SHOWN} of {len(plan.differences):,} differences; --format csv has them all")


def _counts(plan: Changes, found: Found, leavers: str) -> str:
    left_out = sum(map(len, found.left_out.values()))
    told = f"{plan.new:,} new, {plan.changed:,} changed, {plan.unchanged:,} unchanged"
    told += f", {left_out:,} left out" if left_out else ""
    if plan.leavers:
        done = {"disable": "disabled", "forget": "forgotten"}.get(leavers, "left as they are, see --leavers")
        told += f"; {many(plan.leavers, 'person', 'people')} not in the file ({done})"
    return told
