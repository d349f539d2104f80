"""Silent is who was to be heard of and was not."""

import pytest

from pipeline.sources import NAMED, OTHER, Sources

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MONDAY = 20_000 * DAY


def silent(sources: Sources, now: int) -> dict[str, bool]:
    return {told.name: told.silent for told in sources.told(now)}


def hourly(sources: Sources, start: int, events: list[int]) -> int:
    """So many events in each hour, a sixtieth of them each minute; return the end."""
    for minute in range(60 * len(events)):
        if many := events[minute // 60]:
            sources.hear("/a", start + minute * MINUTE, many // 60)
    return start + len(events) * HOUR


def test_with_heartbeats_ten_minutes_are_enough() -> None:
    sources = Sources()
    sources.hear("/a", MONDAY, events=0, heartbeats=1)
    assert silent(sources, MONDAY + 10 * MINUTE) == {"/a": False}
    assert silent(sources, MONDAY + 10 * MINUTE + 1) == {"/a": True}
    sources.hear("/a", MONDAY + 9 * MINUTE)
    assert silent(sources, MONDAY + 10 * MINUTE + 1) == {"/a": False}


def test_an_event_after_the_last_heartbeat_is_a_sign_of_life() -> None:
    sources = Sources()
    sources.hear("/a", MONDAY, events=0, heartbeats=1)
    sources.hear("/a", MONDAY + HOUR)
    assert silent(sources, MONDAY + HOUR + 5 * MINUTE) == {"/a": False}


@pytest.mark.parametrize(("per_hour", "minutes"), [(6000, 10), (120, 10), (60, 20), (20, 60), (1, 20 * 60)])
def test_without_heartbeats_twenty_events_must_be_missing(per_hour: int, minutes: int) -> None:
    sources = Sources()
    for event in range(5 * per_hour + 1):
        sources.hear("/a", MONDAY + event * HOUR // per_hour)
    newest = MONDAY + 5 * HOUR
    assert silent(sources, newest + minutes * MINUTE * 8 // 10) == {"/a": False}
    assert silent(sources, newest + minutes * MINUTE * 12 // 10) == {"/a": True}


def test_a_quiet_night_is_usual_after_a_day() -> None:
    """Busy from 8 to 18, quiet at night: the second night is no silence, a quiet second morning is."""
    sources = Sources()
    day = [0] * 8 + [600] * 10 + [0] * 6
    hourly(sources, MONDAY, day + day)
    second_night = MONDAY + DAY + 23 * HOUR
    assert silent(sources, second_night) == {"/a": False}
    assert silent(sources, MONDAY + 2 * DAY + 7 * HOUR) == {"/a": False}
    assert silent(sources, MONDAY + 2 * DAY + 9 * HOUR) == {"/a": True}


def test_a_quiet_sunday_is_usual_after_a_week() -> None:
    sources = Sources()
    week = ([0] * 8 + [600] * 10 + [0] * 6) * 5 + [0] * 48
    hourly(sources, MONDAY, [*week, *week[: 5 * 24]])
    sunday = MONDAY + 13 * DAY
    assert silent(sources, sunday + 12 * HOUR) == {"/a": False}
    assert silent(sources, sunday + DAY + 9 * HOUR) == {"/a": True}


def test_one_event_ever_is_no_rate() -> None:
    sources = Sources()
    sources.hear("/a", MONDAY)
    assert silent(sources, MONDAY + 12 * HOUR) == {"/a": False}


def test_late_events_do_not_set_the_clock_back() -> None:
    sources = Sources()
    sources.hear("/a", MONDAY, heartbeats=1)
    sources.hear("/a", MONDAY - DAY)
    assert sources.told(MONDAY)[0].newest_ms == MONDAY


def test_the_first_fifty_are_told_by_name_and_the_rest_as_one() -> None:
    sources = Sources()
    for number in range(NAMED + 3):
        sources.hear(f"/{number}", MONDAY + number, heartbeats=1)
    told = sources.told(MONDAY)
    assert [one.name for one in told] == [*(f"/{number}" for number in range(NAMED)), OTHER]
    assert told[-1].newest_ms == MONDAY + NAMED + 2
    assert not told[-1].silent
    # one of the three goes on, two are silent: others are silent
    sources.hear(f"/{NAMED}", MONDAY + HOUR, heartbeats=1)
    other = sources.told(MONDAY + HOUR)[-1]
    assert (other.name, other.newest_ms, other.silent) == (OTHER, MONDAY + HOUR, True)


def test_a_source_that_is_called_other_is_among_the_others() -> None:
    sources = Sources()
    sources.hear(OTHER, MONDAY)
    sources.hear("/a", MONDAY)
    assert [one.name for one in sources.told(MONDAY)] == ["/a", OTHER]


def test_a_feed_that_makes_up_sources_is_remembered_in_part() -> None:
    sources = Sources()
    for number in range(5000):
        sources.hear(f"/{number}" + "x" * number, MONDAY + number)
    assert len(sources) < 300
    told = sources.told(MONDAY + 5000)
    assert len(told) == NAMED + 1
    assert told[-1].newest_ms == MONDAY + 4999
    assert max(len(one.name) for one in told) <= 256
