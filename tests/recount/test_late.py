"""The recount against vectors counted by hand: late events, duplicates, moves between segments, forgetting."""

from random import Random
from typing import Any

import pytest

from tests.recount import ActiveKey, ActiveRow, Recount, recount
from tests.recount.lines import act, heartbeat, login, milliseconds, person, seconds


def row(seen: Recount, at: str, dimension: str, member: str, measure: str = "active") -> ActiveRow | None:
    return seen.active_people.get(ActiveKey(seconds(at), dimension, member, measure))


def windows(
    seen: Recount, at: str, dimension: str = "company", member: str = "all", measure: str = "active"
) -> tuple[int, ...]:
    found = row(seen, at, dimension, member, measure)
    assert found is not None
    return found[1:6]


def posts(seen: Recount, dimension: str = "company") -> dict[tuple[str, int], int]:
    return {
        (k.member, k.minute): v.events
        for k, v in seen.activity.items()
        if k.dimension == dimension and k.verb == "post"
    }


def test_a_late_act_counts_in_the_steps_still_to_close() -> None:
    record = [
        act("10:00:30", "ann"),
        act("10:10:00", "bob"),  # watermark 10:08
        act("10:06:00", "cem"),  # late
        act("10:08:00", "dan"),  # just not
        act("10:12:00", "bob"),
    ]
    seen = recount(record)
    assert windows(seen, "10:05:00") == (1, 1, 1, 1, 1)  # ann at 10:00:30
    assert windows(seen, "10:06:00") == (0, 1, 1, 1, 1)  # closed: as it was known then
    assert windows(seen, "10:07:00") == (0, 1, 1, 1, 1)
    assert windows(seen, "10:08:00") == (2, 3, 3, 3, 3)  # cem and dan: not closed, the watermark is not greater
    assert windows(seen, "10:10:00") == (3, 4, 4, 4, 4)
    assert windows(seen, "10:11:00") == (2, 4, 4, 4, 4)  # cem leaves
    assert windows(seen, "10:13:00") == (1, 4, 4, 4, 4)  # dan too
    assert posts(seen)["all", seconds("10:06:00")] == 1


def test_up_to_24_hours_behind_the_watermark_a_late_act_corrects_activity_and_counters() -> None:
    record = [
        act("10:00:00", "ann"),
        act("2026-03-03T10:02:00", "bob"),  # watermark 3 March 10:00
        act("10:00:00", "cem"),  # 24 h behind
        act("09:59:59.999", "dan"),  # and more
        login("09:59:59.999", "eve", outcome="failure"),
        act("09:00:00", "ann"),
    ]
    seen = recount(record, step_seconds=3600)
    assert posts(seen) == {("all", seconds("10:00:00")): 2, ("all", seconds("2026-03-03T10:02:00")): 1}
    assert {key.verb for key in seen.activity} == {"post"}
    assert seen.people["cem"].contributions == 1
    old = milliseconds("09:59:59") + 999
    assert seen.people["dan"][8:] == (old, old, None, old, 0, 0, 0, 0)
    ann = (milliseconds("09:00:00"), milliseconds("10:00:00"), None, milliseconds("10:00:00"), 0, 0, 0, 1)
    assert seen.people["ann"][8:] == ann
    assert "eve" not in seen.people
    assert windows(seen, "2026-03-03T09:00:00") == (0, 0, 1, 1, 1)
    assert windows(seen, "2026-03-03T10:00:00") == (0, 0, 0, 3, 3)  # not closed: ann, cem and dan
    assert windows(seen, "2026-03-03T11:00:00") == (0, 1, 1, 4, 4)


@pytest.mark.parametrize(
    ("again", "by_ann", "by_all"),
    [
        (act("10:00:00", "ann", id="x"), 1, 1),
        (act("10:00:00", "ann", id="y"), 2, 2),
        (act("10:00:00", "ann", id="x", source="/other"), 2, 2),
        (act("10:00:00", "bob", id="x"), 1, 2),  # somebody else's
    ],
)
def test_the_same_id_of_the_same_source_and_actor_counts_once(again: dict[str, Any], by_ann: int, by_all: int) -> None:
    seen = recount([act("10:00:00", "ann", id="x"), again])
    assert seen.people["ann"].contributions == by_ann
    assert posts(seen) == {("all", seconds("10:00:00")): by_all}


@pytest.mark.parametrize(
    ("heard", "posted"),
    [("2026-03-03T10:02:00", 1), ("2026-03-03T10:02:00.001", 2)],
)
def test_an_id_is_known_for_24_hours_behind_the_watermark(heard: str, posted: int) -> None:
    record = [
        act("10:00:00", "ann", id="x"),
        heartbeat(heard),
        act("10:00:00", "ann", id="x"),  # within, or too old to count in counters at all
        act("2026-03-03T10:03:00", "ann", id="x"),  # within, or a new event
    ]
    seen = recount(record, step_seconds=3600)
    assert seen.people["ann"].contributions == posted
    assert sum(posts(seen).values()) == posted


def test_duplicates_in_both_topics_and_of_failed_logins() -> None:
    record = [
        login("10:00:00", "ann", id="x", outcome="failure"),
        login("10:00:00", "ann", id="x", outcome="failure"),
        act("10:00:10", "ann", id="x"),
    ]
    seen = recount(record)
    assert {k.verb: v.events for k, v in seen.activity.items() if k.dimension == "company"} == {"login_failed": 1}
    assert seen.people == {}


