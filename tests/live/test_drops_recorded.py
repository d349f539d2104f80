"""The bundled record of a real company through Kafka to ClickHouse, without a calendar, and with a department cut out.

That the Polish calendar keeps its holidays from being alarmed is shown by `test_demo.py`, on the same stack.
"""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from tests.live.absences import Json, drops, judging, wait_judged

pytestmark = pytest.mark.timeout(600)
DEMO: Final = Path(__file__).parents[2] / "deploy" / "demo" / "manufacturing_email"
WARSAW: Final = ZoneInfo("Europe/Warsaw")
HOLIDAYS: Final = ("2010-04-05", "2010-05-03", "2010-06-03")
CUT: Final = ("2010-06-23", "2010-06-24")
END: Final = "2010-06-25"


def lines(name: str) -> list[Json]:
    with gzip.open(DEMO / name, "rt") as file:
        return [json.loads(line) for line in file]


def at(day: str, hour: int) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=WARSAW)


def test_holidays_and_a_department_that_stays_away_are_found_within_three_working_hours(
    kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path
) -> None:
    directory = lines("people.jsonl.gz")
    department = {person["person"]: person.get("department") for person in directory}
    largest, _ = Counter(department.values()).most_common(1)[0]
    record = [
        event
        for event in lines("events.jsonl.gz")
        if event["time"] < END and not (event["time"][:10] in CUT and department.get(event["data"]["actor"]) == largest)
    ]
    with judging(kafka, clickhouse_url, prefix, tmp_path / "worker") as one:
        one.start(ESN_TIMEZONE="Europe/Warsaw")
        one.replay(record, directory)
        wait_judged(one, datetime.fromisoformat(record[-1]["time"]).replace(minute=0, second=0, microsecond=0))
        found = [drop for drop in drops(one, datetime(2010, 1, 1, tzinfo=UTC)) if drop["parent_id"] is None]
    for drop in found:
        drop["detected_at"] = drop["detected_at"].replace(tzinfo=UTC)
        drop["ended_at"] = drop["ended_at"] and drop["ended_at"].replace(tzinfo=UTC)
    company = [drop for drop in found if drop["dimension"] == "company"]
    for day in HOLIDAYS:  # people come from seven on
        assert [
            drop
            for drop in company
            if drop["detected_at"] <= at(day, 10) and (drop["ended_at"] is None or drop["ended_at"] >= at(day, 10))
        ], day
    [drop] = [drop for drop in found if at("2010-06-22", 12) < drop["detected_at"] < at("2010-06-25", 0)]
    assert (drop["dimension"], drop["member"]) == ("department", largest)
    assert drop["detected_at"] <= at(CUT[0], 10)
