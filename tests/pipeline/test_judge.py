"""What is judged depends on what was published, not on how it came."""

import json
import random
from itertools import pairwise

import pytest

from pipeline import judge_pages
from pipeline.calendars import Calendar
from pipeline.judge import Judge
from pipeline.page_columns import BadPages
from pipeline.pulse_book import Book, Counts
from schemas.pulse import instant
from tests.pipeline.pulses import DAY, DEPARTMENTS, HOUR, MONDAY, Pulses, judged

WEDNESDAY = MONDAY + 16 * DAY
"""After two weeks."""
NINE = WEDNESDAY + 9 * HOUR


def legal_stays_away(department: str, at: int) -> float:
    return float(department == "Legal" and NINE < at <= NINE + 6 * HOUR)


def everybody_stays_away(_department: str, at: int) -> float:
    return 0.8 * (NINE < at <= NINE + 6 * HOUR)


def test_a_department_that_stops_is_found_and_is_back() -> None:
    told = judged(Pulses(18, stays_away=legal_stays_away).log(), cut=(17,))  # step by step
    (drop,) = told.found(parent_id=None)
    assert (drop.dimension, drop.member, drop.measure, drop.window) == ("department", "Legal", "active", "1h")
    assert (drop.began_at, drop.state, drop.severity) == (instant(NINE), "recovered", "major")
    assert instant(NINE) < drop.detected_at <= instant(NINE + 2 * HOUR)
    assert instant(NINE + 6 * HOUR) <= (drop.ended_at or "") <= instant(NINE + 8 * HOUR)
    assert drop.depth > 0.9
    assert drop.lost_person_hours == pytest.approx(drop.expected - drop.observed, abs=40)
    changes = [change for change in told.changes if change.drop_id == drop.drop_id]
    assert [change.state for change in changes] == ["open"] * (len(changes) - 1) + ["recovered"]
    assert len(changes) > 5
    assert all(before.lost_person_hours <= after.lost_person_hours for before, after in pairwise(changes[:5]))
    assert {other.member for other in told.drops.values()} == {"Legal"}
    assert json.loads(changes[2].causes)["measures"]["login"] > 10


def test_a_drop_of_everybody_is_the_company_s() -> None:
    told = judged(Pulses(18, stays_away=everybody_stays_away).log())
    reported = told.found(parent_id=None)
    assert [(drop.dimension, drop.member) for drop in reported] == [("company", "all")]
    opened = next(drop for drop in told.changes if drop.drop_id == reported[0].drop_id)
    causes = json.loads(opened.causes)
    assert {cause["member"] for cause in causes["members"]} == set(DEPARTMENTS)


def test_the_outlook_tells_the_depth_of_what_is_reported_by_itself() -> None:
    def nobody_comes(_department: str, at: int) -> float:
        return 0.8 * (at > NINE)

    told = judged(Pulses(17, stays_away=nobody_comes).log())
    (reported,) = told.found(parent_id=None)
    outlook = told.judge.outlook
    assert outlook.depth == {(reported.dimension, reported.member, reported.measure): reported.depth}
    assert len(outlook.open) > 1


@pytest.mark.parametrize("seed", range(4))
def test_neither_order_nor_repeats_nor_restarts_change_what_is_found(seed: int) -> None:
    pulses = Pulses(17, partitions=3, stays_away=legal_stays_away, seed=seed)
    calm = judged(pulses.log())
    assert calm.found(member="Legal")
    chance = random.Random(seed)
    troubled = judged(pulses.troubled(chance), cut=(1, 50, 1000), restarts=0.02, seed=seed)
    assert troubled.drops == calm.drops
    assert _without_book(troubled.judge) == _without_book(calm.judge)


def _without_book(judge: Judge) -> dict[str, bytes]:
    """The pages but for the epochs, of which there were more."""
    return {key: page for key, page in judge_pages.encode(judge).items() if key not in ("book", "moment")}


def test_a_partition_that_is_behind_is_waited_for() -> None:
    pulses = Pulses(1)
    told = judged([])
    for at in pulses.steps:
        told.hear(pulses.step(at, 0))
    assert told.judge.book.done == 0
    for at in pulses.steps:
        told.hear(pulses.step(at, 1))
        assert told.judge.book.done == at


def test_a_partition_that_begins_late_or_leaves_out_steps_had_nobody() -> None:
    pulses = Pulses(1)
    first, second, third, *_ = pulses.steps
    told = judged([])
    told.hear([*pulses.step(first, 0), *pulses.step(second, 0), *pulses.step(third, 0)])
    told.hear(pulses.step(second, 1))
    assert told.judge.book.done == second


def book() -> Book:
    return Book(lambda at: at % HOUR == 0, frozenset({"manager"}))


