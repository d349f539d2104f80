"""`esn-pulse people`, called as users call it, on a real ClickHouse."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.settings import Settings
from agents.storage.migrations import migrate
from tests.live.calling import Caller
from tests.live.days import insert

DAY_MS = 86_400_000
NOW_MS = int(datetime(2026, 9, 1, 12, tzinfo=UTC).timestamp() * 1000)
NOW = "2026-09-01T12:00Z"


@pytest.fixture
def call(kafka: str, clickhouse_url: str, prefix: str) -> Caller:
    return Caller({"ESN_KAFKA": kafka, "ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix})


@pytest.fixture
def settings(call: Caller) -> Settings:
    return Settings.from_env(call.env)


Person = dict[str, Any]


def person(name: str, seen_days: float | None = None, login_days: float | None = None, **given: Any) -> Person:
    """Somebody who was last seen so many days before NOW."""
    seen, login = (
        None if days is None else datetime.fromtimestamp((NOW_MS - int(days * DAY_MS)) / 1000, UTC)
        for days in (seen_days, login_days)
    )
    return {
        "person": name, "kind": "person", "listed": True, "enabled": True, "region": "ES", "department": "Sales",
        "manager": "m1", "leader": False, "ambassador": False, "first_seen": seen, "last_seen": seen,
        "last_login": login, "communities": 0, "owned": 0, "version": 1, "is_deleted": 0,
    } | given  # fmt: skip


def write(settings: Settings, people: list[Person]) -> None:
    insert(settings, "people_rows", ", ".join(people[0]), (list(one.values()) for one in people))


COMPANY = [
    person("ann", 0.01, 3, region="SE", department="HR"),
    person("bo", 6.9, 20, communities=3, owned=1),
    person("cy", 7, 7),  # windows are half-open: 7 days ago is outside
    person("dé\n=1,2", 30, None, manager="m2", region=""),
    person("eve", manager="m2", communities=2),
    person("off", 1, enabled=False),
    person("guest", 1, kind="guest"),
    person("robot", 1, kind="service"),
    person("stranger", 2, kind="unknown", listed=False, enabled=False, region="", department="", manager=""),
]


@pytest.fixture
def company(call: Caller, settings: Settings) -> Caller:
    """NOW is after everybody's last event."""
    migrate(settings)
    write(settings, COMPANY)
    return call


def people(call: Caller, *words: str) -> list[dict[str, str]]:
    called = call("people", "--as-of", NOW, "--format", "csv", *words)
    assert called.code == 0, called.err
    return list(csv.DictReader(io.StringIO(called.out)))


def names(call: Caller, *words: str) -> list[str]:
    return [row["person"] for row in people(call, *words)]


def test_people_by_when_they_were_last_seen(company: Caller) -> None:
    assert names(company) == ["eve", "dé\n=1,2", "cy", "bo", "ann"]
    assert names(company, "--not-seen", "7d") == ["eve", "dé\n=1,2", "cy"]
    assert names(company, "--seen", "7d", "--sort", "-seen") == ["ann", "bo"]
    assert names(company, "--never") == ["eve"]
    assert names(company, "--not-seen", "7d", "--measure", "login") == ["dé\n=1,2", "eve", "bo", "cy"]
    assert names(company, "--sort", "person", "--limit", "2") == ["ann", "bo"]
    assert names(company, "--sort", "-manager", "--limit", "1") == ["eve"]
    row = people(company, "--sort", "region", "--seen", "8d")[0]
    assert row == {
        "person": "bo", "region": "ES", "department": "Sales", "manager": "m1", "last_seen": "2026-08-25T14:24:00.000Z",
        "last_login": "2026-08-12T12:00:00.000Z", "days": "6", "communities": "3", "owned": "1",
    }  # fmt: skip


def test_others_count_when_they_are_asked_for(company: Caller) -> None:
    assert "off" in names(company, "--include", "disabled")
    assert {"guest", "robot"} <= set(names(company, "--include", "guests,service"))
    assert "stranger" in names(company, "--include", "unlisted")
    assert (
        len(
            names(
                company, *(word for who in ("guests", "service", "disabled", "unlisted") for word in ("--include", who))
            )
        )
        == 9
    )


