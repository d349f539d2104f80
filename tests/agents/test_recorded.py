"""A recorded period is counted as a worker would count it: compared with the recount, which shares no code with it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agents.drops.recorded import Recorded
from agents.settings import Settings
from agents.simulation import Company
from pipeline.acts import MEASURES
from pipeline.segments import DIMENSIONS
from tests.recount import recount

COMPANY = Company(people=40, days=3, rate=0.02, seed=4, late=0.05, edges=0.1)


def counted(lines: Sequence[bytes], people: Sequence[bytes] = ()) -> dict[tuple[Any, ...], tuple[int, ...]]:
    recorded = Recorded(Settings.from_env({}), people)
    segments = recorded.state.segments
    return {
        (step.at // 1000, DIMENSIONS[segments.dimension[segment]], segments.member[segment], MEASURES[measure]): (
            enabled,
            *people,
        )
        for step in recorded.steps(lines)
        for segment, measure, enabled, people in zip(
            step.segment.tolist(),
            step.measure.tolist(),
            step.enabled.tolist(),
            map(tuple, step.windows.tolist()),
            strict=True,
        )
    }


def test_the_hours_are_those_of_the_recount() -> None:
    lines, people = list(COMPANY.lines()), COMPANY.directory()
    rows = recount(map(json.loads, lines), map(json.loads, people), step_seconds=3600).active_people
    expected = {tuple(key): (row.enabled, row.w5m, row.w1h, row.w24h, row.w7d, row.w28d) for key, row in rows.items()}
    assert counted(lines, people) == expected


def test_what_a_worker_would_refuse_is_counted() -> None:
    recorded = Recorded(Settings.from_env({}), [b"{}", b'{"person":"a"}'])
    event = b'{"id":"1","source":"/s","type":"esn.login","time":"2026-03-02T08:15:00Z","data":{"actor":"a"}}'
    steps = list(recorded.steps([b"nonsense", event, b""]))
    assert [step.at // 1000 for step in steps] == [1772442000]  # 09:00
    assert recorded.refused == 2


@pytest.mark.parametrize(("beats", "fed"), [(False, True), (True, False)])
def test_only_a_record_with_heartbeats_tells_a_silent_feed(beats: bool, fed: bool) -> None:
    def line(hour: int, kind: str, data: str) -> bytes:
        text = f'{{"id":"{hour}{kind}","source":"/s","type":"{kind}","time":"2026-03-02T{hour:02}:15:00Z"{data}}}'
        return text.encode()

    lines = [line(hour, "esn.login", ',"data":{"actor":"a"}') for hour in (8, 16)]
    if beats:
        lines.insert(1, line(9, "esn.heartbeat", ""))
    steps = Recorded(Settings.from_env({})).steps(lines)
    assert [step.silent_since is None for step in steps if step.at // 3_600_000 % 24 == 13] == [fed]
