"""`esn-pulse report`, called as users call it, on rows of days in a real ClickHouse."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from agents.settings import Settings
from agents.storage.migrations import migrate
from tests.live.calling import Caller
from tests.live.days import Count, insert, whole, write_days

RELAUNCH, BEFORE, WEEK, RUNNING = date(2026, 10, 4), date(2026, 11, 15), date(2026, 11, 22), date(2026, 11, 24)


@pytest.fixture
def call(clickhouse_url: str, prefix: str) -> Caller:
    return Caller({"ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix, "ESN_TIMEZONE": "Europe/Madrid"})


@pytest.fixture
def settings(call: Caller) -> Settings:
    made = Settings.from_env(call.env)
    migrate(made)
    return made


def segment(day: date, dimension: str, member: str, **told: int) -> Iterator[Count]:
    yield from ((day, dimension, member, what, 0, 0, people) for what, people in told.items())


def company(day: date, more: int) -> Iterator[Count]:
    """Everybody on a day, `more` of them active, in a company of 200."""
    yield from segment(
        day, "company", "all", enabled=200, aware=20, never=60 - more, logged_in_7d=120, active_7d=100 + more,
        active_1d=30, active_28d=120, contributed_7d=20, reader=70, active_reader=28, visited=30, first_use=20,
        second_use=40, continuous=40, lapsed=10 + more, leaders=10, leaders_active=8, leaders_contributed=5,
    )  # fmt: skip
    yield from ((day, "company", "all", "contributor", n, 0, people) for n, people in ((1, 15), (3, 5)))
    yield day, "company", "all", "steady", 9, 0, 2
    yield from segment(day, "region", "ES", enabled=150, logged_in_7d=90, active_7d=90 + more, target=800_000)
    yield from segment(day, "region", "SE", enabled=41, logged_in_7d=30, active_7d=40, target=800_000)
    yield from segment(day, "region", "tiny", enabled=9, active_7d=1, target=800_000)
    yield from segment(day, "department", "R|D <1>", enabled=191, active_7d=150)
    yield from segment(day, "community", "c1", enabled=12, active_7d=3)


DROPS = "drop_id, parent_id, dimension, member, measure, window, began_at, detected_at, ended_at, depth, state, version"


def drop(name: str, began: datetime, ended: datetime | None, **given: object) -> list[object]:
    told: dict[str, object] = {"parent": None, "dimension": "region", "member": "ES", "state": "recovered"} | given
    place = [told["parent"], told["dimension"], told["member"]]
    return [name, *place, "active", "1h", began, began, ended, 0.4, told["state"], 1]


@pytest.fixture
def filled(call: Caller, settings: Settings) -> Caller:
    for day, more in ((RELAUNCH, 0), (BEFORE, 10), (WEEK, 20), (RUNNING, 20)):
        write_days(settings, [*whole([day], 200), *company(day, more)])
    # Transitions of other days of the week, the week before and the seven days up to the baseline.
    for day, new, left in ((date(2026, 11, 16), 3, 1), (date(2026, 11, 15), 7, 0), (date(2026, 9, 28), 2, 0)):
        write_days(settings, [*whole([day], 200), *segment(day, "company", "all", new=new, left=left)])
    week = [
        drop("1", datetime(2026, 11, 18, 9, tzinfo=UTC), datetime(2026, 11, 18, 15, tzinfo=UTC)),
        drop("2", datetime(2026, 11, 14, 9, tzinfo=UTC), None, member="tiny", state="open"),
        drop("3", datetime(2026, 11, 18, 9, tzinfo=UTC), None, parent="1"),
        drop("4", datetime(2026, 11, 18, 9, tzinfo=UTC), None, state="withdrawn"),
        drop("5", datetime(2026, 11, 22, 23, tzinfo=UTC), None, state="open"),  # Monday in Madrid
        drop("6", datetime(2026, 11, 10, 9, tzinfo=UTC), datetime(2026, 11, 11, 15, tzinfo=UTC)),
    ]
    insert(settings, "drops_rows", DROPS, week)
    return call


THERE = "there are days from 2026-09-28 to 2026-11-24"
PAGE = (Path(__file__).parent / "report.md").read_text()


def test_the_page(filled: Caller) -> None:
    called = filled("report", "--week", "2026-W47", "--compare", "2026-W40", "--format", "markdown")
    assert (called.code, called.err) == (0, "")

    assert called.out == PAGE


def test_the_newest_week_that_is_over_is_shown_for_eyes(filled: Caller) -> None:
    called = filled("report")
    assert called.err == ""
    lines = called.out.splitlines()
    assert lines[0] == "Adoption in week 2026-W47, 2026-11-16 to 2026-11-22"
    cells = [line.split() for line in lines]
    assert ["ES", "150", "60.0", "%", "73.3", "%", "0.0", "%", "0.0", "%", "80.0", "%", "!", "+6.7"] in cells
    assert ["tiny", *"*******"] in cells
    assert max(map(len, lines[5:])) < 120


def facts(call: Caller, *words: str, **env: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    called = Caller(dict(call.env) | env)("report", "--format", "csv", *words)
    assert (called.code, called.err) == (0, "")
    rows = list(csv.reader(io.StringIO(called.out)))
    assert rows[0] == ["section", "dimension", "member", "item", "week", "week_before", "baseline", "suppressed"]
    return {tuple(row[:4]): tuple(row[4:]) for row in rows[1:]}


def test_every_number_as_a_row(filled: Caller) -> None:
    found = facts(filled, "--compare", "2026-10-04", "--by", "region", "--by", "community")
    assert found["adoption", "company", "all", "active"] == ("0.6", "0.55", "0.5", "false")
    assert found["adoption", "community", "c1", "enabled"] == ("12", "12", "12", "false")
    assert found["adoption", "region", "tiny", "enabled"] == ("", "", "", "true")
    assert not [key for key in found if key[1] == "department"]
    assert found["roles", "company", "all", "leading"] == ("2", "2", "2", "false")
    assert found["participation", "company", "all", "participants"] == ("120", "120", "120", "false")
    assert found["journey", "company", "all", "lapsed"] == ("30", "20", "10", "false")
    assert found["transitions", "company", "all", "new"] == ("3", "7", "2", "false")
    assert found["leaders", "company", "all", "leader_active"] == ("0.8", "0.8", "0.8", "false")
    assert found["drops", "company", "all", "drops"] == ("2", "2", "0", "false")
    everything = facts(filled, "--all-groups")
    assert everything["adoption", "region", "tiny", "enabled"] == ("9", "9", "", "false")
    assert not [values for values in everything.values() if values[-1] == "true"]


def test_a_running_week_is_shown_up_to_its_last_whole_day(filled: Caller) -> None:
    lines = filled("report", "--week", "2026-W48").out.splitlines()
    assert lines[1].startswith("Numbers are of the end of 2026-11-24 (Europe/Madrid), the last whole day of the week; ")
    assert "of which there is nothing" in filled("report", "--week", "2026-W46").out


def test_a_small_company_is_shown_and_its_groups_are_not(call: Caller, settings: Settings) -> None:
    small = segment(WEEK, "region", "ES", active_7d=3, enabled=9)
    write_days(settings, [*whole([WEEK], 9), *segment(WEEK, "company", "all", active_7d=3), *small])
    assert facts(call)["adoption", "company", "all", "enabled"][0] == "9"
    assert facts(call)["adoption", "region", "ES", "enabled"][3] == "true"
    assert facts(call, "--by", "region", ESN_MIN_GROUP="9")["adoption", "region", "ES", "enabled"][0] == "9"


def test_a_journey_that_is_not_known_yet_is_told(call: Caller, settings: Settings) -> None:
    write_days(settings, [(WEEK, "company", "all", "enabled", 0, 0, 20)])
    assert "Not known yet" in call("report").out


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--week", "2026-W45"], 1, f"week 2026-W45 has no whole local day: {THERE}"),
        (["--compare", "2026-10-05"], 1, f"2026-10-05 is no whole local day: {THERE}"),
        (["--week", "2026-W54"], 2, "2026-W54 is no week: write an ISO week, as in 2026-W47; see --help"),
        (["--week", "2026-11-22"], 2, "2026-11-22 is no week: write an ISO week, as in 2026-W47; see --help"),
        (["--compare", "2026-02-30"], 2, "2026-02-30 is no week and no day: write an ISO week, as in 2026-W47, or a"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(filled: Caller, words: list[str], code: int, line: str) -> None:
    found, told = filled.line("report", *words)
    assert found == code
    assert line in told


def test_there_is_nothing_yet(call: Caller, settings: Settings) -> None:
    told = "esn-pulse: no local day is whole yet: `esn-pulse doctor` says why"
    assert call.line("report") == (1, told)
    write_days(settings, whole([RUNNING], 20))
    told = "esn-pulse: no week is over yet: --week 2026-W48 shows the days so far"
    assert call.line("report") == (1, told)


def test_help_teaches_by_example(call: Caller) -> None:
    called = call("report", "--help", ESN_STEP_SECONDS="61")
    assert (called.code, called.err) == (0, "")
    assert "\n    esn-pulse report --week 2026-W47 --compare 2026-W40\n" in called.out
    assert "--format [table|markdown|csv]" in called.out
