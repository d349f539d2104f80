"""Engagement drops on the real stack: found, published, shown until people are back, and kept through kills."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Final

import pytest

from agents.simulation import Drop
from tests.live.absences import (
    HOUR,
    NINE,
    PARTITIONS,
    START,
    Json,
    company,
    drops,
    judging,
    produce,
    published_drops,
    pulse,
    time_of,
    told,
    wait_judged,
)
from tests.live.rig import Rig, wait_until
from tests.live.scraping import free_port, get, samples

pytestmark = pytest.mark.timeout(600)
DAYS: Final = 16
LAST: Final = START + timedelta(days=DAYS) - HOUR
"""The last step that closes."""
SERIES: Final = ("dimension", "member", "measure")
SALES: Final = ("department", "Sales", "active")
IT: Final = ("department", "IT", "active")
Record = tuple[list[Json], list[Json]]


@dataclass
class Calm:
    """A run in which nothing happened to the worker."""

    rig: Rig
    in_fourth_hour: list[Json]
    """The drops then, and the page of metrics."""
    page: str
    page_in_the_end: str


@pytest.fixture(scope="module")
def record() -> Record:
    """Sales stays away for six hours."""
    return company(DAYS, Drop("department", "Sales", 1.0, round(NINE.timestamp() * 1000), 6))


@pytest.fixture(scope="module")
def calm(kafka: str, clickhouse_url: str, record: Record, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calm]:
    folder = tmp_path_factory.mktemp("calm")
    directory, events = record
    middle, port = NINE + timedelta(hours=4, minutes=10), free_port()
    with judging(kafka, clickhouse_url, folder.name, folder / "worker") as one:

        def page_when(sales: float) -> str:
            def shown() -> bool:
                return samples(get(port, "/metrics")[1], "esn_engagement_drop_open", *SERIES).get(SALES) == sales

            wait_until(shown, 30, f"esn_engagement_drop_open of Sales = {sales}")
            return get(port, "/metrics")[1]

        produce(one, (line for line in events if time_of(line) <= middle), directory)
        one.start(ESN_WEB_PORT=str(port))
        wait_judged(one, NINE + timedelta(hours=4))
        then, page = drops(one, NINE - HOUR), page_when(1)
        produce(one, (line for line in events if time_of(line) > middle))
        wait_judged(one, LAST)
        yield Calm(one, then, page, page_when(0))


def test_a_department_that_stops_is_found_and_shown(calm: Calm) -> None:
    (drop,) = [one for one in calm.in_fourth_hour if one["parent_id"] is None and one["dimension"] == "department"]
    assert tuple(drop[name] for name in (*SERIES, "window")) == (*SALES, "1h")
    assert (drop["state"], drop["severity"], drop["ended_at"]) == ("open", "major", None)
    assert abs(drop["began_at"].replace(tzinfo=UTC) - NINE) <= HOUR
    assert drop["detected_at"].replace(tzinfo=UTC) <= NINE + 3 * HOUR
    assert drop["depth"] > 0.8
    assert json.loads(drop["causes"])["measures"]["active"] > 5
    assert samples(calm.page, "esn_engagement_drop_open", *SERIES)[IT] == 0
    everybody = ("company", "all", "active")
    expected, low = (
        samples(calm.page, f"esn_expected_{name}", *SERIES)[everybody] for name in ("people", "low_people")
    )
    assert 0 < low < expected
    assert 0 < samples(calm.page, "esn_smallest_drop_ratio", *SERIES)[IT] < 1
    assert samples(calm.page, "esn_learning_segments")[()] >= 0


def test_it_is_over_when_people_are_back_and_the_topic_says_what_the_view_says(calm: Calm) -> None:
    now = {drop["drop_id"]: drop for drop in drops(calm.rig)}
    assert {drop["state"] for drop in now.values() if drop["member"] == "Sales"} == {"recovered"}
    (first,) = [one for one in calm.in_fourth_hour if one["parent_id"] is None and one["dimension"] == "department"]
    back = now[first["drop_id"]]["ended_at"].replace(tzinfo=UTC)
    assert NINE + 5 * HOUR <= back <= NINE + 9 * HOUR
    published = published_drops(calm.rig)
    assert published.keys() == now.keys()
    for drop_id, columns in published.items():
        row = now[drop_id]
        times = {name: row[name] and told(row[name]) for name in ("began_at", "detected_at", "ended_at")}
        assert columns == row | times
    assert samples(calm.page_in_the_end, "esn_engagement_drop_open", *SERIES)[SALES] == 0


def test_the_pulse_holds_the_rows_and_closes_every_step(calm: Calm) -> None:
    names = ("dimension", "member", "measure", "enabled", "w5m", "w1h", "w24h", "w7d", "w28d")
    sql = f"SELECT at, source_partition, {', '.join(names)} FROM active_people_rows FINAL"
    rows = {(told(at), *rest) for at, *rest in calm.rig.reader.query(sql)[1]}
    records = pulse(calm.rig)
    lines = [line for key, line in records if key != b"closing"]
    assert {(line["at"], line["source_partition"], *(line[name] for name in names)) for line in lines} == rows
    assert len(lines) == len(rows)
    assert all(line["fed"] for line in lines)
    for number in range(PARTITIONS):
        closed = [line["at"] for key, line in records if key == b"closing" and line["source_partition"] == number]
        assert closed == sorted({at for at, partition, *_ in rows if partition == number})


def test_killed_workers_find_the_same_drops(
    calm: Calm, record: Record, kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path
) -> None:
    directory, events = record
    with judging(kafka, clickhouse_url, prefix, tmp_path / "killed") as killed:
        produce(killed, events, directory)
        for day in (3, 9, DAYS - 1):
            worker = killed.start()
            killed.wait_published(round((START + timedelta(days=day)).timestamp() * 1000))
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        killed.start()
        killed.start()
        wait_judged(killed, LAST)
        assert drops(calm.rig)
        assert drops(killed) == drops(calm.rig)
        assert published_drops(killed) == published_drops(calm.rig)
