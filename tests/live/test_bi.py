"""What those may see who may not see what few people do, in a real ClickHouse with the users of deploy/clickhouse."""

import http.client
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from clickhouse_driver import Client

from agents.settings import Settings
from agents.storage.clickhouse import Reader
from agents.storage.migrations import BI_VIEWS, migrate
from deploy.local.clickhouse import ClickHouse
from deploy.local.progress import Progress
from tests.live.daily import COMPANY, PARTITIONS, fill

DEPLOY = Path(__file__).parents[2] / "deploy" / "clickhouse"
QUERIES = sorted((DEPLOY / "queries").glob("*.sql"))
VIEWS = re.findall(r"VIEW \{bi\}\.(\w+)", BI_VIEWS.read_text(encoding="utf-8"))
PEOPLE_ARE_MEMBERS: Final = "('manager', 'manager_tree')"
LAST: Final = date(2026, 11, 22)
"""A Sunday."""
NOON: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
SMALL: Final = {("department", "Board"), ("region", "unknown")}
KEYS: Final = {
    "at", "minute", "day", "dimension", "member", "measure", "verb", "object_kind", "client", "complete", "drop_id",
    "parent_id", "window", "began_at", "detected_at", "ended_at", "state", "role", "stage", "from_stage", "to_stage",
    "transition", "who", "target",
}  # fmt: skip


class WithReaders(ClickHouse):
    """The embedded server with the users, profiles and quotas of deploy/clickhouse, which it reads as a server does."""

    def _config(self, file: Path) -> ET.Element:
        config = super()._config(file)
        for section in ET.parse(DEPLOY / "users.d" / "esn-pulse.xml").getroot():  # noqa: S314  (our own file)
            into = config.find(section.tag)
            assert into is not None
            into.extend(list(section))
        improvements = ET.SubElement(config, "access_control_improvements")  # as in the config.xml of every package
        ET.SubElement(improvements, "settings_constraints_replace_previous").text = "true"
        return config

    def environ(self) -> dict[str, str]:
        return {**super().environ(), "ESN_BI_PASSWORD": "for bi", "ESN_GRAFANA_PASSWORD": "for grafana"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Settings]:
    """A company whose Board has nine people, one fewer than are shown."""
    server = WithReaders(tmp_path_factory.mktemp("readers"), cache, {}, Progress())
    server.fetch()
    server.launch()
    try:
        server.wait_until_it_answers()
        made = Settings.from_env({"ESN_CLICKHOUSE": server.address})
        migrate(made)
        fill(made, LAST, days=32)
        fill_hours(made)
        yield made
    finally:
        server.stop()


