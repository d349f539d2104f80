"""The recount's views of days against vectors counted by hand; transitions and time zones have files of their own."""

from typing import Any

import pytest

from tests.recount import (
    LeadersKey,
    MoveKey,
    Recount,
    RoleKey,
    SegmentKey,
    StageKey,
    recount,
)
from tests.recount.compare import assert_occurs, assert_varied, differences
from tests.recount.lines import act, date_of, heartbeat, login, milliseconds, nights, on, person, until
from tests.recount.trees import managers_above

Lines = list[dict[str, Any]]


def seen_in(record: Lines, directory: Lines, **settings: Any) -> Recount:
    return recount(record, directory, step_seconds=3600, **settings)


def key(day: int, dimension: str = "company", member: str = "all") -> SegmentKey:
    return SegmentKey(date_of(day), dimension, member)


def roles(seen: Recount, day: int, dimension: str = "company", member: str = "all") -> dict[str, int]:
    return {k.role: row.people for k, row in seen.roles.items() if k[:3] == key(day, dimension, member) and row.people}


def stages(seen: Recount, day: int, dimension: str = "company", member: str = "all") -> dict[str, int]:
    rows = seen.journey.items()
    return {k.stage: row.people for k, row in rows if k[:3] == key(day, dimension, member) and row.people}


def listed(names: str, **columns: Any) -> Lines:
    return [person(name, **columns) for name in names.split()]


# ---- days, and what is known of them


def test_a_day_has_rows_once_it_is_over_from_the_day_of_the_first_time_on() -> None:
    record = [act(on(0), "ann"), act(on(-1), "bob"), until(1), act(on(1), "ann")]
    seen = seen_in(record, listed("ann bob"))
    assert {k.day for k in seen.adoption} == {date_of(0)}
    assert seen.adoption[key(0)][:4] == (2, 0, 2, 2)  # bob's day has no rows, but is one of the seven


def test_seven_days_are_the_day_and_the_six_before() -> None:
    seen = seen_in([act(on(0, "00:00:00"), "ann"), act(on(0, "23:59:59"), "bob"), *nights(1, 8)], listed("ann bob"))
    assert [seen.adoption[key(day)].active_7d for day in range(8)] == [2] * 7 + [0]


def test_late_events_count_in_every_day_still_to_close() -> None:
    record = [
        act(on(0), "ann", "view"),
        *nights(1, 2),
        act(on(0), "bob"),  # known from day 2 on
        act(on(2), "ann", "view"),
        *nights(3, 9),
    ]
    seen = seen_in(record, listed("ann bob"))
    assert [seen.adoption[key(day)].contributed_7d for day in range(8)] == [0, 0, 1, 1, 1, 1, 1, 0]
    assert [seen.spread[key(day)].ever_used for day in range(8)] == [0, 0, 1, 1, 1, 1, 1, 1]
    assert stages(seen, 1) == {"unaware": 1, "visited": 1}
    assert stages(seen, 2) == {"first_use": 1, "visited": 1}


@pytest.mark.parametrize(("more", "known"), [("", 0), (".001", 1)])
def test_an_event_is_known_from_the_day_still_open_when_it_is_read(more: str, known: int) -> None:
    record = [act(on(0), "ann"), heartbeat(on(1, f"00:02:00{more}")), act(on(0), "bob"), *nights(2, 3)]
    seen = seen_in(record, listed("ann bob"))
    assert [seen.adoption[key(day)].active_7d for day in range(2)] == [2 - known, 2]


def test_an_event_does_not_count_in_days_before_it() -> None:
    seen = seen_in([act(on(0), "ann"), act(on(1), "bob", to=["cem"]), *nights(2, 2)], listed("ann bob cem"))
    assert [seen.adoption[key(day)].active_7d for day in range(2)] == [1, 2]
    assert stages(seen, 0) == {"first_use": 1, "unaware": 2}
    assert stages(seen, 1) == {"first_use": 2, "aware": 1}


