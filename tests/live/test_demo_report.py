"""The demo's page, from rows of a day in a real ClickHouse."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agents.report.demo import report
from agents.settings import Settings
from agents.storage.clickhouse import Reader
from agents.storage.migrations import migrate
from tests.live.days import Count, insert, whole, write_days

DAY = date(2010, 9, 30)
COMPANY = {
    "enabled": 10, "aware": 1, "never": 3, "active_7d": 6, "reader": 2, "active_reader": 3, "visited": 1,
    "first_use": 1, "second_use": 2, "continuous": 2, "lapsed": 1,
}  # fmt: skip
STEP = "at, dimension, member, measure, source_partition, partitions, enabled, adopted_7d, w7d, version"


@pytest.fixture
def settings(clickhouse_url: str, prefix: str, tmp_path: Path) -> Settings:
    made = Settings.from_env({"ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix, "ESN_HOME": str(tmp_path)})
    migrate(made)
    return made


def test_funnel_roles_and_departments_that_lag(settings: Settings) -> None:
    counts: list[Count] = [(DAY, "company", "all", what, 0, 0, people) for what, people in COMPANY.items()]
    counts += [(DAY, "company", "all", "contributor", 1, 0, 1), (DAY, "company", "all", "steady", 9, 0, 1)]
    for member, active in (("D1", 2), ("D2", 4)):
        told = {"enabled": 5, "active_7d": active, "target": 800_000}
        counts += [(DAY, "department", member, what, 0, 0, people) for what, people in told.items()]
    write_days(settings, [*whole([DAY], 10), *counts])
    at = datetime(2010, 10, 1, tzinfo=UTC)
    steps = [(at, "company", "all", measure, 0, 1, 10, 6, 6, 1) for measure in ("active", "login")]
    insert(settings, "active_people_rows", STEP, steps)
    with Reader.of(settings) as reader:
        page = report(reader, ZoneInfo("Europe/Warsaw"))
    lines = [" ".join(line.replace("█", "").split()) for line in page.splitlines()]
    start = lines.index("Departments that lag: active in 7 days, beside what they should reach (end of 2010-09-30)")
    assert lines[start + 1 : start + 3] == ["D1 40.0% of 80%", ""]
    start = lines.index("The journey of 10 people: how many came so far, and how many of those before them")
    assert lines[start + 1 : start + 8] == [
        "unaware 10 100.0%",
        "aware 8 80.0%",
        "visited 7 87.5%",
        "first use 5 71.4%",
        "second use 4 80.0%",
        "continuous 2 50.0%",
        "lapsed: 1 who came once and did not for 28 days",
    ]
    start = lines.index("Roles in 28 days")
    assert lines[start + 1 : start + 7] == [
        "leading 10.0% 1",
        "contributor 10.0% 1",
        "active reader 30.0% 3",
        "reader 20.0% 2",
        "absent 30.0% 3",
        "of those who take part: 71% readers, 14% contributors, 14% leading (the rule of thumb says 90-9-1)",
    ]
