"""What the contract says of each topic."""

import pytest

from schemas.topics import (
    BASELINES,
    CONTENT,
    DIRECTORY,
    DROPS,
    LOGINS,
    NAMED,
    PAGES,
    PULSE,
    REJECTS,
    TOPICS,
    TRANSITIONS,
    Topic,
)

DAY_MS = 86_400_000
MIB = 1 << 20


@pytest.mark.parametrize("topic", [LOGINS, CONTENT, PULSE, TRANSITIONS, REJECTS], ids=lambda topic: topic.name)
def test_a_flow_is_deleted_after_a_time(topic: Topic) -> None:
    assert topic.config["cleanup.policy"] == "delete"
    assert int(topic.config["retention.ms"]) >= 7 * DAY_MS


@pytest.mark.parametrize("topic", [DIRECTORY, DROPS, PAGES], ids=lambda topic: topic.name)
def test_a_state_is_compacted(topic: Topic) -> None:
    assert topic.config["cleanup.policy"] == "compact"
    assert "retention.ms" not in topic.config


def test_inputs_outlive_the_longest_window_and_the_days_of_duplicates() -> None:
    for topic in (LOGINS, CONTENT):
        assert int(topic.config["retention.ms"]) > (28 + 1) * DAY_MS


def test_a_worker_that_was_away_as_long_as_inputs_are_kept_still_hears_whom_to_forget() -> None:
    assert int(DIRECTORY.config["delete.retention.ms"]) >= int(LOGINS.config["retention.ms"])


def test_rejects_are_kept_a_week_and_hold_a_whole_input_message_with_its_headers() -> None:
    assert int(REJECTS.config["retention.ms"]) == 7 * DAY_MS
    assert int(REJECTS.config["max.message.bytes"]) == 4 * MIB
    for topic in (LOGINS, CONTENT, DIRECTORY):
        assert int(topic.config["max.message.bytes"]) == 2 * MIB


def test_topics_of_the_same_people_share_their_partitions() -> None:
    assert [topic for topic in TOPICS if topic.per_source] == [
        LOGINS, CONTENT, DIRECTORY, TRANSITIONS, NAMED, PAGES,
    ]  # fmt: skip


def test_what_is_judged_together_has_one_partition() -> None:
    assert [topic for topic in TOPICS if topic.partitions == 1] == [PULSE, BASELINES]


def test_old_event_times_never_age_a_record() -> None:
    assert {topic.config["message.timestamp.type"] for topic in TOPICS} == {"CreateTime"}


def test_a_prefix_goes_before_the_name() -> None:
    assert LOGINS.full_name("") == "esn.logins"
    assert LOGINS.full_name("acme") == "acme.esn.logins"


def test_each_topic_is_listed_once() -> None:
    names = [topic.name for topic in TOPICS]
    assert names == sorted(set(names), key=names.index)
    assert len(names) == 10
