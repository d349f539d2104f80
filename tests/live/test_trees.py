"""Everybody below a manager: the rows that ClickHouse sums up are those of a count person by person."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.settings import Settings
from agents.storage.clickhouse import Reader
from agents.storage.migrations import migrate
from agents.web.chosen import clickhouse
from agents.web.trees import Trees
from tests.live.days import Count, insert, whole, write_days
from tests.live.rig import wait_until

FIRST = date(2025, 12, 20)
Managers = Mapping[str, str]
"""person -> manager, for those who have one"""
Key = tuple[date, str, str, int]
"""day, manager, what, n"""


@pytest.fixture
def settings(clickhouse_url: str, prefix: str, tmp_path: Path) -> Settings:
    made = Settings.from_env({"ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix, "ESN_HOME": str(tmp_path)})
    migrate(made)
    return made


def above(person: str, managers: Managers) -> list[str]:
    """Everybody whom going up leads to, once; in a loop that is the person, too."""
    found: list[str] = []
    while (person := managers.get(person, "")) and person not in found:
        found.append(person)
    return found


class Company:
    """People who get other managers day by day; some are disabled, some are named but not listed."""

    def __init__(self, seed: int, size: int, *, loops: bool) -> None:
        self.dice = random.Random(seed)
        self.people = [f"u{number}" for number in range(size)]
        self.loops = loops
        self.managers: dict[str, str] = {}
        self.rows: list[tuple[str, date, str, int]] = []
        self.counts: list[Count] = []
        self.expected: Counter[Key] = Counter()

    def pass_a_day(self, day: date) -> None:
        """Move some people, then count everybody at the end of the day."""
        for person in self.people:
            if self.dice.random() < (1.0 if day == FIRST else 0.2):
                self.move(person, day)
        for person in self.people:
            self.count(person, day)

    def move(self, person: str, day: date) -> None:
        below = len(self.people) if self.loops else self.people.index(person)
        manager = self.dice.choice([*self.people[: min(below, 40)], "elsewhere", ""])
        if self.managers.get(person, "") != manager:
            self.rows.append((person, day, manager or "unknown", 1))
        self.managers[person] = manager

    def count(self, person: str, day: date) -> None:
        """What the pipeline counts of one person: in the rows of the manager, by what and n."""
        if self.dice.random() < 0.1:
            return  # disabled
        told = [("enabled", 0), ("contributor", self.dice.randrange(1, 4)), ("move", 8 * self.dice.randrange(7) + 1)]
        told += [(what, 0) for what in ("active_7d", "aware", "leaders") if self.dice.random() < 0.5]
        partition = self.people.index(person) % 2
        manager = self.managers.get(person) or "unknown"
        counted = [(day, "manager", manager, what, n, partition, 1) for what, n in (*told, ("new", 0), ("target", 0))]
        self.counts += counted
        for name in above(person, self.managers):
            for what, n in told:
                self.expected[day, name, what, n] += 1

    def write(self, settings: Settings, days: list[date]) -> None:
        insert(settings, "managers_rows", "person, day, manager, version", self.rows)
        added: Counter[tuple[Any, ...]] = Counter()
        for *key, people in self.counts:
            added[tuple(key)] += people
        write_days(settings, [(*key, people) for key, people in added.items()], 2)
        write_days(settings, whole(days, 5, 2), 2)


def trees(settings: Settings) -> Trees:
    return Trees(clickhouse(settings), lambda: True)


def everything(work: Trees) -> int:
    """Sum up all that is due; return in how many inserts."""
    rounds = 1
    while work.sum_up():
        rounds += 1
    return rounds


@pytest.fixture
def reader(settings: Settings) -> Iterator[Reader]:
    with Reader.of(settings) as made:
        yield made


def found(reader: Reader) -> dict[Key, int]:
    rows = reader.query("SELECT day, member, what, n, people FROM daily_counts WHERE dimension = 'manager_tree'")[1]
    return {tuple(row[:4]): row[4] for row in rows}


@pytest.mark.parametrize(("seed", "size", "loops"), [(1, 60, False), (2, 60, True), (3, 9, True)])
def test_the_sums_are_those_person_by_person(
    settings: Settings, reader: Reader, seed: int, size: int, loops: bool
) -> None:
    company = Company(seed, size, loops=loops)
    days = [FIRST + timedelta(days=number) for number in range(25)]
    for day in days:
        company.pass_a_day(day)
    in_loops = sum(person in above(person, company.managers) for person in company.people)
    assert bool(in_loops) == loops
    company.write(settings, days)
    work = trees(settings)
    assert everything(work) == 2, "one insert for each year"
    assert found(reader) == company.expected
    assert {key[0].year for key in company.expected} == {2025, 2026}

    count = "SELECT count() FROM daily_rows WHERE dimension = 'manager_tree'"
    rows = reader.query(count)[1]
    assert everything(trees(settings)) == 1, "another worker has nothing left to do"
    assert reader.query(count)[1] == rows


def test_a_large_company_is_summed_up_day_by_day(
    settings: Settings, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.web.trees.MOST_MANAGERS", 3)
    days = [FIRST + timedelta(days=number) for number in range(4)]
    write_days(settings, whole(days, 3))
    for day, managers in zip(days, (1, 2, 1, 9), strict=True):
        write_days(settings, [(day, "manager", f"u{number}", "enabled", 0, 0, 1) for number in range(managers)])
    assert everything(trees(settings)) == 3, "two days, one and one"
    assert len(found(reader)) == 13


def test_nobody_s_own_number_is_in_his_tree_without_a_loop() -> None:
    company = Company(4, 60, loops=False)
    company.pass_a_day(FIRST)
    assert not [person for person in company.people if person in above(person, company.managers)]


def test_a_day_waits_until_it_is_whole(settings: Settings, reader: Reader) -> None:
    insert(
        settings, "managers_rows", "person, day, manager, version", [("u1", FIRST, "boss", 1), ("u2", FIRST, "u1", 1)]
    )
    later = FIRST + timedelta(days=1)
    write_days(settings, [(day, "manager", "u1", "enabled", 0, 1, 3) for day in (FIRST, later)], 2)
    write_days(settings, [*whole([FIRST], 3, 2)[:-1], *whole([later], 3, 2)], 2)
    work = trees(settings)
    work.sum_up()
    assert {key[0] for key in found(reader)} == {later}
    write_days(settings, whole([FIRST], 3, 2), 2)
    work.sum_up()
    assert found(reader) == {(day, member, "enabled", 0): 3 for day in (FIRST, later) for member in ("u1", "boss")}, (
        "u1's people are also below the boss"
    )


def test_who_was_forgotten_reports_to_nobody(settings: Settings, reader: Reader) -> None:
    managers = [("u1", FIRST, "boss", 1), ("u2", FIRST, "u1", 1), ("u3", FIRST, "boss", 1), ("u4", FIRST, "u3", 1)]
    insert(settings, "managers_rows", "person, day, manager, version", managers)
    insert(
        settings, "people_rows", "person, version, is_deleted", [("u1", 1, 0), ("u1", 2, 1), ("u3", 2, 1), ("u3", 3, 0)]
    )
    write_days(settings, whole([FIRST], 4))
    write_days(settings, [(FIRST, "manager", name, "enabled", 0, 0, 1) for name in ("u1", "u3")])
    trees(settings).sum_up()
    assert found(reader) == {(FIRST, member, "enabled", 0): 1 for member in ("u1", "u3", "boss")}


def test_a_day_without_managers_is_looked_at_once(settings: Settings) -> None:
    write_days(settings, [*whole([FIRST], 3), (FIRST, "manager", "unknown", "enabled", 0, 0, 3)])
    asked: list[str] = []
    ask = clickhouse(settings)

    def listen(sql: str, params: Mapping[str, object]) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return ask(sql, params)

    work = Trees(listen, lambda: True)
    assert [work.sum_up(), work.sum_up()] == [False, False]
    assert len(asked) == 3


def test_a_chain_of_managers_deeper_than_any_company_ends(settings: Settings, reader: Reader) -> None:
    rows = [(f"u{number}", FIRST, f"u{number - 1}", 1) for number in range(1, 301)]
    insert(settings, "managers_rows", "person, day, manager, version", rows)
    write_days(settings, [*whole([FIRST], 3), (FIRST, "manager", "u299", "enabled", 0, 0, 1)])
    trees(settings).sum_up()
    assert len(found(reader)) == 100


async def test_clickhouse_may_be_away_and_only_the_judge_sums_up(
    settings: Settings, reader: Reader, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.web.trees.PAUSE_SECONDS", 0.01)
    caplog.set_level(logging.WARNING, "agents.web.trees")
    write_days(settings, [*whole([FIRST], 3), (FIRST, "manager", "u1", "enabled", 0, 0, 3)])
    away = Settings.from_env({"ESN_CLICKHOUSE": "clickhouse://127.0.0.1:1/esn"})
    there, gone, judging, asked = clickhouse(settings), clickhouse(away), False, 0

    def ask(sql: str, params: Mapping[str, object]) -> list[tuple[Any, ...]]:
        nonlocal asked
        asked += 1
        return (gone if asked <= 5 else there)(sql, params)

    work = asyncio.create_task(Trees(ask, lambda: judging).keep())
    await asyncio.sleep(0.2)
    assert asked == 0
    judging = True
    await asyncio.to_thread(wait_until, lambda: found(reader), 30, "the rows")
    work.cancel()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot sum up the trees of managers" in caplog.text
