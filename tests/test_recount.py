"""The recount against vectors counted by hand: windows, steps, who counts, segments, rows of zeros."""

from typing import Any

import pytest

from tests.recount import ActiveKey, ActiveRow, PersonRow, Recount, recount
from tests.recount.lines import act, heartbeat, login, milliseconds, person, seconds

NOBODY = (0, 0, 0, 0, 0)


def row(seen: Recount, at: str, dimension: str, member: str, measure: str = "active") -> ActiveRow | None:
    return seen.active_people.get(ActiveKey(seconds(at), dimension, member, measure))


def windows(seen: Recount, at: str, dimension: str, member: str, measure: str = "active") -> tuple[int, ...]:
    found = row(seen, at, dimension, member, measure)
    assert found is not None
    return found[1:6]


def steps(seen: Recount, dimension: str = "company") -> list[int]:
    return sorted({key.at for key in seen.active_people if key.dimension == dimension})


def activity(seen: Recount, dimension: str = "company") -> dict[tuple[Any, ...], int]:
    return {(k[0], *k[2:]): v.events for k, v in seen.activity.items() if k.dimension == dimension}


def days(first: int, last: int, month: int = 3) -> list[dict[str, Any]]:
    return [heartbeat(f"2026-{month:02}-{day:02}T00:00:00") for day in range(first, last + 1)]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("10:00:00", (1, 1, 1, 1, 1)),  # the act is exactly at the end: in
        ("10:04:00", (1, 1, 1, 1, 1)),
        ("10:05:00", (0, 1, 1, 1, 1)),  # exactly at the start: out
        ("10:59:00", (0, 1, 1, 1, 1)),
        ("11:00:00", (0, 0, 1, 1, 1)),
    ],
)
def test_short_windows_hold_their_end_and_not_their_start(at: str, expected: tuple[int, ...]) -> None:
    seen = recount([act("10:00:00", "ann"), heartbeat("11:05:00")])
    assert windows(seen, at, "company", "all") == expected
    assert windows(seen, at, "company", "all", "contribute") == expected
    assert windows(seen, at, "company", "all", "login") == NOBODY


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-03T09:00:00", (0, 0, 1, 1, 1)),
        ("2026-03-03T10:00:00", (0, 0, 0, 1, 1)),
        ("2026-03-09T09:00:00", (0, 0, 0, 1, 1)),
        ("2026-03-09T10:00:00", (0, 0, 0, 0, 1)),
        ("2026-03-30T09:00:00", (0, 0, 0, 0, 1)),
        ("2026-03-30T10:00:00", NOBODY),
    ],
)
def test_long_windows_too(at: str, expected: tuple[int, ...]) -> None:
    seen = recount([login("10:00:00", "ann"), *days(3, 31)], step_seconds=3600)
    assert windows(seen, at, "company", "all") == expected
    assert windows(seen, at, "company", "all", "login") == expected


def test_times_are_floored_to_the_millisecond_and_zones_heeded() -> None:
    record = [
        act("2026-03-02T12:00:00.0009+02:00", "ann"),
        act("10:00:00.001", "bob"),
        act("10:00:59.9999", "cem"),
        act("10:01:00", "dan"),
    ]
    seen = recount(record)
    assert windows(seen, "10:00:00", "company", "all")[0] == 1
    assert windows(seen, "10:01:00", "company", "all")[0] == 4
    assert seen.people["ann"].first_seen == milliseconds("10:00:00")
    assert seen.people["cem"].first_seen == milliseconds("10:00:59") + 999
    posts = ("all", "post", "other", "other")
    assert activity(seen) == {(seconds("10:00:00"), *posts): 3, (seconds("10:01:00"), *posts): 1}