def test_a_new_owner_s_half_of_a_step_is_no_step() -> None:
    pulses, at = Pulses(1, partitions=1), MONDAY + 9 * HOUR
    old, new = pulses.step(at, 0, epoch=1), pulses.step(at, 0, epoch=2)
    one = book()
    one.hear([*old, *new[:3]])
    assert one.complete() == []
    one.hear(old)  # nobody sends this any more; if somebody did, it would not count
    assert one.complete() == []
    one.hear(new[3:])
    assert one.complete() == [at]
    assert one.take(at)["department", "Legal", "active"].w1h > 0
    one.hear(pulses.step(at, 0, epoch=3))
    assert one.complete() == []  # it was judged


def test_people_add_up_over_partitions_and_only_judged_steps_are_kept() -> None:
    pulses, at = Pulses(1, partitions=3), MONDAY + 10 * HOUR
    parts = [pulses.step(at, number) for number in range(3)]
    apart = []
    for number in range(3):
        one = book()
        one.hear(record for record in parts[number] if record[0] != b"closing")
        apart.append(one.waiting[at][number].rows["company", "all", "active"])
    together = book()
    together.hear(record for part in parts for record in part)
    assert together.take(at)["company", "all", "active"] == Counts(*map(sum, zip(*apart, strict=True)))
    together.hear([(key, value.replace(b"10:00:00Z", b"10:01:00Z")) for key, value in parts[0]])
    assert together.waiting == {}


def test_managers_are_not_judged() -> None:
    pulses, at = Pulses(1, partitions=1), MONDAY + 10 * HOUR
    one = book()
    one.hear([(key, value.replace(b'"department"', b'"manager"')) for key, value in pulses.step(at, 0)])
    assert {key[0] for key in one.take(at)} == {"company"}


def test_what_is_no_pulse_is_passed_over() -> None:
    pulses, at = Pulses(1, partitions=1), MONDAY + 10 * HOUR
    odd = [
        (b"closing", b"{}"),
        (b"closing", None),
        (None, b""),
        (b"x", b'{"at":"2026-99-99T00:00:00Z"'),
        (b"y", b"\xff" * 40),
    ]
    one, other = book(), book()
    one.hear([*odd, *pulses.step(at, 0), *odd])
    other.hear(pulses.step(at, 0))
    assert one.take(at) == other.take(at)


def test_another_number_of_partitions_begins_anew() -> None:
    at = MONDAY + 9 * HOUR
    told = judged(Pulses(1, partitions=2).step(at, 0))
    told.hear(record for number in range(3) for record in Pulses(1, partitions=3).step(at + HOUR, number))
    assert told.judge.book.done == at + HOUR
    assert not told.judge.book.waiting


def test_a_silent_source_is_no_drop_and_nothing_is_learnt_of_it() -> None:
    def silent(at: int, partition: int) -> int | None:
        return NINE if partition == 0 and NINE < at <= NINE + 6 * HOUR else None

    told = judged(Pulses(18, stays_away=everybody_stays_away, silent_since=silent).log())
    assert told.drops == {}
    calm = judged(Pulses(16, stays_away=everybody_stays_away, silent_since=silent).log())
    hourly = calm.judge.hourly
    before = {name: column.copy() for name, column in hourly.bank.dump().items()}
    for at in range(NINE + HOUR, NINE + 6 * HOUR, HOUR):
        calm.hear(record for number in range(2) for record in Pulses(
            18, stays_away=everybody_stays_away, silent_since=silent).step(at, number))  # fmt: skip
        assert calm.judge.book.done == at
    assert all((column == before[name]).all() for name, column in hourly.bank.dump().items() if name != "plan")


@pytest.mark.parametrize(("since", "states"), [(NINE + 1800, {"withdrawn"}), (NINE + HOUR, {"recovered"})])
def test_what_began_when_a_source_had_fallen_silent_is_withdrawn(since: int, states: set[str]) -> None:
    def silent(at: int, _partition: int) -> int | None:
        return since if at == NINE + 4 * HOUR else None  # it took hours to be sure

    told = judged(Pulses(18, stays_away=everybody_stays_away, silent_since=silent).log(), cut=(8,))
    began = [drop for drop in told.drops.values() if drop.detected_at < instant(NINE + 4 * HOUR)]
    assert {drop.state for drop in began} == states
    assert {drop.began_at for drop in began} == {instant(NINE)}


def test_series_come_and_go() -> None:
    told = judged(Pulses(1, partitions=1).log())
    assert len(told.judge.hourly.keys) == 12
    alone = Pulses(31, partitions=1)
    for at in list(alone.steps)[24:]:
        told.hear(record for record in alone.step(at, 0) if record[0] != b"department/IT")
    assert {key[1] for key in told.judge.hourly.keys} == {"all", "Sales", "Legal"}
    assert told.judge.outlook.learning == 0


def test_damaged_pages_are_refused() -> None:
    pages = judge_pages.encode(judged(Pulses(2).log()).judge)
    for key in pages:
        for wrong in ({**pages, key: pages[key] + b"x"}, {k: p for k, p in pages.items() if k != key}):
            with pytest.raises(BadPages):
                judge_pages.decode(wrong, Judge(HOUR, Calendar()))
