"""Brings ClickHouse's tables up to date: applies what `schemas/tables` has and the database has not, in order.

Rules
- A file is frozen once it was released: a change goes into a new file with the next number. An edited one is refused.
- A file's statements are divided by lines that hold `;` alone; `{database}` stands for the database, nothing else is
  replaced. ClickHouse has no transactions, so each statement must be one that may run twice (IF NOT EXISTS and the
  like): a run that broke off is simply repeated, and two at once do no harm.
- How long rows are kept comes from the settings: the files hold the defaults, and `migrate` changes a table whose
  numbers of days differ.
- The views of `schemas/bi_views.sql` hold no rows and are no migration: they are made anew whenever that file or
  ESN_MIN_GROUP has changed.
"""

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import schemas
from agents.errors import Failed
from agents.settings import Settings
from agents.storage.clickhouse import Reader, SchemaWrong, address_of

TABLES = Path(schemas.__file__).parent / "tables"
BI_VIEWS = TABLES.parent / "bi_views.sql"

_LAST_DAYS = 20_000  # a DateTime ends in 2106: a longer time would wrap round and delete everything
_KEEP: Mapping[str, str] = {
    "active_people_rows": "written_at + toIntervalDay(if((toUnixTimestamp(at) % 3600) = 0, {hourly}, {fine}))",
    "activity_rows": "written_at + toIntervalDay({fine})",
    "people_rows": "written_at + toIntervalDay({people}) WHERE (NOT listed) AND (NOT is_deleted), "
    "written_at + toIntervalDay(7) WHERE is_deleted",
    "rejects_rows": "written_at + toIntervalDay({fine})",
    "drops_rows": "written_at + toIntervalDay({hourly})",
}
_DONE_TABLE = """
CREATE TABLE IF NOT EXISTS {database}.schema_migrations
(
    number UInt32 COMMENT 'Number at the start of the file name',
    name String COMMENT 'Name of the file',
    sha256 FixedString(64) COMMENT 'Hash of the file, in hex',
    applied_at DateTime('UTC') DEFAULT now() COMMENT 'When it was applied'
)
ENGINE = ReplacingMergeTree(applied_at) ORDER BY number
COMMENT 'Which files of schemas/tables were applied to this database'
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `schemas/tables`."""

    number: int
    name: str
    sha256: str
    statements: tuple[str, ...]


def read(folder: Path = TABLES) -> tuple[Migration, ...]:
    """Return the migrations of a folder in order; their numbers are 1, 2, 3 and so on."""
    found = []
    for number, path in enumerate(sorted(folder.glob("*.sql")), 1):
        text = path.read_text(encoding="utf-8")  # line ends become \n, so the hash is the same everywhere
        if not path.name.startswith(f"{number:04}_"):
            raise Failed(f"{path} is out of order: its name must begin with {number:04}_")
        found.append(Migration(number, path.name, hashlib.sha256(text.encode()).hexdigest(), _statements(text)))
    return tuple(found)


def _statements(text: str) -> tuple[str, ...]:
    return tuple(s.strip() for s in re.split(r"^;[ \t]*$", text, flags=re.MULTILINE) if s.strip())


