"""What a record becomes: which messages, where to, in which order. No broker; times in minutes of one morning."""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.errors import Failed
from agents.kafka.broker import partition_of
from agents.replay import Message, Record, Script
from agents.settings import Settings

MORNING = 1_790_000_000_000 // 86_400_000 * 86_400_000 + 8 * 3_600_000
MINUTE = 60_000


def clock(minutes: float) -> str:
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=MORNING + round(minutes * MINUTE))
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(minutes: float, actor: str = "u1", kind: str = "esn.content", source: str = "/s") -> bytes:
    data = {"actor": actor, "verb": "post"}
    fields = {"specversion": "1.0", "id": f"e{minutes}", "source": source, "type": kind, "time": clock(minutes)}
    return json.dumps(fields | ({"data": data} if kind != "esn.heartbeat" else {})).encode()


def script(now_minutes: float = 1e6, environ: Mapping[str, str] | None = None) -> Script:
    settings = Settings.from_env(environ or {})
    return Script(2, settings, lambda: MORNING + round(now_minutes * MINUTE))


def beats(messages: Sequence[Message]) -> list[float]:
    """The time of each broadcast, in minutes; every one goes to every partition of both inputs, keyless."""
    found: dict[bytes, list[Message]] = {}
    for message in messages:
        if message.value and b"esn.heartbeat" in message.value:
            found.setdefault(message.value, []).append(message)
    for copies in found.values():
        assert [m.key for m in copies] == [None] * len(copies)
        assert sorted((m.topic, m.partition) for m in copies) == [
            (topic, partition) for topic in ("esn.content", "esn.logins") for partition in (0, 1)
        ]
    return [times(value) for value in found]


def times(raw: bytes | None) -> float:
    at = datetime.fromisoformat(json.loads(raw or b"")["time"])
    return (at.timestamp() * 1000 - MORNING) / MINUTE


def test_the_morning_of_these_tests_is_what_it_says() -> None:
    first = script().line(event(0))
    assert first[-1].value == event(0)
    assert MORNING == 1_789_977_600_000


def test_an_event_goes_to_its_topic_keyed_by_its_actor_as_it_was() -> None:
    plays = script()
    plays.line(event(0))
    raw = event(1, "ñ", "esn.login")
    place = partition_of("ñ".encode(), 2)
    assert plays.line(raw + b"\r\n") == [Message("esn.logins", place, "ñ".encode(), raw)]
    assert plays.line(event(1, "ñ")) == [Message("esn.content", place, "ñ".encode(), event(1, "ñ"))]


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"abc", 479470107),
    ],
)
def test_the_partition_is_that_of_the_java_client(key: bytes, murmur2: int) -> None:
    """The hashes are those of the Java client's own tests."""
    for partitions in (1, 4, 7):
        assert partition_of(key, partitions) == (murmur2 & 0x7FFFFFFF) % partitions


def test_the_record_begins_with_a_heartbeat_at_its_first_time_and_from_its_source() -> None:
    messages = script().line(event(3, source="/prod"))
    assert beats(messages) == [3]
    assert messages[0].value
    assert json.loads(messages[0].value)["source"] == "/prod"
    assert messages[-1].key == b"u1"


def test_a_heartbeat_comes_every_ten_minutes_also_where_nothing_happens() -> None:
    #  0 ----- 9 | 11 ----- 19.9 | 50
    plays = script()
    plays.line(event(0))
    assert beats(plays.line(event(9))) == []
    assert beats(plays.line(event(11))) == [10]
    assert beats(plays.line(event(19.9))) == []
    assert beats(plays.line(event(50))) == [20, 30, 40, 50]


def test_a_record_with_heartbeats_of_its_own_tells_its_silences_itself() -> None:
    plays = script()
    plays.line(event(0))
    plays.line(event(9, kind="esn.heartbeat"))
    assert beats(plays.line(event(50))) == [50]


def test_each_source_of_the_record_beats() -> None:
    plays = script()
    plays.line(event(0, source="/a"))
    plays.line(event(1, source="/b"))
    values = [json.loads(message.value or b"") for message in plays.line(event(10))[:-1]]
    assert {value["source"] for value in values} == {"/a", "/b", "/s"}


def test_before_a_late_event_time_stands_still_at_the_greatest() -> None:
    #  0 -- 8      late: 5.9 (one beat at 8), 5.8 (none), in time: 6; 9, then late again: a beat at 9
    plays = script()
    plays.line(event(0))
    plays.line(event(8))
    late = plays.line(event(5.9))
    assert beats(late) == [8]
    assert late[-1].value == event(5.9)
    assert beats(plays.line(event(5.8))) == []
    assert beats(plays.line(event(6))) == []
    plays.line(event(9))
    assert beats(plays.line(event(6.9))) == [9]


def test_before_a_silence_of_more_than_28_days_all_partitions_hear_when_it_began() -> None:
    plays = script()
    began = -28 * 24 * 60
    plays.line(event(began))
    plays.line(event(began + 5))
    assert beats(plays.line(event(5.5))) == [began + 5, 5.5]


def test_lateness_is_a_setting() -> None:
    plays = script(environ={"ESN_LATENESS_SECONDS": "600"})
    plays.line(event(0.3))
    plays.line(event(10.5))
    assert beats(plays.line(event(0.5))) == []
    assert beats(plays.line(event(0.4))) == [10.5]


