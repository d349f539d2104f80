"""`esn-pulse doctor`, called as users call it, on real servers in every state that it tells apart."""

import json
import signal
import socket
import subprocess
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.kafka import broker
from agents.kafka.broker import create_topics
from agents.settings import Settings
from agents.storage.clickhouse import Reader
from agents.storage.migrations import migrate
from tests.live.calling import WORDS, Caller
from tests.live.rig import wait_until

Findings = dict[str, tuple[str, str, str]]


@pytest.fixture
def call(kafka: str, clickhouse_url: str, prefix: str) -> Caller:
    return Caller({"ESN_KAFKA": kafka, "ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix})


@pytest.fixture
def settings(call: Caller) -> Settings:
    return Settings.from_env(call.env)


@pytest.fixture
def ready(call: Caller, settings: Settings) -> Caller:
    """Topics and tables are there, and nothing in them."""
    create_topics(settings, 2)
    migrate(settings)
    return call


def doctor(call: Caller, **env: str) -> tuple[int, Findings]:
    """Return the exit code, and of each check the finding that is worst."""
    called = Caller(dict(call.env) | env)("doctor", "--format", "json")
    assert called.err == ""
    found: Findings = {}
    order = ["ok", "warning", "wrong"]
    for row in json.loads(called.out):
        before = found.get(row["check"])
        if before is None or order.index(row["state"]) >= order.index(before[0]):
            found[row["check"]] = (row["state"], row["found"], row["advice"])
    return called.code, found


def event(actor: str, verb: str = "post", ago: float = 0) -> bytes:
    time = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
    fields = {"specversion": "1.0", "id": f"{actor}-{time}", "source": "/s", "type": "esn.content", "time": time}
    return json.dumps(fields | {"data": {"actor": actor, "verb": verb}}).encode()


def send(settings: Settings, *messages: tuple[bytes, bytes | None, int | None], topic: str = "esn.content") -> None:
    with broker.producer(settings) as sending:
        for value, key, partition in messages:
            sending.send(settings.topic(topic), value, key, partition)


def test_wrong_settings(call: Caller) -> None:
    called = call("doctor", ESN_STEP_SECONDS="61", ESN_KAFFKA="x")
    assert (called.code, called.err) == (1, "")
    assert called.out == (
        "wrong    settings: ESN_KAFFKA is no setting\n         -> did you mean ESN_KAFKA?\n"
        "wrong    settings: ESN_STEP_SECONDS is 61\n         -> choose 60, 300, 900 or 3600\n"
    )


def test_nothing_listens_where_kafka_and_clickhouse_should_be(call: Caller) -> None:
    code, found = doctor(call, ESN_KAFKA="127.0.0.1:1", ESN_CLICKHOUSE="clickhouse://127.0.0.1:1/esn")
    assert code == 1
    assert found["kafka"] == (
        "wrong",
        "no Kafka at 127.0.0.1:1",
        "start one with `esn-pulse local up`, or set ESN_KAFKA",
    )
    assert found["clickhouse"][0] == "wrong"
    assert found["clickhouse"][2] == "start one with `esn-pulse local up`, or set ESN_CLICKHOUSE"


@pytest.fixture
def mute() -> Iterator[str]:
    """Somebody who takes calls and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        over = threading.Event()

        def answer() -> None:
            while not over.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        over.set()
        thread.join()


def test_somebody_else_listens_there(call: Caller, mute: str) -> None:
    code, found = doctor(call, ESN_KAFKA=mute, ESN_CLICKHOUSE=f"clickhouse://{mute}/esn")
    assert code == 1
    assert found["kafka"][1].startswith(f"something listens at {mute}")
    assert found["clickhouse"][0] == "wrong"


def test_nothing_was_set_up(call: Caller, settings: Settings) -> None:
    code, found = doctor(call)
    assert code == 1
    assert found["topics"][1].startswith(f"there is no topic {settings.topic('esn.logins')}, ")
    assert found["topics"][2] == "run `esn-pulse topics`"
    assert found["clickhouse"] == (
        "wrong",
        f"ClickHouse has no database {settings.database}",
        "run `esn-pulse migrate`",
    )
    assert "numbers" not in found


def test_topics_that_are_not_as_they_should_be(call: Caller, settings: Settings) -> None:
    create_topics(settings, 2)
    with broker.admin(settings) as admin:
        admin.delete([settings.topic("esn.content"), settings.topic("esn.drops")])
        wait_until(lambda: settings.topic("esn.content") not in admin.topics(), 30, "the topic to go")
        admin.create(settings.topic("esn.content"), 3, {})
    called = call("doctor")
    assert called.code == 1
    assert f"there is no topic {settings.topic('esn.drops')}\n         -> run `esn-pulse topics`\n" in called.out
    assert f"{settings.topic('esn.logins')} has 2, {settings.topic('esn.content')} has 3" in called.out
    assert f"warning  topics: {settings.topic('esn.content')} has retention.ms=" in called.out


def test_tables_that_are_read_only_or_lag_behind(ready: Caller, settings: Settings) -> None:
    with Reader(replace(settings.clickhouse, database="")) as server:
        server.query(f"ALTER TABLE {settings.database}.people_rows MODIFY SETTING table_readonly = 1")
    code, found = doctor(ready)
    assert code == 1
    assert found["clickhouse"][1].startswith("cannot write to people_rows: ")
    with Reader(replace(settings.clickhouse, database="")) as server:
        server.query(
            f"ALTER TABLE {settings.database}.schema_migrations DELETE WHERE number > 1 SETTINGS mutations_sync = 2"
        )
    assert doctor(ready)[1]["clickhouse"][2] == "run `esn-pulse migrate`"


def test_all_is_there_but_messages_and_workers(ready: Caller, settings: Settings) -> None:
    code, found = doctor(ready)
    assert code == 1
    assert found["worker"][2] == "start `esn-pulse worker`"
    assert found["directory"][:2] == ("warning", "it is empty, so nobody is enabled and adoption is 0")
    logins, content = settings.topic("esn.logins"), settings.topic("esn.content")
    assert found["numbers"][:2] == ("warning", f"there are none yet: {logins} and {content} hold no messages")
    states = {check: state for check, (state, *_) in found.items()}
    assert {check for check, state in states.items() if state == "ok"} == {
        "settings", "kafka", "topics", "clickhouse", "clock of clickhouse",
    }  # fmt: skip


def test_producers_with_another_partitioner(ready: Caller, settings: Settings) -> None:
    actors = [f"u{number}".encode() for number in range(40)]
    send(settings, *((event(actor.decode()), actor, zlib.crc32(actor) % 2) for actor in actors))
    send(settings, *((event(actor.decode()), None, 0) for actor in actors), topic="esn.logins")
    _, found = doctor(ready)
    state, told, advice = found[f"partitions of {settings.topic('esn.content')}"]
    assert state == "wrong"
    assert (
        "of the latest 40 are not in the partition of their actor (murmur2): librdkafka's default partitioner" in told
    )
    assert advice.startswith("set partitioner=murmur2_random")
    assert "they have no key" in found[f"partitions of {settings.topic('esn.logins')}"][1]
    send(settings, *((b'{"person":"%b"}' % actor, actor, None) for actor in actors), topic="esn.directory")
    assert doctor(ready)[1][f"partitions of {settings.topic('esn.directory')}"][0] == "ok"


def test_clocks_that_are_ahead_are_told(ready: Caller, settings: Settings) -> None:
    send(settings, *((event("u1", ago=-120), b"u1", None) for _ in range(3)))
    assert doctor(ready)[1]["event times"][:2][0] == "warning"


@pytest.fixture
def worker(ready: Caller, tmp_path: Path) -> Iterator[None]:
    given = {"ESN_TIME": "events", "ESN_CHECKPOINT_SECONDS": "1", "ESN_PEOPLE_SECONDS": "1"}
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen([*WORDS, "worker"], env=ready.environ(given), stdout=log, stderr=log)
        wait_until(lambda: doctor(ready)[1]["worker"][0] == "ok", 60, "the worker's group")
        yield
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.usefixtures("worker")
def test_why_there_are_no_numbers_yet(ready: Caller, settings: Settings) -> None:
    def told() -> tuple[str, str, str]:
        return doctor(ready, ESN_TIME="events")[1]["numbers"]

    send(settings, (b"not json", b"u1", None), (event("u1", verb="yell"), b"u1", None))
    state, found, _ = told()
    assert (state, found) == ("wrong", "there are none yet: everything is refused (not_json 1, unknown_verb 1)")
    send(settings, *((event(actor, ago=3600), actor.encode(), None) for actor in ("u1", "u2", "u3", "u4")))
    assert f"neither events nor heartbeats in partitions 0 and 1 of {settings.topic('esn.logins')}" in told()[1]
    beat = json.loads(event("x", ago=3600)) | {"type": "esn.heartbeat"}
    for topic in ("esn.logins", "esn.content"):
        send(settings, *((json.dumps(beat).encode(), None, partition) for partition in (0, 1)), topic=topic)
    assert "is not over: ESN_TIME=events, and nothing is later than " in told()[1]
    beat["time"] = datetime.now(UTC).isoformat()
    for topic in ("esn.logins", "esn.content"):
        send(settings, *((json.dumps(beat).encode(), None, partition) for partition in (0, 1)), topic=topic)
    wait_until(lambda: told()[0] == "ok", 60, "numbers")
    assert told()[1].startswith("up to ")
    send(settings, (b'{"person":"u1"}', b"u1", None), topic="esn.directory")
    wait_until(lambda: "1 people are listed" in doctor(ready)[1]["directory"][1], 60, "the directory")
    code, all_ = doctor(ready, ESN_TIME="events")
    assert code == 0, all_


def test_colours_only_in_a_terminal(ready: Caller) -> None:
    assert "\x1b[31mwrong" in ready.in_terminal("doctor")
    assert "\x1b" not in ready("doctor").out