def test_a_move_takes_the_whole_window_along_from_the_first_open_step() -> None:
    record = [
        act("10:00:10", "ann"),
        heartbeat("10:05:00"),  # watermark 10:03: step 10:03 and minute 10:02 are open
        person("ann", department="HR"),
        heartbeat("10:10:00"),
        act("10:00:40", "ann"),
        act("10:01:50", "ann"),
        act("10:02:10", "ann"),
    ]
    seen = recount(record, [person("ann", department="Sales")])
    assert windows(seen, "10:02:00", "department", "Sales") == (1, 1, 1, 1, 1)
    assert row(seen, "10:02:00", "department", "HR") is None
    assert row(seen, "10:03:00", "department", "Sales") == (0, 0, 0, 0, 0, 0, 0.0, True)
    assert row(seen, "10:03:00", "department", "HR") == (1, 1, 1, 1, 1, 1, 1.0, True)
    assert row(seen, "10:04:00", "department", "Sales") is None
    assert posts(seen, "department") == {
        ("Sales", seconds("10:00:00")): 2,  # late, by the directory at the minute's closing
        ("Sales", seconds("10:01:00")): 1,
        ("HR", seconds("10:02:00")): 1,
    }
    assert seen.people["ann"].department == "HR"


def test_listing_and_disabling_change_who_counts() -> None:
    record = [
        act("10:00:10", "ann"),
        heartbeat("10:03:00"),  # watermark 10:01
        person("ann", region="ES"),
        heartbeat("10:04:00"),  # watermark 10:02
        person("ann", region="ES", enabled=False),
        heartbeat("10:06:00"),
        act("10:00:20", "ann"),  # late: minute 10:00 closed while ann was listed and enabled
    ]
    seen = recount(record)
    assert windows(seen, "10:01:00", "region", "ES") == (1, 1, 1, 1, 1)  # 10:01 was open
    assert windows(seen, "10:02:00") == (0, 0, 0, 0, 0)
    assert windows(seen, "10:02:00", "region", "ES") == (0, 0, 0, 0, 0)
    assert posts(seen, "region") == {("ES", seconds("10:00:00")): 2}
    assert seen.people["ann"].contributions == 2


def test_a_forgotten_person_vanishes_and_returns_as_somebody_new() -> None:
    record = [
        act("10:00:10", "ann", community="hr", id="x"),
        heartbeat("10:05:00"),  # watermark 10:03
        act("10:02:30", "ann"),  # late, its minute is open
        act("10:04:30", "ann", "like"),
        login("10:04:40", "bob"),
        {"forget": "ann"},
        {"forget": "bob"},
        heartbeat("10:06:00"),
        act("10:06:30", "ann", "view"),
        act("10:00:50", "ann", id="z"),  # late, in a minute closed when ann was listed
    ]
    seen = recount(record, [person("ann", department="Sales"), person("cem")])
    assert row(seen, "10:02:00", "company", "all") == (2, 1, 1, 1, 1, 1, 0.5, True)
    assert row(seen, "10:03:00", "company", "all") == (1, 0, 0, 0, 0, 0, 0.0, True)
    assert windows(seen, "10:03:00", "department", "Sales") == (0, 0, 0, 0, 0)
    assert windows(seen, "10:05:00", "company", "all", "login") == (0, 0, 0, 0, 0)
    assert windows(seen, "10:07:00", "department", "unknown") == (1, 1, 1, 1, 1)
    found = {(k.member, k.verb, k.minute): v.events for k, v in seen.activity.items() if k.dimension == "department"}
    assert found == {
        ("Sales", "post", seconds("10:00:00")): 1,
        ("unknown", "post", seconds("10:00:00")): 1,
        ("unknown", "view", seconds("10:06:00")): 1,
    }
    first, last = milliseconds("10:00:50"), milliseconds("10:06:30")
    assert seen.people["ann"][1:3] == (False, False)
    assert seen.people["ann"][8:] == (first, last, None, first, 0, 1, 0, 1)
    assert set(seen.people) == {"ann", "cem"}


def test_an_event_that_comes_again_does_not_bring_back_who_was_forgotten() -> None:
    once = act("10:00:10", "ann", id="x")
    seen = recount([once, heartbeat("10:05:00"), {"forget": "ann"}, once, heartbeat("10:09:00")])
    assert "ann" not in seen.people
    assert windows(seen, "10:09:00") == (0, 0, 0, 0, 0)


def test_a_forgotten_member_is_no_member() -> None:
    record = [
        act("10:10:00", "ann", "join", community="hr"),
        {"forget": "ann"},
        person("ann"),
        act("10:20:00", "ann", "view", community="hr"),
    ]
    seen = recount(record, [person("ann")], step_seconds=3600)
    assert row(seen, "11:00:00", "community", "hr") == (0, 0, 1, 1, 1, 1, 0.0, True)


@pytest.mark.parametrize("seed", range(20))
def test_windows_are_those_of_the_definition_in_any_order_of_reading(seed: int) -> None:
    chance = Random(seed)
    start = milliseconds("10:00:00")
    times = [start] + [start + chance.randrange(0, 1800) * 1000 for _ in range(40)]
    names = [chance.choice("abcdef") for _ in times]
    clock = [f"10:{(time - start) // 60_000:02}:{(time - start) // 1000 % 60:02}" for time in times]
    seen = recount([act(time, name, "view") for time, name in zip(clock, names, strict=True)])
    watermarks = [max(times[:i], default=0) - 120_000 for i in range(len(times))]
    for key, found in seen.active_people.items():
        if key[1:] == ("company", "all", "active"):
            at = key.at * 1000
            read = [(t, n) for t, n, w in zip(times, names, watermarks, strict=True) if at >= w]
            assert found.w5m == len({n for t, n in read if at - 300_000 < t <= at})
            assert found.w1h == len({n for t, n in read if at - 3_600_000 < t <= at})