def test_duplicates_count_once_within_24_hours_behind_the_watermark() -> None:
    once, late = act(on(0), "ann", id="x"), act(on(0), "bob", id="y")
    record = [once, once, act(on(0), "bob"), *nights(1, 2), late, late, *nights(3, 3)]
    seen = seen_in(record, listed("ann bob"))
    assert roles(seen, 0) == {"leading": 2}
    # later than that they are nobody's duplicates: bob has 3 contributions, ann one
    assert roles(seen, 2) == {"leading": 1, "contributor": 1}


def test_the_directory_is_that_of_the_day_s_closing() -> None:
    record = [
        act(on(0), "ann", "view"),
        heartbeat(on(0, "23:00:00")),
        person("ann", department="HR"),
        until(1),
        person("ann", department="HR", enabled=False),
        person("bob", department="HR"),
        *nights(2, 2),
        person("bob", kind="guest"),
        *nights(3, 3),
    ]
    seen = seen_in(record, listed("ann", department="Sales"))
    assert {k: row.enabled for k, row in seen.adoption.items() if k.dimension in {"company", "department"}} == {
        key(0): 1,
        key(0, "department", "HR"): 1,
        key(1): 1,
        key(1, "department", "HR"): 1,
        key(2): 0,
    }
    assert seen.adoption[key(1)].active_7d == 0  # ann is disabled


def test_who_was_forgotten_is_in_no_day_that_closes_later() -> None:
    record = [
        act(on(0), "bob", "recognise", to=["ann"]),
        act(on(0), "ann", "join", community="hr"),
        act(on(0), "ann"),
        until(1),
        {"forget": "ann"},
        person("ann"),
        until(2),
        act(on(2), "ann", "view"),
        until(3),
    ]
    seen = seen_in(record, listed("ann bob"))
    assert [seen.adoption[key(day)].contributed_7d for day in range(3)] == [2, 1, 1]
    assert stages(seen, 0) == {"first_use": 2}
    assert stages(seen, 1) == {"first_use": 1, "unaware": 1}  # being named is forgotten, too
    assert stages(seen, 2) == {"first_use": 1, "visited": 1}
    assert {k: row.people for k, row in seen.journey_moves.items() if k.dimension == "company"} == {
        MoveKey(date_of(2), "company", "all", "unaware", "visited"): 1
    }
    assert [k.day for k in seen.adoption if k.dimension == "community"] == [date_of(0)]


# ---- segments


def test_segments_are_those_of_the_directory_communities_and_trees() -> None:
    directory = [
        person("ann", region="ES", department="HR", manager="bob"),
        person("bob", region="ES", manager="cem"),
        person("gus", kind="guest", region="FR", manager="ann"),
        person("dis", enabled=False, region="FR", manager="ann"),
        person("dan", manager="dis"),
    ]
    record = [
        act(on(0), "ann", "join", community="it"),
        act(on(0), "gus", "join", community="it"),
        act(on(0), "una", "join", community="hr"),
        until(1),
    ]
    seen = seen_in(record, directory)
    assert {k[1:]: row.enabled for k, row in seen.adoption.items()} == {
        ("company", "all"): 3,
        ("region", "ES"): 2,
        ("region", "unknown"): 1,
        ("department", "HR"): 1,
        ("department", "unknown"): 2,
        ("manager", "bob"): 1,
        ("manager", "cem"): 1,
        ("manager", "dis"): 1,
        ("community", "it"): 1,
        ("manager_tree", "cem"): 3,  # not listed: bob, ann below bob, and dan
        ("manager_tree", "bob"): 2,
        ("manager_tree", "ann"): 1,  # dan, below somebody who is disabled
        ("manager_tree", "dis"): 1,
    }
    assert {k.dimension for k in seen.lifecycle} == {"company", "region", "department", "manager"}
    for view in (seen.roles, seen.participation, seen.journey, seen.leaders, seen.advocacy, seen.spread):
        assert {k[1:3] for k in view} == {k[1:] for k in seen.adoption}


