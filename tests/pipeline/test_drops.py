"""What a single series shows: drops in time, with start, depth and end, and silence about everything else."""

import numpy as np
import pytest

from pipeline.drops import LONG_AGO, Bank, make_detector
from pipeline.drops.state import Floats
from tests.pipeline.weeks import DAY, HOUR, MONDAY, crowd, feed, rates, run

WEEK = 7 * 24
TUESDAY_10 = 24 + 10


def quiet(bank: Bank, scores: Floats) -> bool:
    return not (scores >= 1).any() and not bank.state.open.any()


def test_a_drop_has_its_start_depth_and_end() -> None:
    #   8 weeks as ever | Tuesday 10:00 half of them, for 4 hours | as ever
    counts = crowd(9, [200])[:, 0]
    begin = 8 * WEEK + TUESDAY_10
    counts[begin : begin + 4] *= 0.5
    detector = make_detector()
    seen = []
    for step, count in enumerate(counts[: begin + 8]):
        seen.append(detector.update(MONDAY + step * HOUR, count) >= 1)
        if step == begin + 3:
            event = detector.event
            assert event is not None
            assert event["end"] is None
            assert event["depth"] == pytest.approx(0.5, abs=0.07)
    assert np.flatnonzero(seen)[0] in (begin, begin + 1)
    event = detector.event
    assert event is not None
    assert event["start"] == MONDAY + begin * HOUR
    assert event["end"] - event["start"] in (4 * HOUR, 5 * HOUR)


def test_nothing_happened_and_nothing_is_said() -> None:
    counts = crowd(16, [2, 5, 10, 30, 100, 300, 1000, 3000] * 5)
    bank = Bank(rows=counts.shape[1])
    alarms = (run(bank, counts) >= 1)[7 * 24 :]
    openings = (alarms[1:] & ~alarms[:-1]).sum()
    assert openings <= 0.1 * 40 * 15 * 7 / 30  # a tenth of a false page per series in 30 days


def test_an_evening_below_a_good_morning_is_no_drop() -> None:
    counts = crowd(9, [1000])
    counts[8 * WEEK + 24 : 8 * WEEK + 24 + 13] *= 1.4
    bank = Bank(rows=1)
    assert quiet(bank, run(bank, counts[: 9 * WEEK - 24]))


def test_total_silence_of_a_small_group_shows_within_days() -> None:
    counts = crowd(10, [3])
    counts[9 * WEEK :] = 0
    bank = Bank(rows=1)
    found = np.flatnonzero(run(bank, counts)[:, 0] >= 1)
    assert 9 * WEEK < found[0] < 9 * WEEK + 48


def test_a_drop_of_a_small_office_lasts_over_the_weekend() -> None:
    counts = crowd(10, [6])
    begin = 8 * WEEK + 3 * 24
    counts[begin : begin + 6 * 24] = 0  # Thursday to Tuesday
    bank = Bank(rows=1)
    drops = {bank.state.start[0] for _, _ in feed(bank, counts[: begin + 6 * 24]) if bank.state.open[0]}
    assert len(drops) == 1


def test_a_holiday_neither_alarms_nor_trains() -> None:
    day = slice(6 * WEEK + 48, 6 * WEEK + 72)
    counts = crowd(9, [100, 100])
    counts[:, 1] = counts[:, 0]
    counts[day, 0], counts[day, 1] = 0, 70
    holidays = np.zeros(counts.shape, bool)
    holidays[day] = True
    bank = Bank(rows=2)
    assert quiet(bank, run(bank, counts, holidays=holidays))
    assert bank.expected[0] == bank.expected[1]
    unknown = Bank(rows=2)
    assert (run(unknown, counts)[day, 0] >= 1).any()  # without a calendar it is a drop


def test_what_was_not_fed_is_neither_judged_nor_learnt() -> None:
    counts = crowd(9, [100, 100])
    counts[:, 1] = counts[:, 0]
    counts[7 * WEEK + TUESDAY_10 : 7 * WEEK + TUESDAY_10 + 6, 0] = np.nan
    bank = Bank(rows=2)
    assert quiet(bank, run(bank, counts))
    assert bank.expected[0] == pytest.approx(bank.expected[1], rel=0.05)


def test_an_open_drop_stays_open_while_nothing_is_fed() -> None:
    counts = crowd(9, [200])
    begin = 8 * WEEK + TUESDAY_10
    counts[begin : begin + 3] = 0
    counts[begin + 3 :] = np.nan
    bank = Bank(rows=1)
    run(bank, counts)
    assert bank.state.open[0]
    assert bank.state.end[0] == LONG_AGO
    assert np.isnan(bank.expected[0])


def test_learning_needs_days_and_people() -> None:
    bank = Bank(rows=2)
    for at, _ in feed(bank, crowd(3, [50, 0.02])):
        assert bank.learning[0] == (at < MONDAY + 7 * DAY)
        assert bank.learning[1]


def test_a_handful_of_people_is_learning_whatever_they_do() -> None:
    counts = crowd(6, [20, 20])
    counts[5 * WEEK :] = 0
    bank, found = Bank(rows=2), np.zeros(2, bool)
    for step, row in enumerate(counts):
        at = np.full(2, MONDAY + step * HOUR)
        found |= bank.step(at, row, None, None, np.array([4.0, 5.0])) >= 1
    assert bank.learning.tolist() == [True, False]
    assert found.tolist() == [False, True]