@pytest.mark.parametrize(("more", "closed"), [(0, ["10:00:00"]), (1, ["10:00:00", "10:01:00"])])
def test_steps_and_minutes_close_when_the_watermark_is_greater(more: int, closed: list[str]) -> None:
    record = [act("10:00:00", "ann"), act("10:00:59", "ann"), act("10:01:30", "ann")]
    seen = recount(record, final_watermark=milliseconds("10:01:00") + more)
    assert steps(seen) == [seconds(at) for at in closed]
    assert {key.minute for key in seen.activity} == ({seconds("10:00:00")} if more else set())


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["10:00:30"], ["10:01:00"]),
        (["10:00:30", "10:02:10"], ["10:01:00", "10:02:00", "10:03:00"]),
        (["10:01:00", "10:02:00"], ["10:01:00", "10:02:00", "10:03:00"]),  # on the grid: one step more
    ],
)
def test_steps_go_from_the_first_time_to_the_step_after_the_last(times: list[str], expected: list[str]) -> None:
    seen = recount([act(time, "ann") for time in times])
    assert steps(seen) == [seconds(at) for at in expected]
    assert sum(row.events for key, row in seen.activity.items() if key.dimension == "company") == len(times)


def test_people_and_guests_and_the_unlisted_count_services_and_the_disabled_do_not() -> None:
    directory = [
        person("ann", region="ES", department="Sales", manager="boss", leader=True),
        person("gus", kind="guest", region="ES"),
        person("sam", kind="service", region="ES"),
        person("dis", enabled=False, region="ES"),
        person("idle", region=None, enabled=None, kind=None, ambassador=True),
    ]
    names = ["ann", "gus", "sam", "dis", "una"]
    record = [*(act("10:00:10", name) for name in names), login("10:00:20", "fay", outcome="failure")]
    seen = recount(record, directory)
    assert row(seen, "10:01:00", "company", "all") == (2, 3, 3, 3, 3, 3, 0.5, True)
    assert row(seen, "10:01:00", "company", "all", "login") == (2, *NOBODY, 0.0, True)
    assert row(seen, "10:01:00", "region", "ES") == (1, 2, 2, 2, 2, 2, 1.0, True)
    assert row(seen, "10:01:00", "region", "ES", "login") == (1, *NOBODY, 0.0, True)
    assert row(seen, "10:01:00", "region", "unknown") == (1, 1, 1, 1, 1, 1, 0.0, True)
    assert row(seen, "10:01:00", "department", "Sales") == (1, 1, 1, 1, 1, 1, 1.0, True)
    assert row(seen, "10:01:00", "department", "unknown") == (1, 2, 2, 2, 2, 2, 0.0, True)
    minute = seconds("10:00:00")
    assert activity(seen) == {
        (minute, "all", "post", "other", "other"): 3,
        (minute, "all", "login_failed", "other", "other"): 1,
    }
    assert activity(seen, "region")[minute, "unknown", "login_failed", "other", "other"] == 1
    assert activity(seen, "manager")[minute, "boss", "post", "other", "other"] == 1
    assert set(seen.people) == {"ann", "gus", "sam", "dis", "idle", "una"}
    time = milliseconds("10:00:10")
    posted = (time, time, None, time, 0, 0, 0, 1)
    assert seen.people["ann"] == ("person", True, True, "ES", "Sales", "boss", True, False, *posted)
    assert seen.people["sam"] == ("service", True, True, "ES", "unknown", "unknown", False, False, *posted)
    assert seen.people["dis"] == ("person", True, False, "ES", "unknown", "unknown", False, False, *posted)
    assert seen.people["una"] == ("unknown", False, False, *["unknown"] * 3, False, False, *posted)
    never = (None, None, None, None, 0, 0, 0, 0)
    assert seen.people["idle"] == ("person", True, True, *["unknown"] * 3, False, True, *never)