@pytest.mark.parametrize(
    ("manager_of", "above"),
    [
        ({}, {}),
        ({"ann": "bob", "bob": "cem"}, {"ann": "bob cem", "bob": "cem"}),
        ({"ann": "ann", "bob": "ann"}, {"ann": "ann", "bob": "ann"}),
        ({"ann": "bob", "bob": "ann"}, {"ann": "ann bob", "bob": "ann bob"}),
        (
            {"ann": "bob", "bob": "cem", "cem": "ann", "dan": "cem"},
            {"ann": "ann bob cem", "bob": "ann bob cem", "cem": "ann bob cem", "dan": "ann bob cem"},
        ),
    ],
)
def test_in_a_loop_of_managers_everybody_is_below_everybody(manager_of: dict[str, str], above: dict[str, str]) -> None:
    assert {name: managers_above(name, manager_of) for name in manager_of} == {
        name: set(managers.split()) for name, managers in above.items()
    }


def test_a_community_holds_its_members_by_the_steps_closed_up_to_the_day_s_end() -> None:
    record = [
        act(on(0), "ann", "join", community="hr"),
        act(on(0), "bob", "join", community="hr"),
        act(on(0, "23:59:59"), "bob", "leave", community="hr"),
        act(on(1, "00:00:00"), "cem", "join", community="hr"),  # the last step of the day holds its end
        act(on(1, "00:00:00.001"), "dan", "join", community="hr"),
        *nights(2, 2),
    ]
    seen = seen_in(record, listed("ann bob cem dan"))
    assert [seen.adoption[key(day, "community", "hr")][:3] for day in (0, 1)] == [(2, 0, 1), (3, 0, 3)]


def test_a_step_over_the_end_of_a_day_does_not_make_members_of_it() -> None:
    record = [
        act("10:00:00", "ann", "join", community="hr"),
        act("18:10:00", "bob", "join", community="hr"),  # in Calcutta the day ends at 18:30
        heartbeat("18:20:00"),
        act("17:50:00", "cem", "join", community="hr"),  # late: in the step that ends at 19:00
        heartbeat("19:30:00"),
        until(1),
    ]
    seen = seen_in(record, listed("ann bob cem"), timezone="Asia/Kolkata")
    assert seen.adoption[key(0, "community", "hr")][:3] == (1, 0, 1)
    assert seen.adoption[key(0)][:3] == (3, 0, 3)


def test_what_members_do_counts_wherever_they_do_it() -> None:
    record = [
        act(on(0), "ann", "join", community="hr"),
        act(on(0), "ann", community="it"),
        act(on(0), "bob", community="hr"),
        until(1),
    ]
    seen = seen_in(record, listed("ann bob"))
    assert seen.adoption[key(0, "community", "hr")][:4] == (1, 0, 1, 1)
    assert key(0, "community", "it") not in seen.adoption  # nobody belongs to it


# ---- adoption


def test_adoption_counts_logins_activity_and_contributions_of_the_enabled() -> None:
    record = [
        login(on(0), "ann"),
        login(on(0), "bob", outcome="failure"),
        act(on(0), "cem", "delete"),
        act(on(1), "dan"),
        login(on(1), "gus"),
        login(on(1), "una"),
        *nights(2, 30),
    ]
    seen = seen_in(record, [*listed("ann bob cem dan"), person("gus", kind="guest")])
    assert seen.adoption[key(0)] == (4, 1, 2, 0, 0.5, None, None, 1.0, None, False)
    assert seen.adoption[key(1)] == (4, 1, 3, 1, 0.75, None, None, 1 / 3, None, False)
    assert seen.adoption[key(6)] == (4, 1, 3, 1, 0.75, None, None, 0.0, None, False)
    assert seen.adoption[key(7)] == (4, 0, 1, 1, 0.25, -0.25, None, 0.0, None, False)
    assert seen.adoption[key(8)] == (4, 0, 0, 0, 0.0, -0.75, None, 0.0, None, False)
    assert seen.adoption[key(28)] == (4, 0, 0, 0, 0.0, 0.0, -0.5, 0.0, None, False)


def test_a_segment_that_had_no_row_has_no_change() -> None:
    record = [act(on(0), "ann"), *nights(1, 7), person("bob", region="FR"), until(8)]
    seen = seen_in(record, listed("ann", region="ES"))
    assert seen.adoption[key(7)].change_7d == 0.0 - 1.0
    assert seen.adoption[key(7, "region", "FR")].change_7d is None


