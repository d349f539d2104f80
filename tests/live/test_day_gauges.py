"""The newest whole day's gauges, from the views of a real ClickHouse."""

from datetime import date
from pathlib import Path

import pytest

from agents.settings import Settings
from agents.storage.migrations import migrate
from agents.web.chosen import clickhouse
from agents.web.day_gauges import Day, DayGauges
from pipeline.segments import COMMUNITY, COMPANY, DEPARTMENT, REGION
from tests.live.days import Count, whole, write_days

BEFORE, DAY, NEXT = date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)
CHOSEN = frozenset({(COMPANY, "all"), (REGION, "ES"), (DEPARTMENT, "small"), (COMMUNITY, "c1")})
COMPANY_ALL = {
    "logged_in_7d": 30, "active_7d": 20, "contributed_7d": 10, "target": 750_000, "active_reader": 5, "reader": 6,
    "never": 12, "aware": 2, "visited": 8, "first_use": 7, "second_use": 6, "continuous": 5, "lapsed": 2,
}  # fmt: skip


@pytest.fixture
def settings(clickhouse_url: str, prefix: str, tmp_path: Path) -> Settings:
    made = Settings.from_env({"ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix, "ESN_HOME": str(tmp_path)})
    migrate(made)
    return made


def segment(day: date, dimension: str, member: str, **told: int) -> list[Count]:
    """Both source partitions have half of everybody; both know the target."""
    return [
        (day, dimension, member, what, 0, number, people if what == "target" else people // 2)
        for what, people in told.items()
        for number in (0, 1)
    ]


def look(settings: Settings, least: int = 10) -> Day:
    work = DayGauges(clickhouse(settings), lambda: CHOSEN, least, lambda: True)
    work.look()
    return work.day


def test_the_newest_whole_day(settings: Settings) -> None:
    assert look(settings) == Day()
    halves = {what: number if what == "target" else 2 * number for what, number in COMPANY_ALL.items()}
    for day in (BEFORE, DAY):
        write_days(settings, segment(day, "company", "all", **halves), 2)
        write_days(settings, whole([day], 40, 2), 2)
        write_days(
            settings,
            [
                *segment(day, "region", "ES", enabled=20, active_7d=8),
                *segment(day, "department", "small", enabled=8, active_7d=8),
                *segment(day, "community", "c2", enabled=20, active_7d=8),
                *segment(day, "manager", "all", enabled=20, active_7d=8),
                (day, "company", "all", "contributor", 1, 0, 9),
                (day, "company", "all", "contributor", 9, 1, 1),
                (day, "company", "all", "steady", 8, 1, 2),
            ],
            2,
        )
    # Of the next day only one source partition has written, and the day before is the newest that is whole.
    write_days(settings, [*segment(NEXT, "region", "ES", enabled=20, active_7d=20), *whole([NEXT], 40, 2)[:1]], 2)
    found = look(settings)
    assert found.adoption == {
        ("company", "all", "login"): 0.75,
        ("company", "all", "active"): 0.5,
        ("company", "all", "contribute"): 0.25,
        ("region", "ES", "login"): 0.0,
        ("region", "ES", "active"): 0.4,
        ("region", "ES", "contribute"): 0.0,
    }
    assert found.targets == {("company", "all"): 0.75}
    company = {labels[2]: people for labels, people in found.roles.items() if labels[0] == "company"}
    assert company == {"leading": 3, "contributor": 9, "active_reader": 10, "reader": 12, "absent": 46}
    stages = {labels[2]: people for labels, people in found.journey.items() if labels[0] == "company"}
    assert stages["unaware"] == 24
    assert stages["lapsed"] == 4
    assert {labels[:2] for labels in (*found.roles, *found.journey)} == {("company", "all"), ("region", "ES")}
    assert ("department", "small", "active") in look(settings, least=8).adoption


def test_the_journey_waits_until_the_others_are_heard(settings: Settings) -> None:
    both = segment(DAY, "company", "all", never=4, visited=16)
    write_days(settings, [*both, *whole([DAY], 10, 2)[:3]], 2)
    assert look(settings).adoption
    assert not look(settings).journey
    write_days(settings, whole([DAY], 10, 2), 2)
    assert look(settings).journey["company", "all", "unaware"] == 4