def test_groups(company: Caller) -> None:
    called = company("people", "--not-seen", "7d", "--by", "manager", "--as-of", NOW)
    assert called.out == (
        "manager  people  not seen    share  never  communities  owned\n"
        "m2            2         2  100.0 %      1            2      0\n"
        "m1            3         1   33.3 %      0            0      0\n"
    )
    regions = people(company, "--by", "region", "--sort", "name")
    assert [(row["region"], row["people"], row["not_seen"]) for row in regions] == [
        ("ES", "3", "2"), ("SE", "1", "0"), ("unknown", "1", "1"),
    ]  # fmt: skip
    told = json.loads(company("people", "--never", "--by", "department", "--as-of", NOW, "--format", "json").out)
    assert told == [
        {"department": "Sales", "people": 4, "never": 1, "share": 0.25, "communities": 2, "owned": 0},
        {"department": "HR", "people": 1, "never": 0, "share": 0.0, "communities": 0, "owned": 0},
    ]
    assert people(company, "--seen", "7d", "--by", "manager", "--limit", "1")[0]["seen"] == "2"


def test_communities_and_owners(company: Caller) -> None:
    assert names(company, "--sort", "-owned", "--limit", "1") == ["bo"]
    assert names(company, "--sort", "-communities", "--limit", "2") == ["bo", "eve"]
    [row] = people(company, "--seen", "7d", "--by", "department", "--limit", "1", "--sort", "people")
    assert (row["communities"], row["owned"]) == ("3", "1")


AGES = ["people", "seen_7d", "not_seen_7d", "not_seen_28d", "not_seen_90d", "never", "communities", "owned"]


def ages(call: Caller, *words: str) -> dict[str, list[int]]:
    return {row[next(iter(row))]: [int(row[name]) for name in AGES] for row in people(call, "--ages", *words)}


def test_how_long_ago(company: Caller) -> None:
    assert ages(company) == {"all": [5, 2, 3, 2, 1, 1, 2, 0]}
    assert ages(company, "--by", "department", "--sort", "name") == {
        "HR": [1, 1, 0, 0, 0, 0, 0, 0], "Sales": [4, 1, 3, 2, 1, 1, 2, 0],
    }  # fmt: skip
    assert ages(company, "--measure", "login") == {"all": [5, 1, 4, 2, 2, 2, 5, 1]}
    assert ages(company, "--include", "disabled", "--manager", "m1") == {"all": [4, 3, 1, 0, 0, 0, 0, 0]}
    shares = list(ages(company, "--by", "region", "--sort", "share"))
    assert shares == ["unknown", "ES", "SE"]
    table = company("people", "--ages", "--by", "region", "--as-of", NOW, "--sort", "name").out.splitlines()
    assert table[0].split("  ")[0] == "region"


def tree(call: Caller, *words: str) -> dict[str, int]:
    return {row["manager"]: int(row["people"]) for row in people(call, "--by", "manager", *words)}


def test_everybody_below_a_manager(call: Caller, settings: Settings) -> None:
    """boss -> a, b (disabled) -> c -> u3 and so on; x, y and z report to one another in a circle, v to himself."""
    migrate(settings)
    pairs = {"a": "boss", "b": "boss", "c": "b", "u1": "a", "u2": "a", "u3": "c", "u4": "c", "boss": ""}
    circle = {"x": "y", "y": "z", "z": "x", "w": "x", "v": "v", "u5": "v"}
    write(
        settings,
        [person(name, 30, manager=above, enabled=name not in ("b", "c"), owned=1, communities=2)
         for name, above in (pairs | circle).items()],
    )  # fmt: skip
    assert tree(call) == {"a": 2, "boss": 1, "c": 2, "unknown": 1, "x": 2, "y": 1, "z": 1, "v": 2}
    below = {"boss": 5, "a": 2, "b": 2, "c": 2, "x": 4, "y": 4, "z": 4, "v": 2}
    assert tree(call, "--tree") == below
    assert tree(call, "--tree", "--include", "disabled") == below | {"boss": 7, "b": 3}
    assert tree(call, "--tree", "--sort", "name", "--limit", "2") == {"a": 2, "b": 2}
    assert ages(call, "--by", "manager", "--tree")["boss"] == [5, 0, 5, 5, 0, 0, 10, 5]
    assert set(names(call, "--manager", "boss")) == {"a"}
    assert set(names(call, "--manager", "boss", "--tree")) == {"a", "u1", "u2", "u3", "u4"}
    assert set(names(call, "--manager", "y", "--tree")) == {"w", "x", "y", "z"}
    assert set(names(call, "--manager", "v", "--tree")) == {"v", "u5"}
    assert names(call, "--manager", "u1", "--tree") == []
    assert tree(call, "--manager", "boss", "--tree") == {"boss": 1, "a": 2, "c": 2}


