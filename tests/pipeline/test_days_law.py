"""The law of local days: whatever the order within the lateness, the duplicates, the directory's history, the zone, the
cut into batches and the crashes, the counts of days are those of the brute-force recount, and nothing is told twice."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.pipeline.day_counts import expected, found, unlike
from tests.pipeline.interrupted import Interrupted
from tests.pipeline.pure import Json, PureRun
from tests.pipeline.test_law import EDGE, PEOPLE, START_MS, _time, listings
from tests.recount import Recount, recount

HOUR, DAY = 3_600_000, 86_400_000
STARTS = {
    "UTC": START_MS,
    "Europe/Madrid": START_MS,
    "Europe/Stockholm": 1_792_800_000_000,  # 2026-10-24: a day with 25 hours follows
    "Africa/Cairo": 1_776_900_000_000,  # 2026-04-23: the next day begins at 01:00
    "Pacific/Apia": 1_325_030_400_000,  # 2011-12-28: there is no 30 December
}
VERBS = ["view", "follow", "like", "share_external", "post", "comment", "join", "leave", "create_community", "delete"]


@st.composite
def acts(draw: st.DrawFn, number: int, now: int) -> tuple[Json, int]:
    """Draw an event and where the record's newest time is after it."""
    kind = draw(st.sampled_from(["on", "on", "on", "on", "edge", "shuffled", "late", "very late"]))
    step = draw(st.sampled_from([1, 60_000, 3 * HOUR, DAY, DAY, 2 * DAY, 5 * DAY, 9 * DAY, 29 * DAY, 35 * DAY]))
    time = {
        "on": now + step,
        "edge": (now // HOUR + draw(st.integers(1, 24))) * HOUR + draw(EDGE),
        "shuffled": now - draw(st.integers(0, 120_000)),
        "late": now - 120_001 - step % DAY,
        "very late": now - 120_000 - DAY - draw(st.integers(-1, 70)) * HOUR,
    }[kind]
    data: Json = {"actor": draw(st.sampled_from(PEOPLE))}
    event: Json = {"id": f"e{number}", "source": "/test", "time": _time(time), "type": "esn.content"}
    if draw(st.integers(0, 4)) == 0:
        event["type"] = "esn.login"
        data["outcome"] = draw(st.sampled_from(["success", "success", "failure"]))
    else:
        data["verb"] = draw(st.sampled_from(VERBS))
        data["community"] = draw(st.sampled_from(["hr", "it", None]))
        data["to"] = draw(st.sampled_from([None, None, ["u0"], ["u1", "u5"], ["stranger", "u4"]]))
    return {**event, "data": data}, max(now, time)


@st.composite
def records(draw: st.DrawFn, start: int) -> tuple[list[Json], list[Json]]:
    directory = [
        {**draw(listings()), "person": person, "leader": draw(st.booleans()), "ambassador": draw(st.booleans())}
        for person in draw(st.lists(st.sampled_from(PEOPLE), unique=True))
    ]
    record: list[Json] = []
    events: list[Json] = []
    now = start
    for number in range(draw(st.integers(1, 30))):
        what = draw(st.integers(0, 13))
        if what == 0:
            record.append(draw(listings()))
        elif what == 1:
            record.append({"forget": draw(st.sampled_from(PEOPLE))})
            events.clear()  # an id sent again after a forgetting is not defined
        elif what == 2 and events:
            record.append(draw(st.sampled_from(events)))
        elif what in (3, 4):
            now += draw(st.sampled_from([1000, HOUR, DAY, 3 * DAY]))
            record.append({"id": f"h{number}", "source": "/test", "type": "esn.heartbeat", "time": _time(now)})
        else:
            event, now = draw(acts(number, now))
            events.append(event)
            record.append(event)
    return directory, record


def told(seen: Recount) -> list[Json]:
    rows = [
        {"id": row.id, "at": key.at, "kind": key.kind, "person": key.person, "from": row.before, "to": row.after}
        for key, row in seen.transitions.items()
    ]
    return sorted(rows, key=lambda row: (row["at"], row["id"]))


@pytest.mark.parametrize("crashes", [0.0, 0.3])
@pytest.mark.parametrize("zone", STARTS)
@given(drawn=st.data(), seed=st.integers(0, 1000), partitions=st.sampled_from([1, 2, 5]))
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_days_are_those_of_the_recount(
    zone: str, crashes: float, drawn: st.DataObject, seed: int, partitions: int
) -> None:
    directory, record = drawn.draw(records(STARTS[zone]))
    seen = recount(record, directory, step_seconds=3600, timezone=zone)
    given_: Json = {"step_seconds": 3600, "seed": seed, "zone": ZoneInfo(zone)}
    run = Interrupted(partitions, crashes=crashes, **given_) if crashes else PureRun(partitions, **given_)
    rows = run.run(directory, record)
    assert unlike(expected(seen), found(rows.daily)) == []
    assert sorted(rows.transitions, key=lambda row: (row["at"], row["id"])) == told(seen)
