"""Transitions against vectors counted by hand: each kind at its edges, late events, who counts, forgetting."""

from typing import Any

import pytest

from tests.recount import Recount, TransitionKey, recount
from tests.recount.lines import act, date_of, heartbeat, login, nights, on, person, until


def told(seen: Recount, name: str = "ann", but: tuple[str, ...] = ("joined",)) -> list[tuple[str, str]]:
    """What happened to a person, in order."""
    return [(key.at, key.kind) for key in sorted(seen.transitions) if key.person == name and key.kind not in but]


def hour(day: int, of: int) -> str:
    return on(day, f"{of:02}:00:00Z")


def lifecycle(seen: Recount, dimension: str = "company") -> dict[tuple[int, str, str], int]:
    first = date_of(0)
    return {
        ((key.day - first).days, key.member, key.transition): row.people
        for key, row in seen.lifecycle.items()
        if key.dimension == dimension
    }


def test_the_id_is_the_hash_of_kind_person_and_time() -> None:
    seen = recount([act("10:00:30", "ann")])
    assert seen.transitions[TransitionKey("2026-03-02T10:01:00Z", "new", "ann")] == (
        "ebfeaab431619614120f5dedd568a531",
        "unseen",
        "active",
    )


def test_first_activity_and_first_contribution_are_told_when_their_step_closes() -> None:
    record = [
        login("10:10:00", "ann", outcome="failure"),
        act("10:20:00", "bob", "view"),
        act("11:00:00", "ann", "like"),  # exactly at the end of a step: within
        act("11:30:00", "ann"),
        act("12:30:00", "ann"),
    ]
    seen = recount(record, step_seconds=3600)
    assert told(seen) == [(hour(0, 11), "new"), (hour(0, 12), "first_contribution")]
    assert told(seen, "bob") == [(hour(0, 11), "new")]
    assert {key.kind: row[1:] for key, row in seen.transitions.items()} == {
        "new": ("unseen", "active"),
        "first_contribution": ("reader", "contributor"),
    }
    assert seen.lifecycle == {}  # the day is not over


@pytest.mark.parametrize(
    ("next_time", "kind"),
    [
        (on(6, "23:59:59"), None),
        (on(7, "11:59:59.999"), None),
        (on(7, "12:00:00"), "returning"),  # 7 times 24 hours
        (on(28, "11:59:59.999"), "returning"),
        (on(28, "12:00:00"), "resurrected"),
    ],
)
def test_who_comes_again_after_7_or_28_times_24_hours(next_time: str, kind: str | None) -> None:
    record = [act(on(0), "ann", "view"), *nights(1, int(int(next_time[8:10]) - 2)), act(next_time, "ann", "view")]
    seen = recount(record, step_seconds=3600)
    found = [name for _, name in told(seen, but=("new", "at_risk", "dormant"))]
    assert found == ([kind] if kind else [])


@pytest.mark.parametrize(("late", "kind"), [(5, None), (8, "returning")])
def test_the_gap_is_from_the_last_activity_to_the_earliest_after_it(late: int, kind: str | None) -> None:
    record = [
        act(on(0), "ann", "view"),
        *nights(1, 20),
        heartbeat(on(20)),  # watermark 11:58: the step that ends at 12:00 is open
        act(on(20, "11:59:00"), "ann", "view"),
        act(on(late), "ann", "view"),
        *nights(21, 29),
        act(on(19), "ann", "view"),  # not after the last activity
        until(30),
    ]
    seen = recount(record, step_seconds=3600)
    expected = [(hour(0, 12), "new"), *([(hour(20, 12), kind)] if kind else [])]
    assert told(seen, but=("at_risk", "dormant")) == expected


def test_late_activity_is_folded_into_the_first_step_still_open() -> None:
    record = [
        act("10:00:00", "bob"),
        heartbeat("14:30:00"),  # watermark 14:28
        act("11:30:00", "ann"),
        heartbeat("16:02:00"),  # watermark 16:00, exactly
        act("11:40:00", "cem"),
        heartbeat("16:02:00.001"),
        act("11:40:00", "dan"),
    ]
    seen = recount(record, step_seconds=3600)
    assert [at for at, _ in told(seen)] == [hour(0, 15)] * 2
    assert [at for at, _ in told(seen, "cem")] == [hour(0, 16)] * 2  # still open
    assert [at for at, _ in told(seen, "dan")] == [hour(0, 17)] * 2


def test_what_is_before_the_first_step_is_folded_into_it() -> None:
    seen = recount([act("12:00:30", "ann"), act("11:59:30", "bob"), heartbeat("13:00:00")], step_seconds=3600)
    assert told(seen, "bob") == [(hour(0, 13), "first_contribution"), (hour(0, 13), "new")]


