"""Which steps are fed: the same whenever it is asked, and by each source partition's own sources."""

import numpy as np
import pytest

from pipeline.hearing import GONE_MS, Hearing
from pipeline.partition import Closed, Partition
from pipeline.sources import OTHER, REMEMBERED
from tests.pipeline.interrupted import Interrupted
from tests.pipeline.pure import Json, PureRun

MINUTE, HOUR = 60_000, 3_600_000
EIGHT = 1_772_438_400_000
"""2026-03-02 08:00 UTC."""


def login(time: str, actor: str, source: str) -> Json:
    return {"id": f"{time}{source}", "source": source, "type": "esn.login", "time": f"2026-03-02T{time}Z",
            "data": {"actor": actor}}  # fmt: skip


def beats(hearing: Hearing, name: str, *times: int, step_ms: int = HOUR, known: int = 0) -> None:
    """Heartbeats of a source; `known`: the watermark when they were read."""
    time = np.array(times, np.int64)
    step = -(-np.maximum(time, known) // step_ms) * step_ms
    hearing.hear(np.full(len(times), 2 * hearing.number(name) + 1), time, step)


def every(minutes: int, begin: int, end: int) -> range:
    return range(begin, end, minutes * MINUTE)


def steps(hearing: Hearing, *hours: int) -> list[int | None]:
    return [hearing.close(EIGHT + hour * HOUR, HOUR) for hour in hours]


def test_a_source_that_goes_on_feeds() -> None:
    hearing = Hearing()
    beats(hearing, "/a", *every(10, EIGHT + 1, EIGHT + 3 * HOUR))
    assert steps(hearing, 1, 2, 3) == [None] * 3


def test_nothing_known_is_fed() -> None:
    assert steps(Hearing(), 1, 2) == [None] * 2


def test_silence_is_told_with_its_begin_until_the_source_is_back() -> None:
    hearing = Hearing()
    last = EIGHT + 70 * MINUTE
    beats(hearing, "/a", *every(5, EIGHT + 1, last), last)
    beats(hearing, "/a", *every(5, EIGHT + 250 * MINUTE, EIGHT + 6 * HOUR))
    assert steps(hearing, 1, 2, 3, 4, 5, 6) == [None, last, last, last, last, None]


@pytest.mark.parametrize(("pause", "is_fed"), [(10 * MINUTE, True), (10 * MINUTE + 1, False)])
def test_a_pause_within_a_step_counts(pause: int, is_fed: bool) -> None:
    hearing = Hearing()
    beats(hearing, "/a", EIGHT + 20 * MINUTE, EIGHT + 20 * MINUTE + pause, *every(5, EIGHT + 35 * MINUTE, EIGHT + HOUR))
    assert (steps(hearing, 1) == [None]) == is_fed


def test_one_silent_source_of_two_is_enough() -> None:
    hearing = Hearing()
    beats(hearing, "/a", *every(5, EIGHT + 1, EIGHT + 2 * HOUR))
    beats(hearing, "/b", *every(5, EIGHT + 1, EIGHT + HOUR))
    assert [since is None for since in steps(hearing, 1, 2)] == [True, False]


def test_what_comes_late_does_not_feed_what_was_closed() -> None:
    early, late = Hearing(), Hearing()
    for hearing in (early, late):
        beats(hearing, "/a", EIGHT + 1)
    beats(early, "/a", *every(5, EIGHT + 1, EIGHT + 2 * HOUR), known=EIGHT + 90 * MINUTE)
    told = steps(late, 1)
    beats(late, "/a", *every(5, EIGHT + 1, EIGHT + 2 * HOUR), known=EIGHT + 90 * MINUTE)
    assert steps(early, 1, 2) == told + steps(late, 2)
    assert told == [EIGHT + 1]


def test_a_source_that_is_silent_for_a_week_is_no_more() -> None:
    hearing = Hearing()
    beats(hearing, "/a", EIGHT)
    assert hearing.close(EIGHT + GONE_MS - HOUR, HOUR) == EIGHT
    assert hearing.close(EIGHT + GONE_MS, HOUR) is None


def test_invented_sources_do_not_eat_the_memory() -> None:
    hearing = Hearing()
    for number in range(2 * REMEMBERED):
        hearing.number(f"/{number}")
    assert len(hearing.names) == REMEMBERED + 1
    assert hearing.names[-1] == OTHER


def test_crashes_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[tuple[int, int], int | None] = {}

    def close(state: Partition, most: int = 1000) -> Closed:
        closed = plain(state, most)
        told.update({(state.number, step.at): step.silent_since for step in closed.steps})
        return closed

    plain = Partition.close
    monkeypatch.setattr(Partition, "close", close)
    record = [
        login(f"{minute // 60:02}:{minute % 60:02}:00", f"u{minute % 7}", source)
        for minute in range(600, 1000)
        for source, pause in (("/a", range(0)), ("/b", range(700, 850)))
        if minute not in pause
    ]
    PureRun(2, step_seconds=900).run([], record)
    calm = dict(told)
    assert None in calm.values()
    assert len(set(calm.values())) >= 2
    crashed = 0
    for seed in range(10):
        told.clear()
        run = Interrupted(2, step_seconds=900, seed=seed, crashes=0.6)
        run.run([], record)
        crashed += run.crashed
        assert told == calm
    assert crashed > 5
