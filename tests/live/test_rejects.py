"""`esn-pulse rejects`, called as users call it, on a real Kafka."""

import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.kafka import broker
from agents.kafka.broker import create_topics
from agents.rejects import rejected
from agents.settings import Settings
from agents.storage.migrations import migrate
from tests.live.calling import NO_KAFKA, WORDS, Caller
from tests.live.rig import wait_until


@pytest.fixture
def call(kafka: str, clickhouse_url: str, prefix: str) -> Caller:
    return Caller({"ESN_KAFKA": kafka, "ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix})


@pytest.fixture
def settings(call: Caller) -> Settings:
    return Settings.from_env(call.env)


@pytest.fixture
def topics(settings: Settings) -> None:
    create_topics(settings, 3)


def refuse(settings: Settings, number: int, reason: str, value: bytes | None, topic: str = "esn.content") -> None:
    """Do what a worker does with a message that it refuses."""
    where = {"reason": reason, "topic": settings.topic(topic), "partition": 0, "offset": number}
    with broker.producer(settings) as sending:
        headers = [(name, str(told).encode()) for name, told in where.items()]
        sending.send(settings.topic("esn.rejects"), value, b"u17", headers=headers)


def copies(settings: Settings, topic: str = "esn.content") -> list[tuple[bytes, str]]:
    """What was sent again: the value, and which message it was."""
    found = [
        (record.value, dict(record.headers)["esn-resent"].decode().removeprefix(f"{settings.prefix}."))
        for record in broker.read(settings, settings.topic(topic))
        if "esn-resent" in dict(record.headers)
    ]
    return sorted(found, key=lambda copy: copy[1])


@pytest.fixture
def refused(call: Caller, settings: Settings, request: pytest.FixtureRequest) -> Caller:
    request.getfixturevalue("topics")
    refuse(settings, 7, "not_json", b"\x1b[31m{secret")
    refuse(settings, 7, "not_json", b"\x1b[31m{secret")  # by a worker that started over
    refuse(settings, 8, "unknown_verb", b'{"verb":"yell"}')
    refuse(settings, 9, "not_json", None)
    return call


def test_what_was_refused_by_topic_and_reason(refused: Caller, settings: Settings) -> None:
    told = json.loads(refused("rejects", "--format", "json").out)
    assert [(row["topic"], row["reason"], row["messages"], row["sent_again"]) for row in told] == [
        (settings.topic("esn.content"), "not_json", 2, 0), (settings.topic("esn.content"), "unknown_verb", 1, 0),
    ]  # fmt: skip
    called = refused("rejects", "--since", "1h", "--reason", "unknown_verb")
    assert called.out.splitlines()[1].split()[:4] == [settings.topic("esn.content"), "unknown_verb", "1", "0"]
    assert called.err == f"1 refused message in {settings.topic('esn.rejects')}\n"
    assert "secret" not in called.out + refused("rejects", "--list").out


def test_one_by_one_and_its_content_on_demand(refused: Caller) -> None:
    listed = json.loads(refused("rejects", "--list", "--reason", "not_json", "--format", "json").out)
    assert [(row["offset"], row["bytes"], row["sent_again"]) for row in listed] == [(9, 0, "no"), (7, 12, "no")]
    shown = refused("rejects", "--show", listed[1]["at"]).out
    assert "  key    u17\n  value  \\x1b[31m{secret\n" in shown
    assert "\x1b" not in shown
    assert refused("rejects", "--show", "1", "--reason", "unknown_verb").out.endswith('value  {"verb":"yell"}\n')
    [message] = json.loads(refused("rejects", "--show", listed[1]["at"], "--format", "json").out)
    assert (message["key"], message["value"]) == ("u17", "\x1b[31m{secret")
    assert len(refused("rejects", "--show", "5").out.splitlines()) == 9
    assert refused.line("rejects", "--show", "2:99999") == (
        1, "esn-pulse: there is no such refused message: see `esn-pulse rejects --list`",
    )  # fmt: skip


def test_sent_again_once_and_marked(refused: Caller, settings: Settings) -> None:
    called = refused("rejects", "--resend", "--reason", "unknown_verb")
    assert (called.code, called.err) == (0, "")
    assert called.out == "sent 1 message again; 1 of them will be refused again by this version (missing_field 1)\n"
    assert copies(settings) == [(b'{"verb":"yell"}', "esn.content/0/8")]
    assert refused("rejects", "--resend", "--only-accepted").out == (
        "sent 0 messages again; 2 left out, because they would be refused again by this version (not_json 1, empty 1); "
        "sent again before: 1\n"
    )
    assert refused("rejects", "--resend").out.startswith("sent 2 messages again; ")
    assert refused("rejects", "--resend").out == "sent 0 messages again; sent again before: 3\n"
    assert len(copies(settings)) == 3
    assert [row["sent_again"] for row in json.loads(refused("rejects", "--format", "json").out)] == [2, 1]


def test_a_copy_that_is_refused_again_is_left_alone(refused: Caller, settings: Settings) -> None:
    refused("rejects", "--resend", "--reason", "unknown_verb")
    [copy] = [record for record in broker.read(settings, settings.topic("esn.content")) if record.value]
    where = {"reason": "unknown_verb", "topic": copy.topic, "partition": copy.partition, "offset": copy.offset}
    with broker.producer(settings) as sending:
        headers = [(name, str(told).encode()) for name, told in where.items()]
        sending.send(settings.topic("esn.rejects"), copy.value, copy.key, headers=headers)
    assert refused("rejects", "--resend", "--reason", "unknown_verb").out == (
        "sent 0 messages again; sent again before: 1; refused again, so left alone: 1 (--again sends them)\n"
    )
    assert refused("rejects", "--resend", "--again", "--reason", "unknown_verb").out.startswith("sent 1 message again;")
    assert refused("rejects", "--resend", "--again", "--reason", "unknown_verb").out.startswith(
        "sent 0 messages again;"
    )


def test_two_at_once_send_nothing_twice(refused: Caller, settings: Settings) -> None:
    with broker.producer(settings) as sending:
        for number in range(1000, 2500):
            where = {"reason": "bad_time", "topic": settings.topic("esn.logins"), "partition": 1, "offset": number}
            headers = [(name, str(told).encode()) for name, told in where.items()]
            sending.send(settings.topic("esn.rejects"), b"{}", b"u%d" % number, headers=headers)
    both = [
        subprocess.Popen([*WORDS, "rejects", "--resend"], env=refused.environ({}), stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=60)[1] for process in both]
    fenced = "esn-pulse: another `esn-pulse rejects --resend` was started meanwhile: let that one finish\n"
    assert set(told) <= {"", fenced}
    refused("rejects", "--resend")
    sent = [origin for topic in ("esn.logins", "esn.content") for _, origin in copies(settings, topic)]
    assert (len(sent), len(set(sent))) == (1503, 1503)


@pytest.mark.usefixtures("topics")
def test_an_old_directory_record_does_not_undo_a_later_one(call: Caller, settings: Settings) -> None:
    with broker.producer(settings) as sending:
        for value in (b'{"person":7}', b'{"person":"u1","region":"ES"}'):
            sending.send(settings.topic("esn.directory"), value, b"u1", partition=0)
        sending.flush()
    refuse_directory(settings, b"u1", 0)
    with broker.producer(settings) as sending:
        sending.send(settings.topic("esn.directory"), b'{"person":8}', b"u2", partition=0)
    refuse_directory(settings, b"u2", 2)
    assert "sent 1 message again; " in (out := call("rejects", "--resend").out)
    assert "left out, because the person has a later directory record: 1" in out
    assert copies(settings, "esn.directory") == [(b"{}", "esn.directory/0/2")]


def refuse_directory(settings: Settings, key: bytes, offset: int) -> None:
    where = {"reason": "wrong_type", "topic": settings.topic("esn.directory"), "partition": 0, "offset": offset}
    with broker.producer(settings) as sending:
        headers = [(name, str(told).encode()) for name, told in where.items()]
        sending.send(settings.topic("esn.rejects"), b"{}", key, headers=headers)


@pytest.mark.usefixtures("topics")
def test_a_message_of_no_input_topic_goes_nowhere(call: Caller, settings: Settings) -> None:
    refuse(settings, 1, "not_json", b"x", topic="esn.pulse")
    assert call("rejects", "--resend").out == (
        "sent 0 messages again; left out, because they are from no input topic: 1\n"
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--list", "--resend"], "esn-pulse: --list, --show and --resend exclude each other: choose one"),
        (["--again"], "esn-pulse: --again and --only-accepted belong to --resend"),
        (["--show", "x"], "esn-pulse rejects: invalid value for '--show': x is neither a number"),
    ],
)  # fmt: skip
def test_a_wrong_call_of_rejects(call: Caller, words: list[str], line: str) -> None:
    code, told = call.line("rejects", *words)
    assert code == 2
    assert told.startswith(line)


@pytest.mark.parametrize("words", [[], ["--resend"]])
def test_rejects_without_kafka_or_topic(call: Caller, settings: Settings, words: list[str]) -> None:
    assert call.line("rejects", *words, ESN_KAFKA="127.0.0.1:1") == (1, NO_KAFKA)
    line = f"esn-pulse: there is no topic {settings.topic('esn.rejects')}: run `esn-pulse topics`"
    assert call.line("rejects", *words) == (1, line)


@pytest.fixture
def worker(call: Caller, settings: Settings, tmp_path: Path) -> Iterator[None]:
    create_topics(settings, 3)
    migrate(settings)
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [*WORDS, "worker"], env=call.environ({"ESN_CHECKPOINT_SECONDS": "1"}), stdout=log, stderr=log
        )
        yield
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.usefixtures("worker")
def test_with_a_worker_nothing_goes_round(call: Caller, settings: Settings) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=303)).isoformat()
    event = {"specversion": "1.0", "id": "a", "source": "/s", "type": "esn.content", "time": soon}
    yell, early = (json.dumps(event | {"data": {"actor": "u1", "verb": verb}}).encode() for verb in ("yell", "post"))
    with broker.producer(settings) as sending:
        sending.send(settings.topic("esn.content"), yell, b"u1")
        sending.send(settings.topic("esn.content"), early, b"u1")  # 5 minutes and 3 seconds ahead
    wait_until(lambda: len(rejected.read(settings)) == 2, 60, "two refusals")
    assert {message.reason for message in rejected.read(settings)} == {"unknown_verb", "future"}
    wait_until(lambda: datetime.now(UTC) + timedelta(seconds=299) > datetime.fromisoformat(soon), 30, "time to pass")
    assert call("rejects", "--resend").out == (
        "sent 2 messages again; 1 of them will be refused again by this version (unknown_verb 1)\n"
    )
    wait_until(lambda: sum(message.is_copy for message in rejected.read(settings)) == 1, 60, "one copy refused again")
    assert call("rejects", "--resend").out == (
        "sent 0 messages again; sent again before: 2; refused again, so left alone: 1 (--again sends them)\n"
    )