def test_transitions_of_steps_are_of_the_day_in_which_the_step_lies() -> None:
    record = [
        act(on(0), "ann", "view"),
        act(on(0, "23:30:00"), "bob", "view"),
        act(on(1, "00:00:00"), "cem", "view"),  # of the new day, but its step ends with the old one
        act(on(1, "00:00:01"), "dan", "view"),
        until(2),
    ]
    seen = recount(record, [person("bob", region="ES", department="HR", manager="boss")], step_seconds=3600)
    assert told(seen, "cem") == [(hour(1, 0), "new")]
    assert lifecycle(seen) == {(0, "all", "new"): 3, (1, "all", "new"): 1, (0, "all", "joined"): 1}
    assert lifecycle(seen, "region") == {
        (0, "ES", "new"): 1,
        (0, "unknown", "new"): 2,
        (1, "unknown", "new"): 1,
        (0, "ES", "joined"): 1,
    }
    assert lifecycle(seen, "department")[0, "HR", "new"] == lifecycle(seen, "manager")[0, "boss", "new"] == 1
    assert {key.dimension for key in seen.lifecycle} == {"company", "region", "department", "manager"}


def test_only_people_who_count_have_transitions_but_their_past_is_remembered() -> None:
    directory = [person("gus", kind="guest"), person("sam", kind="service"), person("dis", enabled=False)]
    names = ["gus", "sam", "dis", "una"]
    record = [
        *(act("10:30:00", name) for name in names),
        heartbeat("11:10:00"),
        person("dis"),
        act("11:30:00", "dis"),
        until(1),
    ]
    seen = recount(record, directory, step_seconds=3600)
    assert told(seen, "gus") == told(seen, "una") == [(hour(0, 11), "first_contribution"), (hour(0, 11), "new")]
    assert told(seen, "sam", but=()) == []
    assert told(seen, "dis", but=()) == [(hour(0, 12), "joined")]


def test_joining_and_leaving_are_judged_from_step_to_step() -> None:
    record = [
        heartbeat("10:30:00"),
        heartbeat("11:30:00"),  # watermark 11:28
        person("ann", enabled=False, region="SE"),
        person("bob", kind="guest"),
        person("cem", enabled=False),
        person("cem"),  # back before a step closed
        {"forget": "dan"},
        heartbeat("12:30:00"),
        person("ann", region="FR"),
        person("dan"),
        until(1),
    ]
    directory = [person(name, region="ES") for name in ("ann", "bob", "cem", "dan")]
    seen = recount(record, [*directory, person("off", enabled=False)], step_seconds=3600)
    assert told(seen, but=()) == [(hour(0, 11), "joined"), (hour(0, 12), "left"), (hour(0, 13), "joined")]
    assert told(seen, "bob", but=()) == [(hour(0, 11), "joined"), (hour(0, 12), "left")]
    assert told(seen, "cem", but=()) == [(hour(0, 11), "joined")]
    assert told(seen, "dan", but=()) == [(hour(0, 11), "joined"), (hour(0, 13), "joined")]
    assert told(seen, "off", but=()) == []
    assert lifecycle(seen, "region") == {
        (0, "ES", "joined"): 4,
        (0, "SE", "left"): 1,  # by the directory then
        (0, "unknown", "left"): 1,
        (0, "FR", "joined"): 1,
        (0, "unknown", "joined"): 1,
    }


@pytest.mark.parametrize(
    ("days", "risk"),
    [
        ([0], None),  # one active day has no gaps
        ([0, 1], 5),  # a gap of 1: silent for more than 3 days
        ([0, 1, 2, 4], 8),  # 1, 1, 2
        ([0, 2], 9),  # 2: more than 6 days
        ([0, 1, 3], 8),  # 1 and 2, so 1.5: more than 4.5 days
        ([0, 9], None),  # 9: more than 27 days, but then it is dormant
        ([0, 8], 33),
    ],
)
def test_at_risk_is_who_is_silent_for_three_times_their_median_gap(days: list[int], risk: int | None) -> None:
    record = [line for day in range(40) for line in [until(day)] * (day > 0) + [act(on(day), "ann")] * (day in days)]
    seen = recount(record, step_seconds=3600)
    found = [at for at, kind in told(seen) if kind == "at_risk"]
    assert found == ([] if risk is None else [hour(risk + 1, 0)])  # at the end of the day
    assert {key: n for key, n in lifecycle(seen).items() if key[2] == "at_risk"} == (
        {} if risk is None else {(risk, "all", "at_risk"): 1}
    )


@pytest.mark.parametrize(("first", "risk"), [(1, 65), (2, 66)])
def test_gaps_are_those_between_active_days_of_the_day_and_the_63_before(first: int, risk: int) -> None:
    record = [act(on(first), "ann"), *nights(2, 60), act(on(60), "ann"), until(61), act(on(61), "ann"), *nights(62, 70)]
    seen = recount(record, step_seconds=3600)
    # silent for more than 3 days on day 65; while the first day is among the 63 before, the median gap is long
    assert [at for at, kind in told(seen) if kind == "at_risk"] == [hour(risk + 1, 0)]