def test_a_recorded_heartbeat_is_broadcast_as_it_is_and_moves_time() -> None:
    plays = script()
    plays.line(event(0))
    raw = event(30, kind="esn.heartbeat")
    assert {message.value for message in plays.line(raw)} == {raw}
    assert beats(plays.line(raw)) == [30]
    assert beats(plays.line(event(1))) == []  # late, and a heartbeat at 30 was just sent
    assert beats(plays.finish()) == [pytest.approx(33, abs=0.001)]


@pytest.mark.parametrize(
    ("newest", "environ", "closing_ms"),
    [
        (5.5, {}, 8 * MINUTE + 1),  # the step ends at 6, two minutes of lateness
        (6, {}, 9 * MINUTE + 1),  # an event on the grid: its minute of activity ends at 7
        (6, {"ESN_STEP_SECONDS": "3600"}, 62 * MINUTE + 1),
        (6, {"ESN_LATENESS_SECONDS": "0"}, 7 * MINUTE + 1),
    ],
)
def test_the_last_heartbeat_closes_the_last_step(newest: float, environ: dict[str, str], closing_ms: int) -> None:
    plays = script(environ=environ)
    plays.line(event(newest))
    assert beats(plays.finish()) == [pytest.approx(closing_ms / MINUTE, abs=1e-6)]


def test_the_last_heartbeat_is_not_ahead_of_the_clock_nor_behind_the_record() -> None:
    plays = script(now_minutes=6)
    plays.line(event(5.5))
    assert beats(plays.finish()) == [6]
    plays = script(now_minutes=5)
    plays.line(event(5.5))
    assert beats(plays.finish()) == [5.5]


def test_an_empty_record_sends_nothing() -> None:
    plays = script()
    assert [*plays.line(b"\n"), *plays.finish()] == []


def test_directory_records_and_forgettings_are_keyed_by_person() -> None:
    plays = script()
    raw = b'{"person":"u9","enabled":true}'
    place = partition_of(b"u9", 2)
    assert plays.line(raw + b"\n") == (Message("esn.directory", place, b"u9", raw),)
    assert plays.line(b'{"forget":"u9"}') == (Message("esn.directory", place, b"u9", None),)
    assert (plays.sent.people, plays.sent.forgotten, plays.sent.newest_ms) == (1, 1, None)


@pytest.mark.parametrize(
    ("raw", "topic", "key"),
    [
        (b'{"type":"esn.login","data":{"actor":"u1"}}', "esn.logins", b"u1"),
        (b'{"type":"esn.nonsense","data":{"actor":"u1"}}', "esn.content", b"u1"),
        (b'{"type":"esn.content","data":{"actor":7}}', "esn.content", None),
        (b"not json", "esn.content", None),
        (b"\xff\xfe", "esn.content", None),
        (b"[" * 100_000, "esn.content", None),
        (b'{"person":7}', "esn.content", None),
        (event(10, "u1").replace(b"Z", b""), "esn.content", b"u1"),
    ],
)
def test_what_the_worker_will_refuse_is_sent_all_the_same(raw: bytes, topic: str, key: bytes | None) -> None:
    plays = script()
    [message] = plays.line(raw)
    assert (message.topic, message.key, message.value) == (topic, key, raw)
    assert plays.sent.refused == 1
    assert plays.sent.newest_ms is None


def test_an_event_from_the_future_does_not_move_time() -> None:
    plays = script(now_minutes=10)
    plays.line(event(9))
    [message] = plays.line(event(16))
    assert message.key == b"u1"
    assert beats(plays.line(event(8.5))) == []
    assert beats(plays.finish()) == [10]


def test_a_line_that_no_input_takes_is_left_out_and_counted() -> None:
    plays = script()
    assert plays.line(b'{"text":"' + b"x" * (2 << 20) + b'"}') == ()
    assert plays.sent.too_long == 1


def test_a_record_may_be_sent_in_parts() -> None:
    whole, first = script(), script()
    lines = [event(minutes) for minutes in (0, 9, 6, 61)]
    expected = [message for line in lines for message in whole.line(line)]
    parts = [message for line in lines[:2] for message in first.line(line)]
    second = Script(2, Settings.from_env({}), lambda: 1 << 60, newest_ms=first.sent.newest_ms)
    # all is the same but one heartbeat: the first part cannot know that the next event is late
    parts += [message for line in lines[2:] for message in second.line(line)]
    assert [m for m in parts if m.key] == [m for m in expected if m.key]
    assert beats(parts) == [0, 10, 20, 30, 40, 50, 60]
    assert beats(expected) == [0, 9, 10, 20, 30, 40, 50, 60]


def test_files_are_read_one_after_another_packed_or_plain(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"1\n2\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b"3\n4"))
    record = Record([tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"])
    assert list(record) == [b"1\n", b"2\n", b"3\n", b"4"]
    assert record.position == record.size


def test_a_cut_off_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.gz").write_bytes(gzip.compress(b"x\n" * 100)[:-9])
    with pytest.raises(Failed, match=r"c\.gz cannot be read to its end"):
        list(Record([tmp_path / "c.gz"]))
