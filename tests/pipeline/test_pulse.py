"""`esn.pulse` holds the rows that ClickHouse gets, and closes each step."""

import json

from pipeline import published, pulse
from schemas.pulse import CLOSING, instant, unix_seconds
from tests.pipeline.crowd import NOON, Crowd
from tests.pipeline.pure import listed

COLUMNS = ("dimension", "member", "measure", "enabled", "w5m", "w1h", "w24h", "w7d", "w28d", "source_partition")


def test_every_row_is_a_record_and_every_step_is_closed() -> None:
    one = Crowd(seed=1, number=2, partitions=3, step_seconds=900)
    one.list_people(40)
    one.act(300, seconds=30)
    steps = one.state.close().steps
    steps[-1] = steps[-1]._replace(silent_since=NOON + 1500)
    rows = published.active_people(one.state, steps, version=7)
    expected = list(zip(rows_at(rows.at), *(listed(getattr(rows, name)) for name in COLUMNS), strict=True))
    records = [(key, json.loads(value)) for key, value in pulse.records(one.state, steps, epoch=5)]
    told = [record for key, record in records if key != CLOSING]
    assert [(record["at"], *(record[name] for name in COLUMNS)) for record in told] == expected
    assert {dimension for dimension, *_ in (row[1:] for row in expected)} >= {"company", "manager", "community"}
    assert all(key == f"{one_['dimension']}/{one_['member']}".encode() for key, one_ in records if key != CLOSING)
    assert {(record["epoch"], record["fed"], record["at"] == instant(steps[-1].at // 1000)) for record in told} == {
        (5, True, False),
        (5, False, True),
    }

    closings = [record for key, record in records if key == CLOSING]
    common = {"source_partition": 2, "epoch": 5, "partitions": 3}
    *fed, unfed = [{"at": instant(step.at // 1000), **common} for step in steps]
    since = instant(NOON // 1000 + 1)
    assert closings == [*(one | {"fed": True} for one in fed), unfed | {"fed": False, "silent_since": since}]
    order = [record["at"] for _, record in records]
    assert order == sorted(order)
    assert records[-1][0] == CLOSING


def rows_at(at: object) -> list[str]:
    return [instant(one) for one in listed(at)]


def test_times_are_read_as_they_are_written() -> None:
    assert instant(NOON // 1000) == "2026-03-25T12:00:00Z"
    assert unix_seconds("2026-03-25T12:00:00Z") == NOON // 1000