def migrate(settings: Settings, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Bring the database up to date and return what was done, a line each; nothing if it was up to date."""
    database, todo = settings.database, read() if migrations is None else migrations
    # The database may not be there yet, so none is named when connecting.
    with Reader(replace(address_of(settings), database=""), ca=settings.clickhouse_ca) as server:
        server.query(f"CREATE DATABASE IF NOT EXISTS {database}")
        server.query(_DONE_TABLE.format(database=database))
        missing = _missing(todo, _applied(server, database), database)
        for migration in missing:
            _apply(server, migration, database)
        kept = _keep(server, settings)
        shown = _show(server, settings) if migrations is None else []
    return [f"applied {migration.name}" for migration in missing] + kept + shown


def check(settings: Settings) -> None:
    """Raise SchemaWrong unless the database is exactly as far as this version's files."""
    with Reader.of(settings) as server:
        missing = _missing(read(), _applied(server, settings.database), settings.database)
    if missing:
        names = ", ".join(migration.name for migration in missing)
        raise SchemaWrong(f"ClickHouse's database {settings.database} lacks {names}: run `esn-pulse migrate`")


def _applied(server: Reader, database: str) -> dict[int, str]:
    """Return number -> hash of what was applied."""
    _, rows = server.query(f"SELECT number, sha256 FROM {database}.schema_migrations FINAL")  # noqa: S608
    return dict(rows)


def _missing(todo: Iterable[Migration], applied: Mapping[int, str], database: str) -> list[Migration]:
    """Return what is still to apply; raise if the database went another way than the files."""
    known = {migration.number: migration for migration in todo}
    if applied and max(applied) > max(known, default=0):
        raise Failed(
            f"ClickHouse's database {database} was migrated by a newer esn-pulse (it has migration {max(applied)}, "
            f"this version ends at {max(known, default=0)}): update esn-pulse"
        )
    for number, sha256 in sorted(applied.items()):
        if sha256 != known[number].sha256:
            raise Failed(
                f"schemas/tables/{known[number].name} was changed after it was applied to {database}: "
                "restore it and put the change into a new file"
            )
    return [migration for migration in known.values() if migration.number not in applied]


def _apply(server: Reader, migration: Migration, database: str) -> None:
    for statement in migration.statements:
        server.query(statement.replace("{database}", database))
    server.query(
        f"INSERT INTO {database}.schema_migrations (number, name, sha256) SELECT %(number)s, %(name)s, %(sha256)s",
        {"number": migration.number, "name": migration.name, "sha256": migration.sha256},
    )


def _keep(server: Reader, settings: Settings) -> list[str]:
    """Change how long rows are kept where it differs from the settings."""
    days = {
        "fine": min(settings.keep_fine_days, _LAST_DAYS),
        "hourly": min(settings.keep_hourly_days, _LAST_DAYS),
        "people": min(settings.keep_people_days, _LAST_DAYS),
    }
    _, rows = server.query(
        "SELECT name, engine_full FROM system.tables WHERE database = %(database)s", {"database": settings.database}
    )
    done = []
    for table, engine in rows:
        wanted = _KEEP.get(table, "").format(**days)
        # ClickHouse writes an expression in its own way, so the numbers are compared, not the text.
        is_kept = re.search(r" TTL (.*?)( SETTINGS |$)", engine)
        if wanted and _numbers(wanted) != _numbers(is_kept[1] if is_kept else ""):
            server.query(f"ALTER TABLE {settings.database}.{table} MODIFY TTL {wanted}")
            done.append(f"changed how long {table} keeps rows")
    return done


def _show(server: Reader, settings: Settings) -> list[str]:
    """Make the views for BI where they are not those of this version and setting."""
    text, bi = BI_VIEWS.read_text(encoding="utf-8"), f"{settings.database}_bi"
    least = settings.min_group if settings.min_group > 1 else 0
    mark = f"{hashlib.sha256(text.encode()).hexdigest()[:12]}, fewer than {least}"
    views = _statements(text)
    asked = {"bi": bi, "mark": mark}
    _, ((there,),) = server.query(
        "SELECT count() FROM system.tables WHERE database = %(bi)s AND endsWith(comment, %(mark)s)", asked
    )
    if there == len(views):
        return []
    server.query(f"CREATE DATABASE IF NOT EXISTS {bi} COMMENT 'For BI: without what few people do'")
    named = {"{bi}": bi, "{database}": settings.database, "{min_group}": str(least), "{mark}": mark}
    for view in views:
        server.query(functools.reduce(lambda sql, name: sql.replace(name, named[name]), named, view))
    hidden = f"segments of fewer than {least} people are suppressed" if least else "nothing is suppressed"
    return [f"made the views of {bi}: {hidden}"]


def _numbers(text: str) -> list[str]:
    return re.findall(r"\b\d+\b", text)
