"""A moment stays as it is while its partition goes on, and counts as it did."""

import numpy as np

from pipeline.acts import NEVER
from pipeline.partition import Live, Partition
from pipeline.segments import COMMUNITY, REGION
from pipeline.still import place_of, still
from tests.pipeline.crowd import Crowd


def equal(one: Live, other: Live) -> bool:
    return all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))


def test_a_moment_counts_what_its_partition_counted_then() -> None:
    crowd = Crowd(seed=1)
    crowd.list_people(300)
    crowd.act(2000)
    for _ in range(5):
        moment, then = still(crowd.state), crowd.state.live()
        crowd.list_people(700)  # arrays grow, segments are added
        crowd.forget(50)
        crowd.act(2000)
        while crowd.state.due():
            crowd.state.close()
        assert equal(moment.live(), then)
        assert not equal(crowd.state.live(), then)


def test_nobody_is_in_a_window_before_anything_was_read() -> None:
    crowd = Crowd(seed=2)
    crowd.list_people(100)
    assert crowd.state.clocks.newest == NEVER
    live = still(crowd.state).live()
    assert not live.people.any()
    assert live.enabled[0] == crowd.enabled


def test_an_empty_partition_is_counted() -> None:
    live = still(Partition(0, 1, step_ms=60_000, lateness_ms=0)).live()
    assert not live.people.any()
    assert not live.enabled.any()


def test_a_segment_that_came_later_has_no_place_in_the_moment() -> None:
    crowd = Crowd(seed=3)
    crowd.list_people(10)
    moment = still(crowd.state)
    place = crowd.state.segments.of(REGION, "new")
    crowd.state.segments.of(COMMUNITY, "newer")
    assert place_of(moment, (REGION, "new")) is None
    assert place_of(still(crowd.state), (REGION, "new")) == place
    assert place_of(still(crowd.state), (REGION, "unheard of")) is None


def test_a_moment_is_small() -> None:
    """No more is copied than is counted: not the counters, not what is closed."""
    crowd = Crowd(seed=4)
    crowd.list_people(10)
    moment = still(crowd.state)
    assert moment.people.closed is crowd.state.people.closed
    assert moment.people.latest.shape[1] == len(crowd.state.people.name)