def fill_hours(settings: Settings) -> None:
    """Two days of steps, events at noon, and three drops that were found then."""
    sizes = {("department", group.department): group.people for group in COMPANY}
    sizes |= {("company", "all"): 148, ("region", "ES"): 84, ("region", "unknown"): 0, ("manager", "u0"): 37}
    hours = [NOON + timedelta(hours=hour) for hour in range(-36, 12)]
    steps = [
        (at, *segment, measure, part, PARTITIONS, share(people, part), 1, 0, share(people, part) // 2, 2, 3, 4, 1)
        for at in hours
        for segment, people in sizes.items()
        for measure in ("active", "login", "contribute")
        for part in range(PARTITIONS)
    ]
    minute = NOON + timedelta(minutes=5)
    events = [(minute, *segment, "post", "blog", "web", 0, 0, 3, 1) for segment in sizes]
    causes = json.dumps(
        {
            "members": [
                {"dimension": "department", "member": "Sales", "missing": 30.5},
                {"dimension": "department", "member": "Board", "missing": 5.0},
            ],
            "measures": {"active": 35.5},
        }
    )
    drops = [
        (f"d-{member}", None, dimension, member, "active", "1h", "major", NOON, NOON + timedelta(minutes=5), None, 60.0,
         24.5, 0.6, 35.5, causes, "open", 1)
        for dimension, member in (("company", "all"), ("department", "HR"), ("department", "Board"))
    ]  # fmt: skip
    for table, columns, rows in (
        ("active_people_rows", "at, dimension, member, measure, source_partition, partitions, enabled, adopted_7d, "
         "w5m, w1h, w24h, w7d, w28d, version", steps),
        ("activity_rows", "minute, dimension, member, verb, object_kind, client, late, source_partition, events, "
         "version", events),
        ("drops_rows", "drop_id, parent_id, dimension, member, measure, window, severity, began_at, detected_at, "
         "ended_at, expected, observed, depth, lost_person_hours, causes, state, version", drops),
    ):  # fmt: skip
        with connected(settings) as client:
            client.execute(f"INSERT INTO esn.{table} ({columns}) VALUES", rows)


def share(people: int, part: int) -> int:
    """As many as live in this source partition."""
    return people // PARTITIONS + (part < people % PARTITIONS)


def connected(settings: Settings, user: str = "default", password: str = "") -> Client:
    return Client(settings.clickhouse.host, settings.clickhouse.port, user=user, password=password)


def ask(settings: Settings, sql: str, user: str, password: str) -> tuple[int, str]:
    """Ask over HTTP; return status and answer."""
    with connected(settings) as client:
        ((port,),) = client.execute("SELECT getServerPort('http_port')")
    asking = http.client.HTTPConnection(settings.clickhouse.host, port, timeout=20)
    asking.request("POST", "/", sql, {"X-ClickHouse-User": user, "X-ClickHouse-Key": password})
    answer = asking.getresponse()
    return answer.status, answer.read().decode()


def as_reader(settings: Settings) -> Client:
    return connected(settings, "esn_bi", "for bi")


def rows(settings: Settings, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with Reader.of(settings) as reader:
        return reader.query(sql)


def both(settings: Settings, view: str) -> tuple[list[str], Sequence[tuple[Any, ...]], Sequence[tuple[Any, ...]]]:
    """The public columns, the public rows and the same rows as BI sees them, with `suppressed`."""
    names, _ = rows(settings, f"SELECT * FROM esn.{view} LIMIT 0")
    order = ", ".join(name for name in names if name in KEYS)
    where = f"WHERE dimension NOT IN {PEOPLE_ARE_MEMBERS} ORDER BY {order}"
    _, public = rows(settings, f"SELECT {', '.join(names)} FROM esn.{view} {where}")
    _, shown = rows(settings, f"SELECT {', '.join(names)}, suppressed FROM esn_bi.{view} {where}")
    return names, public, shown


def test_there_is_one_for_each_public_view_without_people() -> None:
    public = {
        "active_people", "activity", "drops", "adoption", "roles", "participation", "journey", "journey_moves",
        "lifecycle", "leaders", "advocacy", "spread",
    }  # fmt: skip
    assert set(VIEWS) == public
    assert len(VIEWS) == len(public)


@pytest.mark.parametrize("view", VIEWS)
def test_columns_are_those_of_the_public_view(settings: Settings, view: str) -> None:
    _, public = rows(settings, f"DESCRIBE TABLE esn.{view}")
    _, shown = rows(settings, f"DESCRIBE TABLE esn_bi.{view}")
    assert [row[0] for row in shown] == [*(row[0] for row in public), "suppressed"]
    for (name, kind, *_), (_, wanted, *_) in zip(shown, public, strict=False):
        loose = kind.replace("Nullable(", "").rstrip(")")
        assert loose == wanted.replace("Nullable(", "").rstrip(")"), name
        assert name in KEYS or "Nullable" in kind
    assert all(row[4] for row in shown), "every column has its comment"


@pytest.mark.parametrize("view", VIEWS)
def test_numbers_are_the_public_ones_or_null(settings: Settings, view: str) -> None:
    names, public, shown = both(settings, view)
    assert len(public) == len(shown) > 0
    hidden = set()
    for row, (*told, suppressed) in zip(public, shown, strict=True):
        whole = dict(zip(names, row, strict=True))
        segment = (whole["dimension"], whole["member"])
        few = whole["people"] < 10 and whole.get("who") != "everybody" if view == "leaders" else False
        assert bool(suppressed) == (segment in SMALL or few), whole
        hidden |= {segment} if suppressed else set()
        for name, value, seen in zip(names, row, told, strict=True):
            if suppressed and name not in KEYS:
                assert seen is None, (name, whole)
            elif name == "causes":
                assert json.loads(seen)["measures"] == json.loads(value)["measures"]
            elif name.startswith("change_") and seen is None:
                assert not suppressed
            else:
                assert seen == value, (name, whole)
    assert ("department", "Board") in hidden


def test_causes_do_not_name_what_is_hidden(settings: Settings) -> None:
    _, found = rows(settings, "SELECT member, causes FROM esn_bi.drops ORDER BY member")
    told = {member: causes and json.loads(causes)["members"] for member, causes in found}
    assert told == {"Board": None, "HR": [{"dimension": "department", "member": "Sales", "missing": 30.5}]} | {
        "all": [{"dimension": "department", "member": "Sales", "missing": 30.5}]
    }


def test_a_change_does_not_tell_what_was_hidden_before(settings: Settings) -> None:
    """HR had nine people until a week ago: what its share was then is in no difference, either."""
    made = replace(settings, clickhouse=replace(settings.clickhouse, database="grown"))
    migrate(made)
    for day, people, active in ((LAST - timedelta(days=7), 9, 3), (LAST, 10, 8)):
        values = ", ".join(
            f"('{day}', '{dimension}', '{member}', '{what}', 0, 1, {many}, 1)"
            for dimension, member in (("company", "all"), ("department", "HR"))
            for what, many in (("enabled", people), ("active_7d", active))
        )
        columns = "day, dimension, member, what, source_partition, partitions, people, version"
        rows(made, f"INSERT INTO daily_rows ({columns}) SELECT * FROM VALUES ({values})")
    asked = (
        f"SELECT dimension, share_7d, round(change_7d, 3) FROM {{}}.adoption WHERE day = '{LAST}' ORDER BY dimension"
    )
    assert rows(made, asked.format("grown"))[1] == [("company", 0.8, 0.467), ("department", 0.8, 0.467)]
    assert rows(made, asked.format("grown_bi"))[1] == [("company", 0.8, 0.467), ("department", 0.8, None)]


def test_the_setting_decides_and_migrate_follows_it(settings: Settings) -> None:
    def hidden() -> set[tuple[Any, ...]]:
        return set(rows(settings, "SELECT member FROM esn_bi.adoption WHERE suppressed")[1])

    assert hidden() == {("Board",)}
    assert migrate(replace(settings, min_group=11)) == [
        "made the views of esn_bi: segments of fewer than 11 people are suppressed"
    ]
    assert hidden() == {("Board",), ("HR",)}
    assert migrate(replace(settings, min_group=11)) == []
    assert migrate(replace(settings, min_group=0)) == ["made the views of esn_bi: nothing is suppressed"]
    assert migrate(replace(settings, min_group=1)) == []
    for view in VIEWS:
        names, public, shown = both(settings, view)
        assert [row[:-1] for row in shown] == public or view == "drops", (view, names)
        assert not any(row[-1] for row in shown)
    migrate(settings)
    assert hidden() == {("Board",)}


@pytest.mark.parametrize("user", ["esn_bi", "esn_grafana"])
def test_a_reader_sees_these_views_and_nothing_else(settings: Settings, user: str) -> None:
    password = f"for {user.removeprefix('esn_')}"

    def refused(sql: str) -> bool:
        status, said = ask(settings, sql, user, password)
        assert status == 200 or re.search(r"ACCESS_DENIED|READONLY|UNKNOWN_TABLE|SETTING_CONSTRAINT_VIOLATION", said), (
            said
        )
        return status != 200

    for view in VIEWS:
        assert not refused(f"SELECT * FROM esn_bi.{view} LIMIT 1"), "the view's maker may read what is below"
        assert refused(f"SELECT * FROM esn.{view} LIMIT 1")
    for below in ("people", "memberships", "early_adopters", "daily_rows", "people_rows", "drops_rows"):
        assert refused(f"SELECT * FROM esn.{below} LIMIT 1")
        assert refused(f"SELECT * FROM esn_bi.{below} LIMIT 1")
    for other in ("DROP VIEW esn_bi.adoption", "CREATE TABLE esn_bi.t (x Int8) ENGINE = Memory", "SET readonly = 0"):
        assert refused(other)
    with connected(settings, user, password) as client:
        assert {name for (name,) in client.execute("SHOW DATABASES")} == {"esn_bi"}
        assert client.execute("SELECT getSetting('max_execution_time'), getSetting('readonly')") == [(30, 1)]
        assert client.execute("SELECT 1 SETTINGS max_execution_time = 20") == [(1,)]
        assert client.execute("SHOW CURRENT QUOTA")[0][0] == user
    assert refused("SELECT 1 SETTINGS max_execution_time = 60")
    assert "AUTHENTICATION_FAILED" in ask(settings, "SELECT 1", user, "guessed")[1]


def test_there_are_ten_questions() -> None:
    assert [int(path.name[:2]) for path in QUERIES] == list(range(1, 11))


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_a_question_is_answered(settings: Settings, query: Path) -> None:
    text = query.read_text(encoding="utf-8")
    assert text.startswith("-- ")
    assert "?" in text.splitlines()[0], "it begins with the question"
    with as_reader(settings) as client:
        found, columns = client.execute(text, with_column_types=True)
    assert found
    assert len({name for name, _ in columns}) == len(columns) > 1
    assert not [row for row in found if "Board" in row]
    for place, (name, kind) in enumerate(columns):
        if "Nullable" in kind and name != "ended_at" and not name.startswith("points"):
            assert all(row[place] is not None for row in found), name


def test_a_number_of_a_question_is_the_view_s(settings: Settings) -> None:
    with as_reader(settings) as client:
        told = client.execute(QUERIES[0].read_text(encoding="utf-8"))
    where = f"WHERE day = '{LAST}' AND dimension = 'department' AND member != 'Board'"
    _, public = rows(settings, f"SELECT member, enabled, active_7d FROM esn.adoption {where}")
    assert {row[:3] for row in told} == set(public)
