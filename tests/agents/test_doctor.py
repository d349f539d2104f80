"""What the doctor makes of facts; the live tests make the facts."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from agents.doctor import numbers, producers
from agents.doctor.finding import Finding, seconds, wrong
from agents.doctor.numbers import Facts
from agents.doctor.sample import Feed, Feeds, misplaced
from agents.errors import Failed
from agents.kafka.broker import partition_of
from agents.settings import Settings

MINUTE = 60_000
NOW = 1_795_335_300_000  # 2026-11-22T08:15:00Z
SETTINGS = Settings.from_env({})


def feed(clock: int | None = NOW, **given: Any) -> Feed:
    """A partition with a single event, of `clock`; none if that is None."""
    events = given.pop("events", int(clock is not None))
    return Feed(0, max(events, 1), events=events, clock_ms=clock, earliest_ms=clock if events else None, **given)


def facts(*feeds: Feed, **given: Any) -> Facts:
    """Two partitions of both inputs."""
    places = [(topic, partition) for topic in ("esn.logins", "esn.content") for partition in (0, 1)]
    found = dict(zip(places, feeds or [feed() for _ in places], strict=True))
    told: dict[str, Any] = {"by_clock": True, "workers": 1, "behind": 0, "newest_step_ms": None}
    return Facts(step_ms=MINUTE, lateness_ms=2 * MINUTE, now_ms=NOW + 10 * MINUTE, feeds=found, **(told | given))


def test_numbers_that_move_are_ok() -> None:
    found = numbers.look(facts(newest_step_ms=NOW + 7 * MINUTE))
    assert found == Finding("numbers", "ok", "up to 2026-11-22 08:22:00 UTC")
    events = facts(by_clock=False, newest_step_ms=NOW - 3 * MINUTE)
    assert numbers.look(events).state == "ok"


def test_nothing_was_sent() -> None:
    nothing = [Feed(7, 7) for _ in range(4)]
    found = numbers.look(facts(*nothing, workers=0))
    assert (found.state, found.found) == ("warning", "there are none yet: esn.logins and esn.content hold no messages")
    assert "esn-pulse replay" in found.advice


def test_no_worker_runs() -> None:
    found = numbers.look(facts(workers=0))
    assert found == Finding("numbers", "wrong", "there are none yet: no worker runs", "start `esn-pulse worker`")


def test_numbers_that_stand_still_are_told_with_the_cause() -> None:
    found = numbers.look(facts(workers=0, newest_step_ms=NOW))
    assert found.found == (
        "stand still at 2026-11-22 08:15:00 UTC, and the step of 2026-11-22 08:22:00 UTC could be there: no worker runs"
    )


def test_everything_is_refused() -> None:
    refused = [feed(None, refused=Counter(missing_field=3, not_json=1)) for _ in range(4)]
    found = numbers.look(facts(*refused))
    assert (found.state, found.found) == (
        "wrong",
        "there are none yet: everything is refused (missing_field 12, not_json 4)",
    )


def test_one_input_alone_does_not_move_time_with_time_from_events() -> None:
    silent = [feed(), feed(None), Feed(0, 0), Feed(0, 0)]
    found = numbers.look(facts(*silent, by_clock=False))
    assert found.state == "wrong"
    assert "neither events nor heartbeats in partition 1 of esn.logins" in found.found
    assert "ESN_TIME=clock" in found.advice
    both = facts(*[feed(), feed(), Feed(0, 0), Feed(0, 0)], by_clock=False)
    assert "in partitions 0 and 1 of esn.content" in numbers.look(both).found


def test_heartbeats_alone() -> None:
    beats = [feed(NOW, events=0, heartbeats=1) for _ in range(4)]
    found = numbers.look(facts(*beats))
    assert (found.state, found.found) == ("warning", "there are none yet: there are heartbeats, and no events")


def test_a_step_that_is_not_over_by_the_clock() -> None:
    found = numbers.look(replace(facts(), now_ms=NOW + MINUTE))
    assert found.state == "warning"
    assert (
        "the step of 2026-11-22 08:15:00 UTC closes after ESN_LATENESS_SECONDS, at 2026-11-22 08:17:00 UTC"
        in found.found
    )


def test_a_step_that_is_not_over_by_events() -> None:
    #  first event 08:15:00 --- the step closes behind 08:17:00 --- only three of four partitions are there
    late = [feed(NOW), feed(NOW + 3 * MINUTE), feed(NOW + 3 * MINUTE), feed(NOW + 3 * MINUTE)]
    found = numbers.look(facts(*late, by_clock=False))
    assert found.state == "warning"
    assert "nothing is later than 2026-11-22 08:17:00 UTC" in found.found
    assert found.found.endswith("in partition 0 of esn.logins")


def test_a_worker_that_is_behind_and_one_that_does_nothing() -> None:
    assert "1,234 messages behind" in numbers.look(facts(behind=1234)).found
    found = numbers.look(facts())
    assert (found.state, found.advice) == ("wrong", "see the worker's log")


# -- producers


def sample(*feeds: Feed) -> Feeds:
    return {("esn.logins", partition): feed for partition, feed in enumerate(feeds)}


@pytest.mark.parametrize(
    ("cause", "words", "advice"),
    [
        ("crc32", "librdkafka's default partitioner", "partitioner=murmur2_random"),
        ("no key", "they have no key", "send the actor's id as the key"),
        ("another key", "their key is not the actor's id", "send the actor's id as the key"),
        ("another partitioner", "some other partitioner", "murmur2"),
    ],
)
def test_why_messages_are_in_the_wrong_partition(cause: str, words: str, advice: str) -> None:
    found, *_ = producers.look(SETTINGS, sample(feed(events=100, misplaced=Counter({cause: 30, "": 0}))))
    assert found.state == "wrong"
    assert found.found.startswith("30% of the latest 100")
    assert words in found.found
    assert advice in found.advice


def test_a_single_misplaced_message_is_a_warning() -> None:
    found, *_ = producers.look(SETTINGS, sample(feed(events=1000, misplaced=Counter({"no key": 1}))))
    assert found.state == "warning"


def test_misplaced() -> None:
    person = b"u17"
    right = partition_of(person, 8)
    assert misplaced(person, person, right, 8) == ""
    assert misplaced(person, None, right, 8) == ""
    elsewhere = (right + 1) % 8
    assert misplaced(person, None, elsewhere, 8) == "no key"
    assert misplaced(person, b"x", elsewhere, 8) == "another key"
    assert {misplaced(person, person, partition, 8) for partition in range(8)} <= {"", "crc32", "another partitioner"}


def states(settings: Settings, *feeds: Feed) -> dict[str, Finding]:
    return {found.check: found for found in producers.look(settings, sample(*feeds))}


def test_late_and_hasty_events() -> None:
    old = feed(events=10, delays_ms=[86_400_000] * 10)
    found = states(SETTINGS, old)["event times"]
    assert (found.state, "ESN_TIME=events" in found.advice) == ("warning", True)
    assert states(Settings.from_env({"ESN_TIME": "events"}), old)["event times"].state == "ok"
    assert states(SETTINGS, feed(events=2, delays_ms=[-60_000] * 2))["event times"].found == (
        "events are 60.0 s ahead of the time they are produced at"
    )


def test_producers_clocks() -> None:
    late = producers.ahead(sample(feed(newest_produced_ms=NOW)), NOW + 1000)
    early = producers.ahead(sample(feed(newest_produced_ms=NOW)), NOW - 10_000)
    far = producers.ahead(sample(feed(newest_produced_ms=NOW)), NOW - 100_000)
    assert [found.state if found else None for found in (late, early, far)] == ["ok", "warning", "wrong"]
    assert producers.ahead(sample(Feed(0, 0)), NOW) is None


def test_an_error_is_cut_into_what_is_wrong_and_what_to_do() -> None:
    assert wrong("x", Failed("no Kafka at h:1: start one")) == Finding("x", "wrong", "no Kafka at h:1", "start one")
    assert wrong("x", Failed("broken")) == Finding("x", "wrong", "broken", "")


@pytest.mark.parametrize(
    ("span", "told"),
    [(900, "0.9 s"), (-61_000, "61.0 s"), (600_000, "10 minutes"), (3 * 3_600_000, "3 hours"), (9e8, "10 days")],
)
def test_seconds(span: float, told: str) -> None:
    assert seconds(span) == told
