"""The newest day is asked for while this worker judges, stays while ClickHouse is away, and never blocks anybody."""

import asyncio
import logging
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from agents.errors import Failed
from agents.web import day_gauges
from agents.web.day_gauges import NOTHING, DayGauges
from pipeline.segments import COMPANY, REGION

CHOSEN = frozenset({(REGION, "ES"), (COMPANY, "all")})


class ClickHouse:
    """Answers with one day, `days` of them whole; hangs or fails if a test says so."""

    def __init__(self) -> None:
        self.days = 1
        self.trouble: Failed | None = None
        self.hangs = threading.Event()
        self.hangs.set()
        self.asked: list[Mapping[str, object]] = []

    def __call__(self, sql: str, params: Mapping[str, object]) -> list[tuple[Any, ...]]:
        assert self.hangs.wait(30)
        if self.trouble:
            raise self.trouble
        self.asked.append(params)
        if "daily_days" in sql:
            return [("2026-11-22", "2026-11-21", self.days)]
        if "daily_segments" in sql:
            return [("company", "all", 8, 6, 4, 2, 750_000), ("region", "ES", 0, 0, 0, 0, 0)]
        if "daily_roles" in sql:
            return [("company", "all", 1, 1, 2, 3, 1)]
        return [("company", "all", "lapsed", 3)]


@pytest.fixture
def clickhouse() -> ClickHouse:
    return ClickHouse()


def gauges(clickhouse: ClickHouse, *, judges: bool = True) -> DayGauges:
    return DayGauges(clickhouse, lambda: CHOSEN, 10, lambda: judges)


def test_what_is_asked_and_shown(clickhouse: ClickHouse) -> None:
    work = gauges(clickhouse)
    work.look()
    about = {"shown": (("company", "all"), ("region", "ES")), "least": 10}
    assert clickhouse.asked[1:] == [about | {"day": day} for day in ("2026-11-22", "2026-11-22", "2026-11-21")]
    assert work.day.adoption == {
        ("company", "all", "login"): 0.75,
        ("company", "all", "active"): 0.5,
        ("company", "all", "contribute"): 0.25,
        ("region", "ES", "login"): 0.0,
        ("region", "ES", "active"): 0.0,
        ("region", "ES", "contribute"): 0.0,
    }
    assert work.day.targets == {("company", "all"): 0.75}
    assert list(work.day.roles.values()) == [1, 1, 2, 3, 1]
    assert work.day.roles["company", "all", "active_reader"] == 2
    assert work.day.journey == {("company", "all", "lapsed"): 3}


def test_before_any_day_is_whole(clickhouse: ClickHouse) -> None:
    clickhouse.days = 0
    work = gauges(clickhouse)
    work.look()
    assert work.day is NOTHING
    assert len(clickhouse.asked) == 1


def test_the_last_day_stays_while_clickhouse_is_away(clickhouse: ClickHouse, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "agents.web.day_gauges")
    work = gauges(clickhouse)
    work.look()
    before = work.day
    clickhouse.trouble = Failed("no ClickHouse at 127.0.0.1:9000")
    for said in (0, 0, 1, 1, 1):
        work.look()
        assert work.day is before
        assert len(caplog.records) == said
    clickhouse.trouble = None
    work.look()
    assert work.day == before
    assert work.day is not before


async def test_a_clickhouse_that_hangs_holds_up_nobody(clickhouse: ClickHouse) -> None:
    clickhouse.hangs.clear()
    keeping = asyncio.create_task(gauges(clickhouse).keep())
    await asyncio.sleep(0.05)
    keeping.cancel()
    await asyncio.wait([keeping])
    assert keeping.cancelled()
    clickhouse.hangs.set()


async def test_who_does_not_judge_asks_nothing_and_forgets(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_gauges, "_IDLE_SECONDS", 0.0)
    work = gauges(clickhouse, judges=False)
    work.look()
    asked = len(clickhouse.asked)
    keeping = asyncio.create_task(work.keep())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    keeping.cancel()
    assert work.day is NOTHING
    assert len(clickhouse.asked) == asked
