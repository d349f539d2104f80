from collections import Counter
from dataclasses import replace

import pytest

from agents.simulation import Company
from schemas.events import HEARTBEAT, Event
from tests.agents.simulation.reading import events, messages

COMPANY = Company(people=150, days=3, seed=8)
LATENESS_MS = COMPANY.lateness_seconds * 1000
DAY_MS = 86_400_000


def walked(company: Company) -> list[tuple[Event, int, Event | None]]:
    """Return each event's first appearance with the newest time before it and the last heartbeat before it."""
    newest, beat, seen, steps = 0, None, set(), []
    for event in messages(company.lines()):
        if event.type == HEARTBEAT:
            beat = event
        elif event.id not in seen:
            seen.add(event.id)
            steps.append((event, newest, beat))
        newest = max(newest, event.time_ms)
    return steps


def test_without_disorder_the_file_is_in_order_of_time() -> None:
    times = [event.time_ms for event in messages(COMPANY.lines())]
    assert times == sorted(times)


def test_heartbeats_come_every_minute_and_are_the_newest_so_far() -> None:
    company = replace(COMPANY, shuffle_seconds=90, late=0.02, duplicates=0.02)
    newest, beats = 0, []
    for event in messages(company.lines()):
        if event.type == HEARTBEAT:
            assert event.time_ms >= newest
            beats.append(event.time_ms)
        newest = max(newest, event.time_ms)
    assert beats == list(range(company.start_ms, company.end_ms + 1, 60_000))


@pytest.mark.parametrize("seconds", [0.5, 60, 120])
def test_events_are_shuffled_by_at_most_the_bound(seconds: float) -> None:
    behind = [newest - event.time_ms for event, newest, _ in walked(replace(COMPANY, shuffle_seconds=seconds))]
    assert max(behind) <= seconds * 1000
    assert max(behind) > seconds * 500, "and it is used"


def test_late_events_come_straight_after_a_heartbeat_that_makes_them_late() -> None:
    company = replace(COMPANY, shuffle_seconds=60, late=0.03, duplicates=0.02)
    steps = walked(company)
    late = [(event, newest, beat) for event, newest, beat in steps if newest - event.time_ms > 60_000]
    assert len(late) == pytest.approx(0.03 * len(steps), rel=0.3)
    for event, newest, beat in late:
        assert beat is not None
        assert beat.time_ms == newest
        assert event.time_ms < newest - LATENESS_MS
    delays = [newest - event.time_ms for event, newest, _ in late]
    assert any(delay > LATENESS_MS + DAY_MS for delay in delays)
    assert any(delay < 3_600_000 for delay in delays)
    assert max(delays) < 41 * 3_600_000


def test_the_shuffle_may_use_the_whole_lateness_and_makes_nothing_late() -> None:
    company = replace(COMPANY, shuffle_seconds=COMPANY.lateness_seconds)
    assert all(event.time_ms >= newest - LATENESS_MS for event, newest, _ in walked(company))


def test_duplicates_are_the_same_bytes_within_twenty_hours() -> None:
    company = replace(COMPANY, duplicates=0.05, shuffle_seconds=60, late=0.01)
    newest, first = 0, dict[bytes, int]()
    again: list[int] = []
    for line in company.lines():
        told = messages([line])
        if not told:
            continue
        event = told[0]
        newest = max(newest, event.time_ms)
        if line in first:
            again.append(newest - event.time_ms)
        first.setdefault(line, newest)
    assert len(again) == pytest.approx(0.05 * len(events(COMPANY.lines())), rel=0.3)
    assert max(again) <= 20 * 3_600_000 + 120_000
    assert min(again) < 60_000
    assert max(Counter(event.id for event in messages(company.lines())).values()) == 2


def test_disorder_adds_and_loses_nothing() -> None:
    def told(company: Company) -> set[str | None]:
        return {event.id for event in events(company.lines())}

    assert told(replace(COMPANY, shuffle_seconds=60, late=0.1, duplicates=0.1)) == told(COMPANY)


def test_edges_are_hit_exactly_and_a_millisecond_beside() -> None:
    company = replace(COMPANY, edges=0.5, step_seconds=900)
    for grid in (900_000, 300_000, 60_000, 3_600_000):
        beside = Counter((event.time_ms + 1) % grid - 1 for event in events(company.lines()))
        for offset in (-1, 0, 1):
            assert beside[offset] > 20
    assert all(company.start_ms <= event.time_ms <= company.end_ms for event in events(company.lines()))