def test_a_company_without_enabled_people_has_rows_of_zeros() -> None:
    seen = seen_in([act(on(0), "una"), *nights(1, 8)], [])
    assert set(seen.adoption) == {key(day) for day in range(8)}
    assert seen.adoption[key(7)] == (0, 0, 0, 0, 0.0, 0.0, None, 0.0, None, False)
    assert {k.role: row for k, row in seen.roles.items() if k.day == date_of(0)} == dict.fromkeys(
        ("leading", "contributor", "active_reader", "reader", "absent"), (0, 0, 0.0, None)
    )
    assert seen.participation[key(0)] == (0, 0, 0, 0, 0.0, 0.0, 0.0)
    conversions = {k.stage: row[1:] for k, row in seen.journey.items() if k.day == date_of(0)}
    assert conversions.pop("unaware") == (0, 0.0, 0, 1.0)
    assert set(conversions.values()) == {(0, 0.0, 0, 0.0)}
    assert seen.advocacy[key(0)] == (0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    assert seen.spread[key(0)] == (0, 0, 0.0, None, None, None, None)


def test_targets_are_of_members_else_the_default_which_is_not_for_communities_and_managers() -> None:
    directory = [person("ann", region="ES", department="HR", manager="bob"), person("bob", region="FR")]
    record = [act(on(0), "ann", "join", community="it"), act(on(0), "ann", "join", community="hr"), until(1)]
    targets = {"default": 0.5, "company": {"all": 0.6}, "region": {"ES": 1.0}, "community": {"it": 0.7}}
    seen = seen_in(record, directory, targets=targets)
    assert {k[1:]: row[-2:] for k, row in seen.adoption.items()} == {
        ("company", "all"): (0.6, True),  # one of two
        ("region", "ES"): (1.0, False),
        ("region", "FR"): (0.5, True),
        ("department", "HR"): (0.5, False),
        ("department", "unknown"): (0.5, True),
        ("manager", "bob"): (None, False),
        ("manager", "unknown"): (None, False),
        ("manager_tree", "bob"): (None, False),
        ("community", "it"): (0.7, False),
        ("community", "hr"): (None, False),
    }


# ---- roles


@pytest.mark.parametrize(
    ("verb", "role"),
    [
        *((verb, "contributor") for verb in ("post", "comment", "upload", "edit", "recognise", "accept_answer")),
        ("create_community", "contributor"),
        *((verb, "active_reader") for verb in ("like", "unlike", "vote", "share", "share_external", "follow")),
        *((verb, "reader") for verb in ("view", "search", "unfollow", "join", "leave", "delete")),
    ],
)
def test_every_verb_makes_a_role_for_28_days(verb: str, role: str) -> None:
    many = [act(on(0), "bob") for _ in range(2)]  # the top of the company
    seen = seen_in([act(on(0), "ann", verb), *many, *nights(1, 29)], [person("ann", region="ES"), person("bob")])
    assert [roles(seen, day, "region", "ES") for day in (0, 27, 28)] == [{role: 1}, {role: 1}, {"absent": 1}]


def test_logging_in_is_reading_and_failing_to_is_not() -> None:
    record = [login(on(0), "ann"), login(on(0), "bob", outcome="failure"), until(1)]
    assert roles(seen_in(record, listed("ann bob")), 0) == {"reader": 1, "absent": 1}


@pytest.mark.parametrize(("days", "role"), [(7, "contributor"), (8, "leading")])
def test_who_contributed_on_eight_days_is_leading(days: int, role: str) -> None:
    record: Lines = []
    for day in range(days):
        record += [act(on(day), "bob") for _ in range(20) if day == 1]
        record += [act(on(day), "ann"), act(on(day, "13:00:00"), "ann"), until(day + 1)]
    seen = seen_in([*record, *nights(days + 1, 30)], [person("ann", region="ES"), person("bob")])
    assert roles(seen, days - 1, "region", "ES") == roles(seen, 27, "region", "ES") == {role: 1}
    assert roles(seen, 28, "region", "ES") == {"contributor": 1}  # the first of them is over


@pytest.mark.parametrize(("contributors", "leading"), [(100, 1), (101, 3)])
def test_the_first_hundredth_of_the_company_is_leading_ties_in(contributors: int, leading: int) -> None:
    names = [f"u{number}" for number in range(contributors)]
    record = [act(on(0), name) for name in names]
    record += [act(on(0), names[0]), act(on(0), names[0]), act(on(0), names[1]), act(on(0), names[2])]
    record += [act(on(0), "gus") for _ in range(9)]  # a guest raises no threshold
    directory = [*(person(name, region="ES" if name == "u2" else "FR") for name in names), person("gus", kind="guest")]
    seen = seen_in([*record, until(1)], directory)
    assert roles(seen, 0) == {"leading": leading, "contributor": contributors - leading}  # of 3, 2, 2, 1, 1 ...
    assert roles(seen, 0, "region", "ES") == {
        "leading" if leading == 3 else "contributor": 1
    }  # the company's threshold


def test_rows_of_roles_and_of_the_own_90_9_1() -> None:
    record = [
        *(act(on(0), "ann") for _ in range(2)),
        act(on(0), "bob"),
        act(on(0), "cem", "like"),
        act(on(0), "dan", "view"),
        act(on(0), "eve", "view"),
        *nights(1, 29),
    ]
    seen = seen_in(record, listed("ann bob cem dan eve fay gil hal"))
    of_day = {k.role: row for k, row in seen.roles.items() if k[:3] == key(0)}
    assert of_day == {
        "leading": (8, 1, 0.125, None),
        "contributor": (8, 1, 0.125, None),
        "active_reader": (8, 1, 0.125, None),
        "reader": (8, 2, 0.25, None),
        "absent": (8, 3, 0.375, None),
    }
    assert seen.participation[key(0)] == (5, 3, 1, 1, 0.6, 0.2, 0.2)
    assert seen.roles[RoleKey(date_of(28), "company", "all", "absent")] == (8, 8, 1.0, 0.625)
    assert seen.roles[RoleKey(date_of(28), "company", "all", "reader")] == (8, 0, 0.0, -0.25)
    assert seen.participation[key(28)] == (0, 0, 0, 0, 0.0, 0.0, 0.0)


# ---- the journey


def test_every_stage_in_its_turn() -> None:
    record = [
        act(on(0), "bob", "view"),
        until(1),
        act(on(1), "bob", to=["ann"]),
        until(2),
        act(on(2), "ann", "view"),
        until(3),
        act(on(3), "ann", "like"),
        act(on(3, "13:00:00"), "ann", "like"),
        *nights(4, 10),
        act(on(10), "ann", "vote"),
        *nights(11, 17),
        act(on(17), "ann"),
        *nights(18, 24),
        act(on(24), "ann", "unlike"),
        *nights(25, 53),
        act(on(53), "ann", "view"),
        *nights(54, 54),
    ]
    seen = seen_in(record, [person("ann", region="ES"), person("bob")])
    found = [next(iter(stages(seen, day, "region", "ES"))) for day in range(54)]
    assert found == [
        "unaware",
        "aware",
        "visited",
        *["first_use"] * 7,
        *["second_use"] * 14,
        *["continuous"] * 7,  # day 24 to 30: the weeks hold days 3, 10, 17 and 24
        *["second_use"] * 21,
        "lapsed",  # day 52: 28 days after day 24
        "second_use",
    ]


def test_four_weeks_are_counted_back_from_the_day() -> None:
    """Use on the days 0, 13, 14 and 21 is in each of the four weeks only on day 27."""
    record = [line for day in range(33) for line in [until(day)] * (day > 0) + [act(on(day), "ann")] * (day in USE)]
    seen = seen_in(record, listed("ann"))
    assert [day for day in range(32) if stages(seen, day) == {"continuous": 1}] == [27]


USE = {0, 13, 14, 21}


@pytest.mark.parametrize(("named", "stage"), [(49, "aware"), (50, "unaware")])
def test_the_first_fifty_named_are_aware(named: int, stage: str) -> None:
    to = [f"u{number}" for number in range(named)] + ["ann"]
    seen = seen_in([act(on(0), "una", "view", to=to), until(1)], listed("ann"))
    assert stages(seen, 0) == {stage: 1}


def test_being_named_is_known_like_any_event_whoever_says_it() -> None:
    record = [
        act(on(0), "una", "delete", to=["ann"]),
        login(on(0), "una", to=["bob"]),  # a login names nobody
        act(on(0), "una", "view", to=None),
        until(1),
        act(on(0), "sam", to=["cem", "cem"]),  # late: known from day 1 on
        act(on(1), "dis", to=["new"]),  # not listed yet
        until(2),
        person("new"),
        until(3),
    ]
    seen = seen_in(record, [*listed("ann bob cem"), person("sam", kind="service"), person("dis", enabled=False)])
    assert [stages(seen, day) for day in range(3)] == [
        {"aware": 1, "unaware": 2},
        {"aware": 2, "unaware": 1},
        {"aware": 3, "unaware": 1},
    ]


def test_a_funnel_counts_who_reached_a_stage_and_who_went_on() -> None:
    record = [
        *(act(on(0), name, "view") for name in ("lap", "vis", "one")),
        act(on(0), "two"),
        *nights(1, 27),
        act(on(27), "vis", "view", to=["awa"]),
        act(on(27), "one", "like"),
        act(on(27), "two", "like"),
        *nights(28, 29),
    ]
    seen = seen_in(record, listed("lap vis one two awa una unb unc"))
    assert {k.stage: row for k, row in seen.journey.items() if k[:3] == key(28)} == {
        "unaware": (8, 3, 0.375, 8, 1.0),
        "aware": (8, 1, 0.125, 5, 5 / 8),
        "visited": (8, 1, 0.125, 4, 4 / 5),
        "first_use": (8, 1, 0.125, 2, 0.5),
        "second_use": (8, 1, 0.125, 1, 0.5),
        "continuous": (8, 0, 0.0, 0, 0.0),
        "lapsed": (8, 1, 0.125, 1, 0.25),
    }


def test_moves_are_of_people_enabled_at_both_ends_where_they_are_now() -> None:
    record = [
        act(on(0), "ann", "view"),
        until(1),
        act(on(1), "ann"),
        act(on(1), "bob"),
        act(on(1), "cem"),  # was not enabled before
        act(on(1), "dan"),  # is not any more
        person("ann", region="FR"),
        person("cem", region="ES"),
        person("dan", region="ES", enabled=False),
        until(2),
        heartbeat(on(3)),
        act(on(70), "bob"),  # after a jump: the day closed before is day 32
        until(71),
    ]
    directory = [*listed("ann bob dan", region="ES"), person("cem", region="ES", enabled=False)]
    seen = seen_in(record, directory)
    moved = {k: row.people for k, row in seen.journey_moves.items() if k.dimension in {"company", "region"}}
    assert moved == {
        MoveKey(date_of(1), "company", "all", "visited", "first_use"): 1,
        MoveKey(date_of(1), "company", "all", "unaware", "first_use"): 1,
        MoveKey(date_of(1), "region", "FR", "visited", "first_use"): 1,
        MoveKey(date_of(1), "region", "ES", "unaware", "first_use"): 1,
        MoveKey(date_of(29), "company", "all", "first_use", "lapsed"): 3,
        MoveKey(date_of(29), "region", "FR", "first_use", "lapsed"): 1,
        MoveKey(date_of(29), "region", "ES", "first_use", "lapsed"): 2,
        MoveKey(date_of(70), "company", "all", "lapsed", "second_use"): 1,
        MoveKey(date_of(70), "region", "ES", "lapsed", "second_use"): 1,
    }


# ---- leaders, advocacy, spread


def test_leaders_and_ambassadors_beside_everybody() -> None:
    directory = [
        person("ann", leader=True),
        person("bob", leader=True, ambassador=True),
        person("cem", ambassador=True),
        person("dan"),
        person("gus", kind="guest", leader=True),
    ]
    record = [act(on(0), "ann", "view"), act(on(0), "bob"), act(on(0), "gus"), *nights(1, 8)]
    seen = seen_in(record, directory)
    rows = {(k.day, k.who): row for k, row in seen.leaders.items() if k.dimension == "company"}
    assert rows[date_of(0), "leader"] == (2, 2, 1, 1.0, 0.5)
    assert rows[date_of(0), "ambassador"] == (2, 1, 1, 0.5, 0.5)
    assert rows[date_of(0), "everybody"] == (4, 2, 1, 0.5, 0.25)
    assert rows[date_of(7), "leader"] == (2, 0, 0, 0.0, 0.0)
    assert rows[date_of(7), "everybody"] == (4, 0, 0, 0.0, 0.0)


def test_a_segment_without_leaders_says_so() -> None:
    seen = seen_in([act(on(0), "ann"), until(1)], listed("ann"))
    assert seen.leaders[LeadersKey(date_of(0), "region", "unknown", "leader")] == (0, 0, 0, 0.0, 0.0)


def test_sharing_outside_in_28_days_and_activity_inside_in_7() -> None:
    record = [
        act(on(0), "ann", "share_external"),
        act(on(0), "bob", "share_external"),
        act(on(0), "bob", "share"),
        act(on(0), "cem", "view"),
        login(on(0), "dan"),
        *nights(1, 29),
    ]
    seen = seen_in(record, listed("ann bob cem dan eve"))
    assert seen.advocacy[key(0)] == (5, 2, 3, 1, 0.5, 0.6, 1 / 3, 0.4)
    assert seen.advocacy[key(6)] == seen.advocacy[key(0)]
    assert seen.advocacy[key(7)] == (5, 2, 0, 0, 0.0, 0.0, 0.0, 0.4)
    assert seen.advocacy[key(27)] == seen.advocacy[key(7)]
    assert seen.advocacy[key(28)] == (5, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    assert seen.adoption[key(0)].active_7d == 4  # sharing outside is activity, too


def test_spread_tells_when_a_tenth_a_quarter_and_a_half_had_used_it() -> None:
    names = [f"u{number}" for number in range(10)]
    record: Lines = [act(on(0), "u0", "view"), until(1)]
    for day, (name, verb) in enumerate([("u0", "like"), ("u1", "post"), ("u2", "vote"), ("u3", "view")], start=1):
        record += [act(on(day), name, verb), until(day + 1)]
    record += [act(on(5), "u3"), act(on(5), "u4"), until(6), person("u5", enabled=False), person("u0", enabled=False)]
    seen = seen_in([*record, until(7)], [person(name) for name in names])
    d1, d3, d5 = date_of(1), date_of(3), date_of(5)
    assert [seen.spread[key(day)] for day in range(7)] == [
        (10, 0, 0.0, None, None, None, None),
        (10, 1, 0.1, d1, None, None, 1),
        (10, 2, 0.2, d1, None, None, 1),
        (10, 3, 0.3, d1, d3, None, 1),
        (10, 3, 0.3, d1, d3, None, 1),
        (10, 5, 0.5, d1, d3, d5, 1),
        (8, 4, 0.5, d1, d3, d5, 1),
    ]


def test_segments_are_placed_by_the_day_on_which_they_reached_a_tenth() -> None:
    directory = [person("ann", region="ES"), *(person(name, region="FR") for name in ("bob", "cem"))]
    directory += [person("dan", region="SE"), person("eve", region="UK")]
    record = [
        act(on(0), "ann"),
        until(1),
        act(on(1), "bob"),
        act(on(1), "dan"),
        until(2),
        person("ann", region="FR"),  # ES was the pilot; who has nobody any more is not before others
        until(3),
    ]
    seen = seen_in(record, directory)
    places = {(k.day, k.member): row.position for k, row in seen.spread.items() if k.dimension == "region"}
    assert places == {
        (date_of(0), "ES"): 1,
        (date_of(0), "FR"): None,
        (date_of(0), "SE"): None,
        (date_of(0), "UK"): None,
        (date_of(1), "ES"): 1,
        (date_of(1), "FR"): 2,
        (date_of(1), "SE"): 2,
        (date_of(1), "UK"): None,
        (date_of(2), "FR"): 1,
        (date_of(2), "SE"): 1,
        (date_of(2), "UK"): None,
    }


# ---- people by all that was read


def test_early_adopters_are_the_first_tenth_of_the_contributors_ties_in() -> None:
    names = [f"u{number}" for number in range(11)]
    record = [act(f"10:{max(number - 1, 1):02}:00", name) for number, name in enumerate(names)]  # u0, u1, u2 at 10:01
    record += [act("09:00:00", "gus"), act("09:00:00", "una"), act("09:00:00", "off"), act("09:30:00", "u0", "like")]
    directory = [person(name, region="ES") for name in names]
    directory += [person("gus", kind="guest"), person("off", enabled=False), person("idle")]
    seen = seen_in(record, directory)
    tied = (milliseconds("10:01:00"), "ES", "unknown", 1)
    assert seen.early_adopters == {"u0": tied, "u1": tied, "u2": tied}  # 11 / 10, rounded up, is 2
    more = seen_in([*record, act("10:00:30", "u3")], directory)
    assert {name: row.position for name, row in more.early_adopters.items()} == {"u3": 1, "u0": 2, "u1": 2, "u2": 2}
    assert seen_in([login("10:00:00", "ann")], listed("ann")).early_adopters == {}


def test_memberships_count_communities_joined_and_owned() -> None:
    record = [
        act("10:00:00", "ann", "create_community", community="hr"),
        act("10:00:00", "ann", "join", community="it"),
        act("10:00:00", "ann", "view", community="pr"),
        act("10:00:00", "bob", "create_community", community="bo"),
        act("10:30:00", "bob", "leave", community="bo"),
        act("10:40:00", "bob", "join", community="bo"),  # belongs to it, but owns it no more
        act("10:00:00", "cem", "join", community="hr"),
        act("10:00:00", "cem", "leave", community="hr"),  # a tie: left
        act("10:30:00", "una", "create_community", community="x"),
        act("10:00:00", "una", "leave", community="x"),
    ]
    assert seen_in(record, listed("ann bob cem")).memberships == {"ann": (2, 1), "bob": (1, 0), "una": (1, 1)}


# ---- the comparison


def test_differences_and_guards_work_on_rows_of_days() -> None:
    seen = seen_in([act(on(0), "ann"), *nights(1, 3)], listed("ann bob"))
    assert differences(seen.adoption, dict(seen.adoption)) == []
    wrong = {**seen.spread, key(1): seen.spread[key(1)]._replace(reached_50=date_of(1))}
    assert differences(seen.spread, wrong) == [
        "differs 2026-03-03 / company / all: reached_50 expected datetime.date(2026, 3, 2), "
        "found datetime.date(2026, 3, 3)"
    ]
    fewer = {k: row for k, row in seen.transitions.items() if k.kind != "new"}
    assert [line[:7] for line in differences(seen.transitions, fewer)] == ["missing"]
    with pytest.raises(AssertionError, match="enabled takes only the values"):
        assert_varied(seen.adoption)
    with pytest.raises(AssertionError, match="change_7d takes only the values"):
        assert_varied(seen.adoption, but=["enabled", "logged_in_7d", "active_7d", "contributed_7d", "share_7d"])


def test_every_name_must_occur_in_several_segments() -> None:
    seen = seen_in([act(on(0), "ann"), act(on(0), "bob"), act(on(0), "bob"), until(1)], listed("ann bob cem"))
    assert_occurs(seen.roles, "role", ["leading", "contributor", "absent"])
    with pytest.raises(AssertionError, match=r"reader.* occurs in 0 segments"):
        assert_occurs(seen.roles, "role", ["leading", "reader"])
    assert StageKey(date_of(0), "company", "all", "lapsed") in seen.journey  # a row of zeros is no occurrence
    with pytest.raises(AssertionError, match="lapsed occurs in 0 segments"):
        assert_occurs(seen.journey, "stage", ["lapsed"])
