import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.commands.migrate import command
from agents.errors import Failed
from agents.settings import Settings
from agents.storage import migrations
from agents.storage.clickhouse import Reader, SchemaWrong
from agents.storage.migrations import Migration, migrate
from schemas.rows import BATCHES, Batch

VIEWS = {  # the public contract: names, order and types
    "active_people": [
        ("at", "DateTime('UTC')"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("measure", "LowCardinality(String)"),
        ("enabled", "UInt64"),
        ("w5m", "UInt64"),
        ("w1h", "UInt64"),
        ("w24h", "UInt64"),
        ("w7d", "UInt64"),
        ("w28d", "UInt64"),
        ("adoption_7d", "Float64"),
        ("complete", "Bool"),
    ],
    "activity": [
        ("minute", "DateTime('UTC')"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("verb", "LowCardinality(String)"),
        ("object_kind", "LowCardinality(String)"),
        ("client", "LowCardinality(String)"),
        ("events", "UInt64"),
    ],
    "people": [
        ("person", "String"),
        ("kind", "LowCardinality(String)"),
        ("listed", "Bool"),
        ("enabled", "Bool"),
        ("region", "LowCardinality(String)"),
        ("department", "LowCardinality(String)"),
        ("manager", "String"),
        ("leader", "Bool"),
        ("ambassador", "Bool"),
        ("first_seen", "Nullable(DateTime64(3, 'UTC'))"),
        ("last_seen", "Nullable(DateTime64(3, 'UTC'))"),
        ("last_login", "Nullable(DateTime64(3, 'UTC'))"),
        ("last_contribution", "Nullable(DateTime64(3, 'UTC'))"),
        ("logins", "UInt64"),
        ("presences", "UInt64"),
        ("reactions", "UInt64"),
        ("contributions", "UInt64"),
    ],
    "drops": [
        ("drop_id", "String"),
        ("parent_id", "Nullable(String)"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("measure", "LowCardinality(String)"),
        ("window", "LowCardinality(String)"),
        ("severity", "LowCardinality(String)"),
        ("began_at", "DateTime('UTC')"),
        ("detected_at", "DateTime('UTC')"),
        ("ended_at", "Nullable(DateTime('UTC'))"),
        ("expected", "Float64"),
        ("observed", "Float64"),
        ("depth", "Float64"),
        ("lost_person_hours", "Float64"),
        ("causes", "String"),
        ("state", "LowCardinality(String)"),
    ],
    "rejects": [
        ("received_at", "DateTime64(3, 'UTC')"),
        ("topic", "LowCardinality(String)"),
        ("partition", "UInt32"),
        ("offset", "UInt64"),
        ("reason", "LowCardinality(String)"),
    ],
    "adoption": [
        ("day", "Date"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("enabled", "UInt64"),
        ("logged_in_7d", "UInt64"),
        ("active_7d", "UInt64"),
        ("contributed_7d", "UInt64"),
        ("share_7d", "Float64"),
        ("change_7d", "Nullable(Float64)"),
        ("change_28d", "Nullable(Float64)"),
        ("stickiness", "Float64"),
        ("target", "Nullable(Float64)"),
        ("below_target", "Bool"),
    ],
    "roles": [
        ("day", "Date"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("enabled", "UInt64"),
        ("role", "LowCardinality(String)"),
        ("people", "UInt64"),
        ("share", "Float64"),
        ("change_28d", "Nullable(Float64)"),
    ],
    "participation": [
        ("day", "Date"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("participants", "UInt64"),
        ("readers", "UInt64"),
        ("contributors", "UInt64"),
        ("leading", "UInt64"),
        ("readers_share", "Float64"),
        ("contributors_share", "Float64"),
        ("leading_share", "Float64"),
    ],
    "journey": [
        ("day", "Date"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("enabled", "UInt64"),
        ("stage", "LowCardinality(String)"),
        ("people", "UInt64"),
        ("share", "Float64"),
        ("reached", "UInt64"),
        ("conversion", "Float64"),
    ],
    "journey_moves": [
        ("day", "Date"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("from_stage", "LowCardinality(String)"),
        ("to_stage", "LowCardinality(String)"),
        ("people", "UInt64"),
    ],
    "lifecycle": [
        ("day", "Date"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("transition", "LowCardinality(String)"),
        ("people", "UInt64"),
    ],
    "leaders": [
        ("day", "Date"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("who", "LowCardinality(String)"),
        ("people", "UInt64"),
        ("active_7d", "UInt64"),
        ("contributed_7d", "UInt64"),
        ("active_share", "Float64"),
        ("contributing_share", "Float64"),
    ],
    "advocacy": [
        ("day", "Date"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("enabled", "UInt64"),
        ("shared_28d", "UInt64"),
        ("active_7d", "UInt64"),
        ("both", "UInt64"),
        ("active_of_sharers", "Float64"),
        ("active_of_all", "Float64"),
        ("sharing_of_active", "Float64"),
        ("sharing_of_all", "Float64"),
    ],
    "spread": [
        ("day", "Date"),
        ("dimension", "LowCardinality(String)"),
        ("member", "LowCardinality(String)"),
        ("enabled", "UInt64"),
        ("ever_used", "UInt64"),
        ("share", "Float64"),
        ("reached_10", "Nullable(Date)"),
        ("reached_25", "Nullable(Date)"),
        ("reached_50", "Nullable(Date)"),
        ("position", "Nullable(UInt64)"),
    ],
    "memberships": [
        ("person", "String"),
        ("communities", "UInt32"),
        ("owned", "UInt32"),
    ],
    "early_adopters": [
        ("person", "String"),
        ("first_contribution", "DateTime64(3, 'UTC')"),
        ("region", "LowCardinality(String)"),
        ("department", "LowCardinality(String)"),
        ("position", "UInt64"),
    ],
}


@pytest.fixture
def settings(clickhouse_url: str, prefix: str) -> Iterator[Settings]:
    found = Settings.from_env({"ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix})
    yield found
    for database in ("{database}", "{database}_bi"):
        ask(found, f"DROP DATABASE IF EXISTS {database}")


def ask(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    """Run a statement; {database} is replaced as in the files of schemas/tables."""
    with Reader(replace(settings.clickhouse, database=""), ca=settings.clickhouse_ca) as server:
        return server.query(sql.replace("{database}", settings.database))[1]


def columns(settings: Settings, table: str) -> list[tuple[object, ...]]:
    described = ask(settings, f"DESCRIBE TABLE {{database}}.{table}")
    return [(name, kind) for name, kind, *_ in described]


def extra(number: int, *statements: str, sha256: str = "0" * 64) -> Migration:
    return Migration(number, f"{number:04}_more.sql", sha256, statements)


def test_an_empty_server_gets_everything_once(settings: Settings) -> None:
    shown = f"made the views of {settings.database}_bi: segments of fewer than 10 people are suppressed"
    assert migrate(settings) == [*(f"applied {migration.name}" for migration in migrations.read()), shown]
    migrations.check(settings)
    assert migrate(settings) == []


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch.TABLE)
def test_rows_are_the_tables_columns(settings: Settings, batch: type[Batch]) -> None:
    migrate(settings)
    assert [name for name, _ in columns(settings, batch.TABLE)] == [*batch.names(), "written_at"]


def test_the_views_are_the_contracts(settings: Settings) -> None:
    migrate(settings)
    views = ask(settings, "SELECT name FROM system.tables WHERE database = '{database}' AND engine = 'View'")
    assert {name for (name,) in views if not str(name).startswith("daily_")} == VIEWS.keys()  # those may change
    for view, wanted in VIEWS.items():
        assert columns(settings, view) == wanted


def test_everything_is_commented(settings: Settings) -> None:
    migrate(settings)
    for kind in ("columns", "tables"):
        silent = "SELECT * FROM system.{kind} WHERE database = '{database}' AND comment = ''"
        assert ask(settings, silent.replace("{kind}", kind)) == []


def test_two_at_once_do_no_harm(settings: Settings) -> None:
    failed: list[Exception] = []

    def run() -> None:
        try:
            migrate(settings)
        except Exception as error:  # told by the assertion
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert migrate(settings) == []


def test_an_edited_migration_is_refused(settings: Settings) -> None:
    first, *others = migrations.read()
    migrate(settings)
    with pytest.raises(Failed, match=r"0001_active_people\.sql was changed after it was applied"):
        migrate(settings, [replace(first, sha256="f" * 64), *others])


def test_a_database_of_a_newer_version_is_refused(settings: Settings) -> None:
    known = migrations.read()
    number = len(known) + 1
    migrate(settings, [*known, extra(number, "CREATE TABLE {database}.more (x UInt8) ENGINE = Memory")])
    with pytest.raises(Failed, match=rf"newer esn-pulse \(it has migration {number}.*: update esn-pulse"):
        migrate(settings)


def test_a_run_that_broke_off_goes_on_where_it_was(settings: Settings) -> None:
    known = migrations.read()
    number = len(known) + 1
    more = "CREATE TABLE IF NOT EXISTS {database}.more (x UInt8) ENGINE = Memory"
    with pytest.raises(Failed):
        migrate(settings, [*known, extra(number, more, "SELECT * FROM {database}.not_there")])
    assert migrate(settings, [*known, extra(number, more)]) == [f"applied {number:04}_more.sql"]


def test_a_database_that_lags_behind_is_told(settings: Settings) -> None:
    with pytest.raises(SchemaWrong, match="run `esn-pulse migrate`"):
        migrations.check(settings)
    migrate(settings, migrations.read()[:2])
    with pytest.raises(SchemaWrong, match=r"lacks 0003_people\.sql, .*, 0006_daily\.sql: run `esn-pulse migrate`"):
        migrations.check(settings)


def test_how_long_rows_are_kept_follows_the_settings(settings: Settings) -> None:
    migrate(settings)
    other = replace(settings, keep_fine_days=7, keep_people_days=36_500)
    assert migrate(other) == [
        "changed how long active_people_rows keeps rows",
        "changed how long activity_rows keeps rows",
        "changed how long people_rows keeps rows",
        "changed how long rejects_rows keeps rows",
    ]
    assert migrate(other) == []
    assert len(migrate(settings)) == 4
    assert migrate(settings) == []


@pytest.mark.parametrize("days", [1, 35, 36_500])
def test_rows_age_by_the_time_of_writing(settings: Settings, days: int) -> None:
    hourly = "2001-01-01 00:00:00"  # an event of long ago, replayed
    fine = "2001-01-01 00:01:00"
    settings = replace(settings, keep_fine_days=days, keep_hourly_days=3 * days)
    migrate(settings)
    for age in (0, days + 1, 3 * days + 1):
        for at in (hourly, fine):
            ask(
                settings,
                "INSERT INTO {database}.active_people_rows (at, version, source_partition, written_at) "
                f"SELECT '{at}', 1, {age}, now() - toIntervalDay({min(age, 15_000)})",
            )
    ask(settings, "OPTIMIZE TABLE {database}.active_people_rows FINAL")
    kept = ask(
        settings,
        "SELECT toString(at), source_partition FROM {database}.active_people_rows ORDER BY source_partition, at",
    )
    wanted: list[tuple[object, ...]] = [(hourly, 0), (fine, 0), (hourly, days + 1)]
    if days == 36_500:  # nothing ages out, and nothing wraps round the end of time
        wanted += [(fine, days + 1), (hourly, 3 * days + 1), (fine, 3 * days + 1)]
    assert kept == wanted


def test_listed_people_stay_and_others_age(settings: Settings) -> None:
    migrate(settings)
    old = "now() - toIntervalDay(397)"
    ask(
        settings,
        "INSERT INTO {database}.people_rows (person, listed, version, is_deleted, written_at) "
        f"SELECT 'listed', 1, 1, 0, {old} "
        f"UNION ALL SELECT 'seen', 0, 1, 0, now() UNION ALL SELECT 'not seen', 0, 1, 0, {old} "
        "UNION ALL SELECT 'forgotten', 0, 1, 1, now() - toIntervalDay(8)",
    )
    ask(settings, "OPTIMIZE TABLE {database}.people_rows FINAL")
    kept = ask(settings, "SELECT person FROM {database}.people_rows ORDER BY person")
    assert kept == [("listed",), ("seen",)]


def test_the_command_may_be_run_again(settings: Settings) -> None:
    for _ in range(2):
        result = CliRunner().invoke(command, obj=settings)
        assert result.exit_code == 0
        assert result.output.endswith(f"ClickHouse's database {settings.database} is up to date.\n")


def test_a_gap_in_the_numbers_is_told(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "0003_b.sql"):
        (tmp_path / name).write_text("SELECT 1\n;\n")
    with pytest.raises(Failed, match="its name must begin with 0002_"):
        migrations.read(tmp_path)


def test_statements_are_divided_by_lines_with_a_semicolon_alone(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT ';'\r\n;\r\n\r\nSELECT 2 -- ; here\r\n;\r\n")
    (tmp_path / "0002_b.sql").write_bytes(b"SELECT 3")
    first, second = migrations.read(tmp_path)
    assert first.statements == ("SELECT ';'", "SELECT 2 -- ; here")
    assert second.statements == ("SELECT 3",)