def test_groups_whose_days_come_in_bursts_hardly_alarm_and_steady_ones_do() -> None:
    #  as communities begin: a lively day, then hardly anybody | beside them one that is steady, until all are silent
    bursts = np.repeat(np.exp(np.random.default_rng(7).normal(0, 1, (8 * 7, 20))), 24, axis=0)
    bursts = np.random.default_rng(8).poisson(rates(8)[:, None] * bursts).astype(float)
    bank = Bank(rows=21)
    alarms = run(bank, np.column_stack([bursts, crowd(8, [1])])) >= 1
    openings = (alarms[1:] & ~alarms[:-1]).sum(axis=0)
    assert openings[:20].sum() <= 20
    assert openings[20] == 0
    start = MONDAY + 8 * WEEK * HOUR
    assert (run(bank, np.zeros((4 * 24, 21)), start)[:, 20] >= 1).any()


def test_what_is_over_needs_new_evidence() -> None:
    counts = crowd(9, [60])[:, 0]
    begin = 8 * WEEK + TUESDAY_10
    counts[begin : begin + 3] = 0
    counts[begin + 3] *= 0.75
    counts[begin + 4] *= 0.9
    counts[begin + 5] *= 0.7
    detector = make_detector()
    starts = set()
    for step, count in enumerate(counts[: begin + 24]):
        if detector.update(MONDAY + step * HOUR, count) >= 1 and detector.event:
            starts.add(detector.event["start"])
    assert starts == {MONDAY + begin * HOUR}


def test_the_larger_the_group_the_smaller_the_drop_it_shows() -> None:
    bank = Bank(rows=4)
    run(bank, crowd(9, [0.1, 3, 30, 1000])[: -5 * 24])
    assert bank.state.smallest[0] == np.inf
    assert (np.diff(bank.state.smallest[1:]) < 0).all()


def test_the_alarm_line_is_where_the_alarm_begins() -> None:
    counts = crowd(9, [200])[: 8 * WEEK + TUESDAY_10]
    bank = Bank(rows=1)
    run(bank, counts)
    then, at = {name: column.copy() for name, column in bank.dump().items()}, MONDAY + len(counts) * HOUR
    bank.step(np.array([at]), np.array([200.0]))
    line = np.floor(bank.line)
    assert 50 < line[0] < bank.expected[0]
    for count, drop in ((line, True), (line + 1, False)):
        again = Bank.load(HOUR, then)
        assert (again.step(np.array([at]), count)[0] >= 1) == drop


def test_a_lasting_change_becomes_the_level() -> None:
    counts = crowd(20, [100])
    change = 8 * WEEK
    counts[change:] = crowd(20, [50], seed=2)[change:]
    bank = Bank(rows=1)
    alarm = run(bank, counts)[:, 0] >= 1
    assert alarm[change : change + WEEK].any()
    assert not alarm[change + 5 * WEEK :].any()


def test_people_who_moved_are_no_drop() -> None:
    counts, half = crowd(9, [200, 200]), 8 * WEEK + TUESDAY_10
    counts[half:] = np.round(counts[half:] / 2)
    bank, found = Bank(rows=2), np.zeros(2, bool)
    for step, row in enumerate(counts):
        population = np.array([400.0, 800.0 if step < half else 400.0])
        found |= bank.step(np.full(2, MONDAY + step * HOUR), row, None, population) >= 1
    assert found.tolist() == [True, False]


def test_nobody_enabled_is_not_judged() -> None:
    bank = Bank(rows=1)
    for step, row in enumerate(crowd(9, [100])):
        empty = step >= 8 * WEEK
        score = bank.step(
            np.array([MONDAY + step * HOUR]), row * (not empty), None, np.array([0.0 if empty else 300.0])
        )
        assert score[0] < 1
    assert np.isnan(bank.expected[0])


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
@pytest.mark.parametrize("hour", [0, 2])
def test_a_clock_change_is_no_drop(jump: int, hour: int) -> None:
    counts = crowd(10, [300])[:, 0]
    detector = make_detector()
    change = 8 * WEEK + 6 * 24 + hour  # on a Sunday; from then on the wall clock is an hour off
    for step in range(10 * WEEK - 24):
        at = MONDAY + step * HOUR + (jump if step >= change else 0)
        assert detector.update(at, counts[(at - MONDAY) // HOUR]) < 1


def test_five_minutes_know_the_shape_of_the_hour() -> None:
    rng = np.random.default_rng(3)
    share = np.array([4, 2, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1]) / 17
    counts = rng.poisson((rates(8, 600)[:, None] * share).ravel()).astype(float)[:, None]
    begin = (7 * WEEK + TUESDAY_10) * 12
    counts[begin:] = np.round(counts[begin:] * 0.3)
    bank = Bank(300, 1)
    found = False
    for at, score in feed(bank, counts[: begin + 12]):
        found = bool(score[0] >= 1)
        assert not found or at >= MONDAY + begin * 300
        if at == MONDAY + (begin - 24) * 300:
            on_the_hour = bank.expected[0]
        if at == MONDAY + (begin - 20) * 300:
            assert on_the_hour > 2 * bank.expected[0]
    assert found
    assert abs(bank.state.start[0] - (MONDAY + begin * 300)) <= 600


def test_a_grid_that_does_not_fit_an_hour_is_refused() -> None:
    with pytest.raises(ValueError, match="neither divides an hour"):
        Bank(700)
