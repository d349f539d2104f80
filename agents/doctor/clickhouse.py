"""ClickHouse's side: there, migrated, writable, with room, and with the right time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from agents.doctor.finding import Finding, State, seconds, wrong
from agents.errors import Failed
from agents.settings import Settings
from agents.storage import migrations
from agents.storage.clickhouse import Reader, address_of
from schemas.rows import BATCHES

_CHECK = "clickhouse"
_LITTLE_ROOM = 0.05


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in the tables; times in ms."""

    people: int
    listed: int
    newest_step_ms: int | None
    """End of the newest complete step."""


def look(settings: Settings, now: Callable[[], int]) -> Iterator[Finding]:
    """Look at the server and its tables; after a `wrong` one there is nothing to ask it."""
    try:
        with Reader(replace(address_of(settings), database=""), ca=settings.clickhouse_ca) as server:
            yield from _server(settings, server, now)
        migrations.check(settings)
        with Reader.of(settings) as reader:
            yield _writable(settings, reader)
    except Failed as error:
        yield wrong(_CHECK, error)


def _server(settings: Settings, server: Reader, now: Callable[[], int]) -> Iterator[Finding]:
    server.query("SELECT 1")  # connects, so that the next answer is quick
    before = now()
    _, [(version, theirs)] = server.query("SELECT version(), toUnixTimestamp64Milli(now64(3))")
    address = settings.clickhouse
    yield Finding(_CHECK, "ok", f"{version} answers at {address.host}:{address.port}")
    off = theirs - (before + now()) / 2
    yield _clock(off)
    _, disks = server.query("SELECT name, unreserved_space / total_space FROM system.disks WHERE total_space > 0")
    for name, free in disks:
        if free < _LITTLE_ROOM:
            yield Finding(_CHECK, "warning", f"its disk {name} has {free:.1%} left", "make room, or keep rows shorter")


def _clock(off_ms: float) -> Finding:
    side = "ahead of" if off_ms > 0 else "behind"
    found = f"{seconds(off_ms)} {side} this machine's"
    state: State = "ok" if abs(off_ms) < 2000 else "warning" if abs(off_ms) < 60_000 else "wrong"
    advice = "" if state == "ok" else "set the clocks of both machines (NTP)"
    return Finding("clock of clickhouse", state, found, advice)


def _writable(settings: Settings, reader: Reader) -> Finding:
    """Insert nothing into each table: it needs the right to, and a server and tables that are not read-only."""
    user = settings.clickhouse.user
    _, [(readonly,)] = reader.query("SELECT toInt32(getSetting('readonly'))")
    if readonly:
        return Finding(_CHECK, "wrong", f"user {user} may only read (readonly={readonly})", "let it write; workers do")
    for rows in BATCHES:
        names = ", ".join(rows.names())
        try:
            reader.query(f"INSERT INTO {rows.TABLE} ({names}) SELECT {names} FROM {rows.TABLE} LIMIT 0")  # noqa: S608
        except Failed as error:
            found = f"cannot write to {rows.TABLE}: {wrong(_CHECK, error).found}"
            return Finding(_CHECK, "wrong", found, "make it writable, as workers need it; ClickHouse's log says more")
    return Finding(_CHECK, "ok", f"the database {settings.database} is up to date and writable")


def contents(settings: Settings) -> Contents:
    """Return what is in the tables. Raises Failed."""
    with Reader.of(settings) as reader:
        _, [(people, listed)] = reader.query("SELECT count(), countIf(listed) FROM people")
        _, [(steps, newest)] = reader.query(
            "SELECT count(), max(toUnixTimestamp(at)) FROM active_people "
            "WHERE dimension = 'company' AND measure = 'active' AND complete"
        )
    return Contents(people, listed, newest * 1000 if steps else None)
