"""Clocks, the watermark, and the one order in which two topics are applied."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.acts import NEVER, NOBODY, Acts
from pipeline.clocks import CONTENT, LOGINS, Clocks
from pipeline.partition import Partition

WAITS = (False, False)


def acts(*times: int) -> Acts:
    column = np.array(times, np.int64)
    zero = np.zeros_like(column)
    return Acts(
        column,
        column,
        np.arange(len(times)),
        zero + NOBODY,
        zero,
        zero,
        zero,
        zero,
        zero.astype(np.uint64),
        zero,
        zero + NOBODY,
    )


def test_the_topic_that_is_ahead_waits_for_the_other() -> None:
    # logins   100      200          700
    # content       300      500
    clocks = Clocks(0)
    clocks.add(LOGINS, acts(100, 200, 700))
    clocks.add(CONTENT, acts(300, 500))
    applied, before = clocks.take(WAITS)
    assert applied.time.tolist() == [100, 300, 200, 700, 500]
    assert clocks.watermark == 500
    assert clocks.waiting(LOGINS) == clocks.waiting(CONTENT) == 0

    clocks.add(LOGINS, acts(800, 900))
    assert clocks.take(WAITS)[0].time.tolist() == []
    clocks.add(CONTENT, acts(750))
    assert clocks.take(WAITS)[0].time.tolist() == [750, 800]
    assert clocks.next_offset(LOGINS) == 1
    assert before.tolist()[:2] == [NEVER, NEVER]


def test_an_idle_topic_is_not_waited_for() -> None:
    clocks = Clocks(0)
    clocks.add(CONTENT, acts(100, 200, 300))
    assert clocks.take((True, False))[0].time.tolist() == [100, 200, 300]
    assert clocks.watermark == NEVER


def test_the_wall_clock_moves_an_idle_topic_and_time_never_goes_back() -> None:
    clocks = Clocks(20)
    clocks.add(LOGINS, acts(1000))
    clocks.take((False, True))
    clocks.idle_until((None, 5000))
    assert clocks.watermark == 980
    clocks.idle_until((6000, 6000))
    assert clocks.watermark == 5980
    clocks.idle_until((None, None))
    assert clocks.watermark == 5980


def test_a_partition_without_events_publishes_when_the_wall_clock_rules() -> None:
    state = Partition(0, 1, step_ms=60_000, lateness_ms=120_000)
    state.idle_until((None, 90_000))
    assert not state.due()
    state.idle_until((1_000_000_030_000, 1_000_000_030_000))
    state.idle_until((1_000_000_250_000, 1_000_000_250_000))
    assert [step.at for step in state.close().steps] == [1_000_000_080_000 // 60_000 * 60_000]


times = st.lists(st.integers(0, 50), max_size=30)


@given(logins=times, content=times, seed=st.integers(0, 1000))
def test_order_and_lateness_do_not_depend_on_how_fetches_interleave(
    logins: list[int], content: list[int], seed: int
) -> None:
    chance = random.Random(seed)

    def run(cuts: bool) -> list[tuple[int, bool]]:
        clocks = Clocks(10)
        seen: list[tuple[int, bool]] = []
        left = {LOGINS: logins, CONTENT: content}
        while any(left.values()):
            topic = chance.choice([LOGINS, CONTENT]) if cuts else LOGINS if left[LOGINS] else CONTENT
            many = chance.randint(0, 5) if cuts else 50
            clocks.add(topic, acts(*left[topic][:many]))
            left[topic] = left[topic][many:]
            applied, before = clocks.take(WAITS)
            seen += zip(applied.time.tolist(), (applied.time < before).tolist(), strict=True)
        assert clocks.waiting(LOGINS) == 0 or clocks.waiting(CONTENT) == 0
        return sorted(seen)

    assert run(cuts=True) == run(cuts=False)


@pytest.mark.parametrize("partition", [0])
def test_closing_is_strictly_behind_the_watermark(partition: int) -> None:
    state = Partition(partition, 1, step_ms=60_000, lateness_ms=0)
    state.clocks.add(LOGINS, acts(60_000, 120_000))
    state.clocks.add(CONTENT, acts(60_000, 120_000))
    state.apply(WAITS)
    assert [step.at for step in state.close().steps] == [60_000]
    state.clocks.add(LOGINS, acts(120_001))
    state.clocks.add(CONTENT, acts(120_001))
    state.apply(WAITS)
    assert [step.at for step in state.close().steps] == [120_000]