def test_an_old_record_is_told(company: Caller) -> None:
    later = company("people", "--not-seen", "7d", "--by", "manager", "--as-of", "2026-10-01")
    assert "the newest event is of 2026-09-01 11:45 UTC, 29 days before --as-of" in later.err
    earlier = company("people", "--not-seen", "7d", "--as-of", "2026-08-30")
    assert "whoever was seen since then counts as seen" in earlier.err
    assert company("people", "--as-of", NOW, "--format", "json").err == ""


def test_a_table_says_how_many_there_are(company: Caller) -> None:
    called = company("people", "--as-of", NOW, "--limit", "2")
    assert called.out.splitlines()[0].split() == [
        "person",
        "region",
        "department",
        "manager",
        "last",
        "seen",
        "last",
        "login",
        "days",
        "communities",
        "owned",
    ]
    assert called.out.splitlines()[2].startswith("dé\\n=1,2 ")
    assert called.err == "5 people, the first 2 are shown (--limit, or --format csv for all)\n"


def test_a_terminal_gets_a_drawn_table_and_a_pipe_no_colour(company: Caller) -> None:
    assert "\x1b[1m" in company.in_terminal("people", "--as-of", NOW)
    assert "\x1b" not in company("people", "--as-of", NOW).out


def test_nobody_is_there_yet(call: Caller, settings: Settings) -> None:
    assert call.line("people") == (
        1,
        f"esn-pulse: ClickHouse has no database {settings.database}: run `esn-pulse migrate`",
    )
    migrate(settings)
    called = call("people", "--not-seen", "7d", "--by", "manager", "--format", "json")
    assert (called.code, json.loads(called.out)) == (0, [])
    assert called.err == "there are no people yet: `esn-pulse doctor` says why\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--never", "--seen", "1d"], "esn-pulse: --not-seen, --seen and --never exclude each other: choose one"),
        (["--seen", "x"], "esn-pulse people: invalid value for '--seen': x is no span: write"),
        (["--sort", "x"], "esn-pulse: --sort x is none of seen, login, person, region, department, manager"),
        (["--by", "region", "--sort", "-x"], "esn-pulse: --sort -x is none of matching, share, people, never, name"),
        (["--ages", "--never"], "esn-pulse: --ages counts all spans at once: leave --not-seen, --seen"),
        (["--tree", "--by", "region"], "esn-pulse: --tree is about managers: add --by manager or --manager"),
        (["--include", "bots"], "esn-pulse people: invalid value for '--include': bots is none of guests, service"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_one_line(call: Caller, words: list[str], line: str) -> None:
    code, told = call.line("people", *words)
    assert code == 2
    assert told.startswith(line)


def test_clickhouse_is_not_there(call: Caller) -> None:
    code, line = call.line("people", ESN_CLICKHOUSE="clickhouse://127.0.0.1:1/esn")
    assert code == 1
    assert line.startswith("esn-pulse: no ClickHouse at 127.0.0.1:1 (")


@pytest.mark.parametrize("words", [["people"], ["directory"], ["directory", "import"], ["rejects"], ["doctor"]])
def test_help_needs_no_settings_and_teaches_by_example(call: Caller, words: list[str]) -> None:
    called = call(*words, "--help", ESN_STEP_SECONDS="61")
    assert (called.code, called.err) == (0, "")
    if words != ["directory"]:
        assert f"\n    esn-pulse {' '.join(words)} " in called.out
        assert "--format [table|csv|json]" in called.out
