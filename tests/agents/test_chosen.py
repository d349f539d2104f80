"""The choice comes from ClickHouse, stays when it is away, and without it depends on nobody's partitions."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from agents.errors import Failed
from agents.web.chosen import ALWAYS, MOST_MEMBERS, Chosen
from pipeline.segments import COMMUNITY, COMPANY, DEPARTMENT, REGION

DAY = 86_400
TODAY = 20_000 * DAY


class ClickHouse:
    """Answers what a test says; `steps` are today's choice, the newest complete hour and step."""

    def __init__(self) -> None:
        self.steps = (0, 0, 0)
        self.members: list[tuple[str, str]] = []
        self.trouble: Failed | None = None
        self.asked: list[Mapping[str, object]] = []

    def __call__(self, sql: str, params: Mapping[str, object]) -> list[tuple[Any, ...]]:
        if self.trouble:
            raise self.trouble
        assert sql % params
        self.asked.append(params)
        return [self.steps] if "today" in params else [(*who, 12 - place) for place, who in enumerate(self.members)]


@pytest.fixture
def clickhouse() -> ClickHouse:
    return ClickHouse()


@pytest.fixture
def chosen(clickhouse: ClickHouse) -> Chosen:
    return Chosen(clickhouse, now_ms=lambda: (TODAY + 12_345) * 1000 + 678)


def test_before_anything_is_complete(clickhouse: ClickHouse, chosen: Chosen) -> None:
    assert chosen.segments == ALWAYS == {(COMPANY, "all"), (REGION, "unknown"), (DEPARTMENT, "unknown")}
    assert not chosen.choose()
    assert chosen.segments == ALWAYS
    assert clickhouse.asked == [{"today": TODAY}]


def test_today_s_choice(clickhouse: ClickHouse, chosen: Chosen) -> None:
    clickhouse.steps = (TODAY, TODAY + 10_800, TODAY + 12_300)
    clickhouse.members = [("region", "ES"), ("community", "c1")]
    assert chosen.choose()
    assert chosen.segments == {(COMPANY, "all"), (REGION, "ES"), (COMMUNITY, "c1")}
    told = {"day": TODAY, "hour": TODAY + 10_800, "step": TODAY + 12_300, "most": MOST_MEMBERS}
    assert clickhouse.asked[-1] == told


def test_small_segments_are_hidden_and_counted(clickhouse: ClickHouse) -> None:
    chosen = Chosen(clickhouse, now_ms=lambda: TODAY * 1000, min_group=11)
    assert chosen.segments == {(COMPANY, "all")}
    clickhouse.steps = (TODAY, TODAY, TODAY)
    clickhouse.members = [("region", "ES"), ("region", "FR"), ("region", "BR"), ("community", "c1")]  # 12, 11, 10, 9
    chosen.choose()
    assert chosen.segments == {(COMPANY, "all"), (REGION, "ES"), (REGION, "FR")}
    assert chosen.suppressed == {"region": 1, "department": 0, "community": 1}


@pytest.mark.parametrize("nothing", [0, 1])
def test_nought_and_one_hide_nothing(clickhouse: ClickHouse, nothing: int) -> None:
    chosen = Chosen(clickhouse, now_ms=lambda: TODAY * 1000, min_group=nothing)
    assert chosen.segments == ALWAYS
    clickhouse.steps, clickhouse.members = (TODAY, TODAY, TODAY), [("region", f"r{number}") for number in range(13)]
    chosen.choose()
    assert len(chosen.segments) == 14
    assert chosen.suppressed["region"] == 0


def test_yesterday_s_choice_holds_until_today_s_is_there(clickhouse: ClickHouse, chosen: Chosen) -> None:
    clickhouse.steps = (TODAY - DAY, TODAY - 3600, TODAY - 60)
    clickhouse.members = [("region", "ES")]
    assert not chosen.choose()
    assert (REGION, "ES") in chosen.segments


def test_the_last_choice_stays_while_clickhouse_is_away(
    clickhouse: ClickHouse, chosen: Chosen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "agents.web.chosen")
    clickhouse.steps, clickhouse.members = (TODAY, TODAY, TODAY), [("region", "ES")]
    chosen.choose()
    before = chosen.segments
    clickhouse.trouble = Failed("no ClickHouse at 127.0.0.1:9000")
    for said in (0, 0, 1, 1, 1):
        assert not chosen.choose()
        assert chosen.segments == before
        assert len(caplog.records) == said
    clickhouse.trouble = None
    assert chosen.choose()
