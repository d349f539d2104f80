"""Records with what the views must hold after them, and the comparison of all rows."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from agents.simulation import Company
from tests.live.rig import Rig
from tests.recount import Recount, assert_varied, recount

Json = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A record and what the views must hold after it."""

    directory: list[Json]
    record: list[Json]
    expected: Recount
    holds_no: tuple[str, ...] = field(default=())


@cache
def simulated(seed: int, step_seconds: int, days: int) -> Sample:
    """Two days round the change of Europe's clocks, with everything that can be out of order."""
    company = Company(
        people=60,
        seed=seed,
        start=datetime(2026, 3, 28, tzinfo=UTC),
        days=days,
        rate=6000 / 86_400 / days,
        communities=6,
        step_seconds=step_seconds,
        shuffle_seconds=100,
        duplicates=0.03,
        late=0.02,
        edges=0.1,
        heartbeat_seconds=3600,
    )
    directory = [json.loads(line) for line in company.directory()]
    record = [json.loads(line) for line in company.lines()]
    return Sample(directory, record, recount(record, directory, step_seconds=step_seconds))


def check(rig_: Rig, sample: Sample, record: list[Json], workers: int = 1) -> None:
    for _ in range(workers):
        rig_.start()
    rig_.replay(record, sample.directory)
    assert_varied(sample.expected.active_people, but=sample.holds_no)
    assert_varied(sample.expected.people, but=sample.holds_no)
    assert_varied(sample.expected.activity)
    rig_.assert_rows(sample.expected)
    rig_.assert_day_rows(sample.expected)