def test_silence_is_told_once_until_there_is_another() -> None:
    record = [
        act(on(0), "ann", "view"),
        until(1),
        act(on(1), "ann", "view"),
        *nights(2, 40),
        act(on(40), "ann", "view"),
        until(41),
        act(on(41), "ann", "view"),
        *nights(42, 80),
    ]
    seen = recount(record, step_seconds=3600)
    assert told(seen) == [
        (hour(0, 12), "new"),
        (hour(6, 0), "at_risk"),  # at the end of day 5: silent for 4 days
        (hour(30, 0), "dormant"),  # of day 29: for 28
        (hour(40, 12), "resurrected"),
        (hour(46, 0), "at_risk"),  # of day 45: the median of 1, 39 and 1 is 1
        (hour(70, 0), "dormant"),  # of day 69
    ]
    assert {row[1:] for key, row in seen.transitions.items() if key.kind == "at_risk"} == {("active", "at_risk")}
    assert {row[1:] for key, row in seen.transitions.items() if key.kind == "dormant"} == {("silent", "dormant")}
    assert {row[1:] for key, row in seen.transitions.items() if key.kind == "resurrected"} == {("dormant", "active")}


def test_a_late_activity_makes_another_silence_only_if_it_is_the_last() -> None:
    record = [
        act(on(0), "ann", "view"),
        until(1),
        act(on(1), "ann", "view"),
        *nights(2, 7),  # at risk at the end of day 5
        act(on(0, "13:00:00"), "ann", "view"),
        until(8),
        act(on(2), "ann", "view"),
        *nights(9, 12),
    ]
    seen = recount(record, step_seconds=3600)
    # the late one makes day 2 the last: at the end of the day still open, 8, silent for 6 days
    assert [at for at, kind in told(seen) if kind == "at_risk"] == [hour(6, 0), hour(9, 0)]


def test_silence_of_people_who_do_not_count_is_told_when_they_count_again() -> None:
    record = [
        act(on(0), "ann", "view"),
        until(1),
        person("ann", enabled=False),
        *nights(2, 35),
        person("ann"),
        *nights(36, 40),
    ]
    seen = recount(record, [person("ann", enabled=True)], step_seconds=3600)
    assert told(seen, but=("new", "left", "joined")) == [(hour(36, 0), "dormant")]


def test_who_was_forgotten_is_somebody_new_and_what_was_told_stays() -> None:
    record = [act(on(0), "ann"), *nights(1, 30), {"forget": "ann"}, act(on(30), "ann"), *nights(31, 33)]
    seen = recount(record, step_seconds=3600)
    assert told(seen) == [
        (hour(0, 12), "first_contribution"),
        (hour(0, 12), "new"),
        (hour(29, 0), "dormant"),
        (hour(30, 12), "first_contribution"),
        (hour(30, 12), "new"),
    ]


def test_a_duplicate_is_nothing_new() -> None:
    once: dict[str, Any] = act("10:00:30", "ann", id="x")
    seen = recount([once, heartbeat("10:59:00"), once, heartbeat("12:59:00")], step_seconds=3600)
    assert told(seen) == [(hour(0, 11), "first_contribution"), (hour(0, 11), "new")]


def test_days_skipped_in_a_jump_judge_nobody() -> None:
    record = [
        act(on(0), "ann", "view"),
        until(1),
        act(on(1), "bob", "view"),
        heartbeat(on(2)),  # 12:00: days that end after noon of day 32 have no rows
        act(on(60), "cem", "view"),  # watermark: day 60, 11:58
        until(61),
        until(62),
    ]
    seen = recount(record, step_seconds=3600)
    assert sorted({key.day for key in seen.adoption}) == [date_of(day) for day in (*range(32), 60, 61)]
    assert told(seen)[-1] == (hour(29, 0), "dormant")
    assert told(seen, "bob")[-1] == (hour(30, 0), "dormant")
    later = recount([*record[:4], *nights(3, 30), *record[4:]], step_seconds=3600)
    assert sorted({key.day for key in later.adoption})[-3:] == [date_of(day) for day in (59, 60, 61)]


@pytest.mark.parametrize(("ends", "shown"), [("00:00:00", True), ("00:00:00.001", True), ("23:59:59.999", False)])
def test_a_day_that_ends_30_days_after_the_newest_time_before_a_jump_has_rows(ends: str, shown: bool) -> None:
    """The newest time is that of a heartbeat on day 1 or 0; day 30 ends at midnight of day 31."""
    newest = on(1, ends) if shown else on(0, ends)
    seen = recount([act(on(0), "ann"), heartbeat(newest), act(on(60), "cem")], step_seconds=3600)
    assert (date_of(30) in {key.day for key in seen.adoption}) == shown
    assert date_of(29) in {key.day for key in seen.adoption}
