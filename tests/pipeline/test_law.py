"""The law: whatever the order within the lateness, the duplicates, the directory's history and the cut into batches,
the rows are those of the brute-force recount."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.events import VERBS
from tests.pipeline.pure import PureRun
from tests.recount import differences, recount

Json = dict[str, Any]
START_MS = 1_774_738_800_000
"""2026-03-28 23:00 UTC: two hours before Europe's clocks change."""

PEOPLE = [f"u{number}" for number in range(6)]
EDGE = st.sampled_from([0, 1, -1, 60_000, 59_999, 60_001, 300_000, 3_600_000, 3_599_999, 86_400_000, 604_800_000])


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03}Z"


@st.composite
def listings(draw: st.DrawFn) -> Json:
    return {
        "person": draw(st.sampled_from(PEOPLE)),
        "enabled": draw(st.sampled_from([True, True, None, False])),
        "kind": draw(st.sampled_from(["person", "person", None, "guest", "service"])),
        "region": draw(st.sampled_from(["ES", "SE", None])),
        "department": draw(st.sampled_from(["Sales", "IT", None])),
        "manager": draw(st.sampled_from(["u0", "u1", None])),
    }


@st.composite
def acts(draw: st.DrawFn, number: int, now: int) -> tuple[Json, int]:
    """Draw an event and where the record's newest time is after it."""
    kind = draw(st.sampled_from(["on", "on", "on", "edge", "shuffled", "late", "very late"]))
    step = draw(st.sampled_from([0, 1, 1000, 30_000, 60_000, 240_000, 3_600_000, 90_000_000]))
    time = {
        "on": now + step,
        "edge": (now // 3_600_000 + 1) * 3_600_000 + draw(EDGE),
        "shuffled": now - draw(st.integers(0, 120_000)),
        "late": now - 120_001 - step,
        "very late": now - 120_000 - 86_400_000 - draw(st.integers(-1, 100_000_000)),
    }[kind]
    time = max(time, START_MS - 900_000_000)
    event: Json = {"id": f"e{number}", "source": "/test", "time": _time(time)}
    data: Json = {"actor": draw(st.sampled_from(PEOPLE))}
    if draw(st.integers(0, 3)) == 0:
        event["type"] = "esn.login"
        data["outcome"] = draw(st.sampled_from(["success", "success", "failure"]))
        data["client"] = draw(st.sampled_from(["web", "mobile", "fridge"]))
    else:
        event["type"] = "esn.content"
        data["verb"] = draw(st.sampled_from([*VERBS, "join", "join", "leave", "create_community"]))
        data["object_kind"] = draw(st.sampled_from(["wiki", "file", "riddle", None]))
        data["community"] = draw(st.sampled_from(["hr", "it", None]))
    return {**event, "data": data}, max(now, time)


@st.composite
def records(draw: st.DrawFn) -> tuple[list[Json], list[Json]]:
    directory = draw(st.lists(listings(), max_size=5))
    record: list[Json] = []
    events: list[tuple[Json, int]] = []
    now = START_MS
    for number in range(draw(st.integers(1, 30))):
        what = draw(st.integers(0, 11))
        if what == 0:
            record.append(draw(listings()))
        elif what == 1:
            record.append({"forget": draw(st.sampled_from(PEOPLE))})
            events.clear()  # an id sent again after a forgetting is not defined
        elif what == 2 and events:
            record.append(draw(st.sampled_from(events))[0])
        elif what == 3:
            now += draw(st.sampled_from([1000, 3_600_000, 10_000_000]))
            record.append({"id": f"h{number}", "source": "/test", "type": "esn.heartbeat", "time": _time(now)})
        else:
            event, now = draw(acts(number, now))
            events.append((event, now))
            record.append(event)
    return directory, record


@pytest.mark.parametrize("step_seconds", [900, 3600])
@given(drawn=records(), seed=st.integers(0, 1000), partitions=st.sampled_from([1, 2, 5]))
@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink])
def test_rows_are_those_of_the_recount(
    step_seconds: int, drawn: tuple[list[Json], list[Json]], seed: int, partitions: int
) -> None:
    directory, record = drawn
    expected = recount(record, directory, step_seconds=step_seconds)
    found = PureRun(partitions, step_seconds=step_seconds, seed=seed).run(directory, record)
    assert differences(expected.active_people, found.active_people) == []
    assert differences(expected.activity, found.activity) == []
    assert differences(expected.people, found.people) == []