def test_every_tier_has_its_counter_and_measure_and_removal_none() -> None:
    record = [
        login("10:00:01", "ann", client="mobile"),
        act("10:00:02", "ann", "view", object_kind="wiki", client="web"),
        act("10:00:03", "ann", "join", community="hr"),
        act("10:00:04", "ann", "like", object_kind="cake", client="fridge"),
        act("10:00:05", "ann", "create_community", community="it"),
        login("10:00:06", "ann", outcome="failure"),
        act("10:00:07", "ann", "delete", object_kind=None),
        login("10:00:08", "ann", outcome="failure"),
        act("10:00:06", "dee", "delete"),
    ]
    seen = recount(record)
    start = milliseconds("10:00:00")
    times = (start + 1000, start + 7000, start + 1000, start + 5000)
    assert seen.people["ann"] == PersonRow(
        "unknown", False, False, "unknown", "unknown", "unknown", False, False, *times, 1, 2, 1, 1
    )
    assert seen.people["dee"][8:] == (start + 6000, start + 6000, None, None, 0, 0, 0, 0)
    assert windows(seen, "10:01:00", "company", "all") == (2, 2, 2, 2, 2)
    assert windows(seen, "10:01:00", "company", "all", "contribute") == (1, 1, 1, 1, 1)
    assert windows(seen, "10:01:00", "company", "all", "login") == (1, 1, 1, 1, 1)
    minute = seconds("10:00:00")
    assert activity(seen, "department") == {
        (minute, "unknown", "login", "other", "mobile"): 1,
        (minute, "unknown", "view", "wiki", "web"): 1,
        (minute, "unknown", "join", "other", "other"): 1,
        (minute, "unknown", "like", "other", "other"): 1,
        (minute, "unknown", "create_community", "other", "other"): 1,
        (minute, "unknown", "login_failed", "other", "other"): 2,
        (minute, "unknown", "delete", "other", "other"): 2,
    }
    assert activity(seen, "community") == {
        (minute, "hr", "join", "other", "other"): 1,
        (minute, "it", "create_community", "other", "other"): 1,
    }


def test_members_of_a_community_are_by_the_later_of_join_and_leave() -> None:
    directory = [person(name) for name in ("ann", "bob", "cem", "dan", "eve")] + [person("gus", kind="guest")]
    record = [
        act("10:10:00", "ann", "join", community="hr"),
        act("10:20:00", "ann", "leave", community="hr"),
        act("10:10:00", "bob", "leave", community="hr"),  # a tie: left
        act("10:10:00", "bob", "join", community="hr"),
        act("10:10:00", "cem", "leave", community="hr"),
        act("10:20:00", "cem", "join", community="hr"),
        act("10:15:00", "dan", "create_community", community="hr"),
        act("10:20:00", "eve", "leave", community="hr"),
        act("10:10:00", "eve", "join", community="hr"),  # earlier, read later
        act("10:10:00", "gus", "join", community="hr"),
        act("10:10:00", "una", "join", community="hr"),
        act("11:00:00", "dan", "leave", community="hr"),  # at the very end of the step
        act("11:30:00", "cem", "view", community="hr"),
        act("12:30:00", "ann", "view"),
    ]
    early = recount([line for line in record if line["time"] < "2026-03-02T11"], directory, step_seconds=3600)
    assert row(early, "11:00:00", "community", "hr") == (2, 0, 7, 7, 7, 7, 1.0, True)
    assert row(early, "11:00:00", "community", "hr", "contribute") == (2, 0, 1, 1, 1, 1, 0.5, True)
    assert row(early, "11:00:00", "community", "hr", "login") is None
    seen = recount(record, directory, step_seconds=3600)
    assert row(seen, "11:00:00", "community", "hr") == (1, 1, 7, 7, 7, 7, 1.0, True)
    assert row(seen, "11:00:00", "community", "hr", "contribute") == (1, 0, 1, 1, 1, 1, 0.0, True)
    assert row(seen, "13:00:00", "community", "hr") == (1, 0, 0, 7, 7, 7, 1.0, True)


def test_communities_and_managers_are_published_on_the_hour_only() -> None:
    directory = [person("ann", manager="boss"), person("gus", kind="guest", manager="host")]
    record = [
        act("10:40:00", "ann", community="hr"),
        act("10:40:00", "gus"),
        heartbeat("11:30:00"),  # closes 11:15
        person("ann", manager="other"),
        heartbeat("14:01:00"),
    ]
    seen = recount(record, directory, step_seconds=900)
    assert steps(seen)[:3] == [seconds("10:45:00"), seconds("11:00:00"), seconds("11:15:00")]
    hours = [seconds(f"{hour}:00:00") for hour in (11, 12, 13, 14)]
    assert steps(seen, "community") == steps(seen, "manager") == hours
    assert row(seen, "11:00:00", "manager", "boss") == (1, 0, 1, 1, 1, 1, 1.0, True)
    assert row(seen, "11:00:00", "manager", "boss", "login") == (1, *NOBODY, 0.0, True)
    assert row(seen, "11:00:00", "manager", "host", "login") is None
    assert row(seen, "12:00:00", "manager", "boss") == (0, *NOBODY, 0.0, True)
    assert row(seen, "12:00:00", "manager", "boss", "login") == (0, *NOBODY, 0.0, True)
    assert row(seen, "12:00:00", "manager", "other") == (1, 0, 0, 1, 1, 1, 1.0, True)
    assert row(seen, "13:00:00", "manager", "boss") is None
    assert row(seen, "11:00:00", "community", "hr") == (0, 0, 1, 1, 1, 1, 0.0, True)


