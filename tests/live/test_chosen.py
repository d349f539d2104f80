"""Which segments are shown, chosen by a real ClickHouse from rows of two source partitions."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.settings import Settings
from agents.storage.clickhouse import Sink
from agents.storage.migrations import migrate
from agents.web.chosen import ALWAYS, MOST_MEMBERS, Chosen, clickhouse
from pipeline.segments import COMMUNITY, COMPANY, DEPARTMENT, REGION
from schemas.rows import ActivePeople

DAY, HOUR, MINUTE = 86_400, 3600, 60
TODAY = 20_550 * DAY
COMPANY_ALL = (COMPANY, "all")


class Row(NamedTuple):
    """One segment's size."""

    dimension: str
    member: str
    enabled: int
    w28d: int = 0


@pytest.fixture
def settings(clickhouse_url: str, prefix: str, tmp_path: Path) -> Settings:
    made = Settings.from_env({"ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix, "ESN_HOME": str(tmp_path)})
    migrate(made)
    return made


def write(settings: Settings, at: int, rows: Iterable[Row], partitions: Iterable[int] = (0, 1)) -> None:
    """Write a step; both source partitions have half of everybody."""
    found = [
        (at, row.dimension, row.member, "active", number, 2, row.enabled // 2, 0, 0, 0, 0, 0, row.w28d // 2, 1)
        for row in (Row("company", "all", 1000, 1000), *rows)
        for number in partitions
    ]

    async def insert() -> None:
        sink = Sink.of(settings)
        await sink.write(ActivePeople(*map(list, zip(*found, strict=True))))
        await sink.close()

    asyncio.run(insert())


def choose(settings: Settings, now: int = TODAY + 12 * HOUR) -> tuple[frozenset[tuple[int, str]], bool]:
    chosen = Chosen(clickhouse(settings), now_ms=lambda: now * 1000)
    settled = chosen.choose()
    return chosen.segments, settled


def communities(numbers: Iterable[int]) -> list[Row]:
    """c1 is the largest."""
    return [Row("community", f"c{number}", enabled=2000 - 2 * number) for number in numbers]


def test_the_hundred_largest_of_today_s_first_step(settings: Settings) -> None:
    odd = [Row("manager", "u17", 50), Row("region", "unknown", 0, 40), Row("department", "gone", 0, 0)]
    write(settings, TODAY, communities(range(1, 151)) + odd)
    write(settings, TODAY + HOUR, communities(range(150, 301)))  # others are larger now: until tomorrow that is nothing
    segments, settled = choose(settings)
    assert settled
    assert segments == {COMPANY_ALL, (REGION, "unknown")} | {
        (COMMUNITY, f"c{number}") for number in range(1, MOST_MEMBERS + 1)
    }
    assert choose(settings, TODAY + 23 * HOUR) == (segments, settled), "whenever a worker asks"


def test_equally_many_enabled_are_told_apart_by_those_who_came(settings: Settings) -> None:
    rows = [Row("community", f"c{number:03}", 10, 1000 - 2 * number) for number in range(200)]
    write(settings, TODAY, rows)
    segments, _ = choose(settings)
    assert segments == {COMPANY_ALL} | {(COMMUNITY, f"c{number:03}") for number in range(MOST_MEMBERS)}


def test_yesterday_s_choice_holds_while_today_s_is_not_complete(settings: Settings) -> None:
    write(settings, TODAY - DAY, [*communities(range(1, 101)), Row("region", "ES", 10)])
    write(settings, TODAY - HOUR, communities(range(201, 301)))
    write(settings, TODAY, communities(range(301, 401)), partitions=[0])
    segments, settled = choose(settings)
    assert not settled
    assert segments == {COMPANY_ALL, (REGION, "ES")} | {(COMMUNITY, f"c{number}") for number in range(1, 101)}


def test_room_is_filled_with_what_is_new(settings: Settings) -> None:
    write(settings, TODAY, [*communities(range(50, 148)), Row("region", "ES", 4)])
    write(settings, TODAY + HOUR, [*communities([1, 2, 3]), Row("region", "ES", 4)])
    write(settings, TODAY + HOUR + MINUTE, [Row("region", "BR", 900), Row("department", "Sales", 2)])
    segments, settled = choose(settings)
    assert settled
    assert segments == {COMPANY_ALL, (REGION, "ES"), (REGION, "BR"), (DEPARTMENT, "Sales")} | {
        (COMMUNITY, f"c{number}") for number in [*range(50, 148), 1, 2]
    }


def test_on_the_first_day_the_newest_complete_hour_and_step_decide(settings: Settings) -> None:
    assert choose(settings) == (ALWAYS, False)
    write(settings, TODAY + HOUR - MINUTE, [Row("region", "ES", 4)])
    assert choose(settings) == (frozenset({COMPANY_ALL, (REGION, "ES")}), False)
    write(settings, TODAY + HOUR, [Row("region", "ES", 4), *communities([1, 2])])
    write(settings, TODAY + HOUR + MINUTE, [Row("region", "ES", 4), Row("region", "BR", 2)])
    write(settings, TODAY + 2 * HOUR, communities([9]), partitions=[1])
    expected = frozenset({COMPANY_ALL, (REGION, "ES"), (REGION, "BR"), (COMMUNITY, "c1"), (COMMUNITY, "c2")})
    assert choose(settings) == (expected, False)
