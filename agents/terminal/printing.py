"""How commands print rows: a table for eyes, CSV and JSON for programs.

Rules: rows go to standard output and nothing else does; what is said about them goes to standard error. In a terminal a
table is drawn by rich; piped, it is plain text in columns, without colour. Text that others wrote (ids, names) is
made harmless before a terminal sees it; CSV and JSON carry it as it is.

    kind      Python value          table               CSV and JSON
    text      str                   as it is, escaped   as it is
    count     int                   1,234               1234
    share     float, 0 to 1         12.5 %              0.125
    time      int, ms since 1970    2026-11-22 08:15    2026-11-22T08:15:03.120Z
    flag      bool                  yes, no             true, false

None is `-` in a table, nothing in CSV, null in JSON.
"""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

import click
import msgspec
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

FORMATS = ("table", "csv", "json")
_DRAWN_ROWS = 2000  # rich takes a second for so many; more are plain text
_WIDEST = 60  # an id may have 256 signs; in a table the rest is left to CSV and JSON
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = Sequence[Any]
Kind = Literal["text", "count", "share", "time", "flag"]


class Column(NamedTuple):
    """A column's name, as it is in CSV and JSON, and what it holds."""

    name: str
    kind: Kind = "text"


format_option: Callable[..., Any] = click.option(
    "--format", "how", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print."
)


def show(columns: Sequence[Column], rows: Iterable[Row], how: str) -> None:
    """Print the rows; CSV and JSON are printed while `rows` are made."""
    if how == "csv":
        _show_csv(columns, rows)
    elif how == "json":
        _show_json(columns, rows)
    else:
        _show_table(columns, list(rows))


def note(text: str) -> None:
    """Say something about what is printed."""
    click.echo(text, err=True)


def harmless(text: str) -> str:
    r"""Return text that does nothing to a terminal: control and invisible signs as \x1b, \n or \u202e."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def instant(time_ms: int) -> datetime:
    """Return a time in UTC."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def many(number: int, thing: str, things: str = "") -> str:
    """Write a number of things: 1 row, 1,234 rows."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def minute(time_ms: int) -> str:
    """Write a time for eyes, in UTC: 2026-11-22 08:15."""
    return instant(time_ms).strftime("%Y-%m-%d %H:%M")


def _exact(time_ms: int) -> str:
    return instant(time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(kind: Kind, value: Any) -> str:
    """Write a value for eyes."""
    if value is None:
        return "-"
    if kind == "count":
        return f"{value:,}"
    if kind == "share":
        return f"{value * 100:.1f} %"
    if kind == "time":
        return minute(value)
    if kind == "flag":
        return "yes" if value else "no"
    text = harmless(value)
    return text if cell_len(text) <= _WIDEST else set_cell_size(text, _WIDEST - 1).rstrip() + "…"


def _show_csv(columns: Sequence[Column], rows: Iterable[Row]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([_plain(column.kind, value, "") for column, value in zip(columns, row, strict=True)])
        if buffer.tell() > 1 << 16:
            _write(buffer)
    _write(buffer)


def _show_json(columns: Sequence[Column], rows: Iterable[Row]) -> None:
    buffer, separator = io.StringIO(), "["
    for row in rows:
        told = {column.name: _plain(column.kind, value, None) for column, value in zip(columns, row, strict=True)}
        buffer.write(f"{separator}\n  {msgspec.json.encode(told).decode()}")
        separator = ","
        if buffer.tell() > 1 << 16:
            _write(buffer)
    buffer.write("[]\n" if separator == "[" else "\n]\n")
    _write(buffer)


def _plain(kind: Kind, value: Any, nothing: Any) -> Any:
    if value is None:
        return nothing
    if kind == "time":
        return _exact(value)
    if kind == "flag" and nothing == "":
        return "true" if value else "false"
    return round(value, 6) if kind == "share" else value


def _write(buffer: io.StringIO) -> None:
    sys.stdout.write(buffer.getvalue())
    buffer.seek(0)
    buffer.truncate()


def _show_table(columns: Sequence[Column], rows: list[Row]) -> None:
    cells = [[_told(column.kind, value) for column, value in zip(columns, row, strict=True)] for row in rows]
    heads = [column.name.replace("_", " ") for column in columns]
    right = [column.kind in ("count", "share") for column in columns]
    console = Console(file=sys.stdout)
    if console.is_terminal and len(cells) <= _DRAWN_ROWS:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for head, is_right in zip(heads, right, strict=True):
            table.add_column(head, justify="right" if is_right else "left")
        for row in cells:
            table.add_row(*map(Text, row))
        console.print(table)
        return
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    for row in (heads, *cells):
        line = (_padded(cell, width, is_right) for cell, width, is_right in zip(row, widths, right, strict=True))
        sys.stdout.write("  ".join(line).rstrip() + "\n")


def _padded(cell: str, width: int, is_right: bool) -> str:
    blank = " " * (width - cell_len(cell))
    return blank + cell if is_right else cell + blank
