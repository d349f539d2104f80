"""A record on a real broker: what arrives, where, in which order, and with which timestamps."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agents import clock
from agents.__main__ import main
from agents.errors import Failed
from agents.kafka.broker import create_topics, partition_of, producer, read
from agents.replay import send
from agents.settings import Settings

PEOPLE = [json.dumps({"person": f"u{n}", "enabled": True}).encode() for n in range(20)]


@pytest.fixture
def settings(kafka: str, prefix: str) -> Settings:
    settings = Settings.from_env({"ESN_KAFKA": kafka, "ESN_PREFIX": prefix})
    create_topics(settings, 3)
    return settings


def event(number: int) -> bytes:
    kind = "esn.login" if number % 5 == 0 else "esn.content"
    time = f"2026-03-02T{8 + number // 60:02}:{number % 60:02}:00Z"
    data = {"actor": f"u{number % 20}", "verb": "post"}
    fields = {"specversion": "1.0", "id": f"e{number}", "source": "/s", "type": kind, "time": time, "data": data}
    return json.dumps(fields).encode()


EVENTS = [event(number) for number in range(150)]


def arrived(settings: Settings, topic: str) -> list[Any]:
    return list(read(settings, settings.topic(topic)))


def events(records: list[Any]) -> list[Any]:
    return [record for record in records if record.key is not None]


TEN_MINUTES = [f"2026-03-02T{8 + tens // 6:02}:{tens % 6}0:00.000Z" for tens in range(15)]


def heartbeat_times(records: list[Any], partition: int) -> list[str]:
    return [json.loads(r.value)["time"] for r in records if r.key is None and r.partition == partition]


def test_every_event_arrives_once_in_its_person_s_partition_and_order(settings: Settings) -> None:
    before = clock.now_ms()
    sent = send(settings, EVENTS, PEOPLE)
    logins, content = arrived(settings, "esn.logins"), arrived(settings, "esn.content")
    assert sorted(r.value for r in events(logins) + events(content)) == sorted(EVENTS)
    assert (sent.events, sent.people, sent.refused) == (150, 20, 0)
    for record in events(logins) + events(content):
        assert record.key.decode() == json.loads(record.value)["data"]["actor"]
        assert record.partition == partition_of(record.key, 3)
        assert before <= record.timestamp <= clock.now_ms()  # produced now, though it happened long ago
    for partition in range(3):
        at = [json.loads(r.value)["time"] for r in content if r.partition == partition]
        assert at == sorted(at)


def test_every_partition_gets_the_same_heartbeats(settings: Settings) -> None:
    send(settings, EVENTS)
    for topic in ("esn.logins", "esn.content"):
        records = arrived(settings, topic)
        for partition in range(3):
            assert heartbeat_times(records, partition) == [
                *TEN_MINUTES,  # from the first event's on
                "2026-03-02T10:32:00.001Z",  # the last event's minute, its lateness, and a millisecond
            ]


def test_the_directory_is_keyed_by_person_and_forgettings_are_null(settings: Settings) -> None:
    send(settings, [EVENTS[0], b'{"person":"u1","enabled":false}', EVENTS[1], b'{"forget":"u2"}'], PEOPLE)
    records = arrived(settings, "esn.directory")
    latest = {record.key: record.value for record in records}
    assert len(records) == 22
    assert latest[b"u1"] == b'{"person":"u1","enabled":false}'
    assert latest[b"u2"] is None
    assert {record.partition for record in records if record.key == b"u1"} == {partition_of(b"u1", 3)}


def test_a_record_may_be_sent_in_parts(settings: Settings) -> None:
    first = send(settings, EVENTS[:70], final=False)
    assert heartbeat_times(arrived(settings, "esn.logins"), 0)[-1] == "2026-03-02T09:00:00.000Z"
    send(settings, EVENTS[70:], newest_ms=first.newest_ms)
    times = heartbeat_times(arrived(settings, "esn.logins"), 0)
    assert times == [*TEN_MINUTES, "2026-03-02T10:32:00.001Z"]


def test_what_was_refused_arrives_as_it_was(settings: Settings) -> None:
    wrong = [b"\xff\xfe", b"{}", b'{"type":"esn.login","data":{"actor":"u1"}}']
    sent = send(settings, wrong)
    assert sent.refused == 3
    both = arrived(settings, "esn.logins") + arrived(settings, "esn.content")
    assert sorted(record.value for record in both) == sorted(wrong)


def test_large_messages_go_through(settings: Settings) -> None:
    large = (
        event(1)[:-1]
        + b',"text":"'
        + bytes((n * 7919) % 89 + 35 for n in range(1_500_000)).replace(b"\\", b"/")
        + b'"}'
    )
    send(settings, [EVENTS[0], large, EVENTS[2]])
    assert large in [record.value for record in arrived(settings, "esn.content")]


def test_speed_waits_by_the_clock_and_leaves_the_times_alone(settings: Settings) -> None:
    slept: list[float] = []
    send(settings, EVENTS[:11], speed=60, monotonic=lambda: sum(slept), sleep=slept.append)
    assert sum(slept) == pytest.approx(10)  # ten minutes, sixty times as fast
    assert len(slept) == 10
    both = events(arrived(settings, "esn.logins")) + events(arrived(settings, "esn.content"))
    assert sorted(record.value for record in both) == sorted(EVENTS[:11])


def test_without_topics_nothing_is_sent(kafka: str, prefix: str) -> None:
    with pytest.raises(Failed, match=r"there is no topic .*esn\.logins: run `esn-pulse topics`"):
        send(Settings.from_env({"ESN_KAFKA": kafka, "ESN_PREFIX": prefix}), EVENTS)


def test_the_command_reads_files_and_closes_with_a_line(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESN_KAFKA", settings.kafka)
    monkeypatch.setenv("ESN_PREFIX", settings.prefix)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"\n".join(EVENTS[:100])))
    (tmp_path / "b.jsonl").write_bytes(b"\n".join(EVENTS[100:]) + b"\nrubbish\n")
    (tmp_path / "people.jsonl").write_bytes(b"\n".join(PEOPLE))
    files = [str(tmp_path / "a.jsonl.gz"), str(tmp_path / "b.jsonl"), "--people", str(tmp_path / "people.jsonl")]
    assert main(["replay", *files]) == 0
    told = capsys.readouterr().out
    assert told.startswith("sent 150 events, 96 heartbeats and 20 people in ")
    assert "; 1 more lines that the worker will refuse" in told
    assert told.count("\n") == 1


def test_ctrl_c_in_the_middle_is_quiet(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "slow.jsonl").write_bytes(b"\n".join(EVENTS))
    call = [sys.executable, "-m", "agents", "replay", str(tmp_path / "slow.jsonl"), "--speed", "30"]
    environ = os.environ | {"ESN_KAFKA": settings.kafka, "ESN_PREFIX": settings.prefix}
    with subprocess.Popen(call, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as replay:
        deadline = time.monotonic() + 60
        while len(arrived(settings, "esn.content")) < 4:  # it has begun
            assert time.monotonic() < deadline
        replay.send_signal(signal.SIGINT)
        out, err = replay.communicate(timeout=60)
    assert (replay.returncode, out) == (130, b"")
    assert [line for line in err.splitlines() if b" %: " not in line] == []  # but for its progress


def test_single_messages_are_stored_when_the_block_ends(settings: Settings) -> None:
    topic = settings.topic("esn.directory")
    with producer(settings) as stream:
        for line in PEOPLE:
            stream.send(topic, line, json.loads(line)["person"].encode())
    records = arrived(settings, "esn.directory")
    assert sorted(record.value for record in records) == sorted(PEOPLE)
    assert all(record.partition == partition_of(record.key, 3) for record in records)