def test_a_segment_that_empties_has_one_last_row_of_zeros() -> None:
    directory = [person("gus", kind="guest", region="FR")]
    seen = recount([act("10:30:00", "gus"), *days(3, 31)], directory, step_seconds=3600)
    rows = sorted(k.at for k in seen.active_people if k[1:] == ("region", "FR", "active"))
    assert rows == list(range(seconds("11:00:00"), seconds("2026-03-30T11:00:00") + 1, 3600))
    assert windows(seen, "2026-03-30T10:00:00", "region", "FR") == (0, 0, 0, 0, 1)
    assert row(seen, "2026-03-30T11:00:00", "region", "FR") == (0, *NOBODY, 0.0, True)
    assert row(seen, "2026-03-30T12:00:00", "region", "FR") is None
    assert not any(k[1:] == ("region", "FR", "login") for k in seen.active_people)
    for measure in ("active", "login", "contribute"):
        assert windows(seen, "2026-03-30T12:00:00", "company", "all", measure) == NOBODY


def test_an_act_leaves_adoption_after_7_days_and_its_row_after_28_to_the_hour() -> None:
    directory = [person("ann"), person("gus", kind="guest", region="FR")]
    seen = recount([act("10:00:00", "ann"), act("10:00:00", "gus"), *days(3, 31)], directory, step_seconds=3600)
    assert row(seen, "2026-03-09T09:00:00", "company", "all") == (1, 0, 0, 0, 2, 2, 1.0, True)
    assert row(seen, "2026-03-09T10:00:00", "company", "all") == (1, 0, 0, 0, 0, 2, 0.0, True)
    assert row(seen, "2026-03-30T09:00:00", "region", "FR") == (0, 0, 0, 0, 0, 1, 0.0, True)
    assert row(seen, "2026-03-30T10:00:00", "region", "FR") == (0, *NOBODY, 0.0, True)
    assert row(seen, "2026-03-30T11:00:00", "region", "FR") is None
    assert row(seen, "2026-03-30T11:00:00", "region", "unknown") == (1, *NOBODY, 0.0, True)


def test_a_step_whose_windows_start_at_the_last_act_is_empty_and_skipped() -> None:
    seen = recount([act("10:00:00", "ann"), heartbeat("2026-05-01T00:00:00")], step_seconds=3600)
    assert windows(seen, "2026-03-30T09:00:00", "company", "all") == (0, 0, 0, 0, 1)
    assert row(seen, "2026-03-30T10:00:00", "company", "all") is None


def test_a_jump_of_more_than_28_days_skips_only_steps_that_end_28_days_after_it_began() -> None:
    record = [act("10:30:00", "ann"), heartbeat("2026-03-29T12:00:00"), heartbeat("2026-06-20T12:00:00")]
    seen = recount(record, step_seconds=3600)
    assert windows(seen, "2026-03-30T10:00:00", "company", "all") == (0, 0, 0, 0, 1)
    assert row(seen, "2026-03-30T11:00:00", "region", "unknown") == (0, *NOBODY, 0.0, True)
    assert row(seen, "2026-04-26T11:00:00", "company", "all") is not None  # empty, but not for long enough
    assert row(seen, "2026-04-26T12:00:00", "company", "all") is None
    assert row(seen, "2026-06-20T12:00:00", "company", "all") is not None
    assert row(recount(record, step_seconds=3600, skipping_jump=None), "2026-05-10T00:00:00", "company", "all")
