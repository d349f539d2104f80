"""Bad input on the real broker: it never stops the worker, is never lost, and changes no number."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaProducer

from agents import clock
from agents.kafka import broker
from agents.kafka.broker import partition_of
from agents.simulation import Company
from schemas.events import FUTURE_MS, OLD_MS, instant
from schemas.topics import LOGINS
from tests.hostile import WORDS, login, odd, refusable
from tests.hostile_directory import odd_listings
from tests.live.hostile_rig import (
    PARTITIONS,
    assert_silent,
    count,
    message_of,
    produce,
    put_aside,
    read_to_the_end,
    reasons,
    rejected,
    send_directory,
    send_record,
    sendable_listings,
)
from tests.live.rig import Rig, rig, wait_until
from tests.recount import assert_varied, recount

pytestmark = pytest.mark.timeout(300)
STEP_SECONDS = 3600
SETTINGS = {"ESN_TIME": "events", "ESN_STEP_SECONDS": str(STEP_SECONDS), "ESN_CHECKPOINT_SECONDS": "2"}
SETTINGS |= {"ESN_PEOPLE_SECONDS": "1", "ESN_LOG_LEVEL": "debug"}
FLOOD = 50_000


@pytest.fixture
def served(kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path) -> Iterator[Rig]:
    env = {"ESN_KAFKA": kafka, "ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix, "ESN_HOME": str(tmp_path)}
    with rig(SETTINGS | env, tmp_path, PARTITIONS) as made:
        yield made


def test_bad_input_is_put_aside_and_changes_no_number(served: Rig) -> None:
    company = Company(
        people=40, seed=5, start=datetime(2026, 3, 28, tzinfo=UTC), days=1, rate=0.03, communities=5, duplicates=0.03
    )
    people = [json.loads(line) for line in company.directory()]
    record = [line for line in company.lines() if b'"type"' in line]
    middle = len(record) // 2
    oddities = odd(instant(json.loads(record[middle])["time"]))
    served.start()
    send_directory(served, people)
    send_record(
        served, record[: middle + 1], [message_of(one.actor, one.value) for one in oddities], record[middle + 1 :]
    )

    good = [
        json.loads(line) for line in (*record[: middle + 1], *(one.value for one in oddities), *record[middle + 1 :])
    ]
    listings = [*people, *(json.loads(one.value) for one in odd_listings())]
    expected = recount(good, listings, step_seconds=STEP_SECONDS)
    assert_varied(expected.active_people)
    assert_varied(expected.people)
    served.assert_rows(expected)
    assert {one.actor for one in oddities if one.name != "a failure"} <= expected.people.keys()

    found = put_aside(served)
    reasons = Counter(found.values())
    assert len(found) == len(refusable()) + len(sendable_listings()) + 1
    assert len(reasons) == 12, reasons
    read_to_the_end(served)
    names = {person["person"] for person in listings} | {line.get("data", {}).get("actor", WORDS) for line in good}
    assert_silent(served.logs(), names)


def test_a_flood_is_put_aside_in_bounded_memory(served: Rig) -> None:
    """Three times the same: what the third costs is no longer there afterwards."""
    worker = psutil.Process(served.start(ESN_LOG_LEVEL="info").pid)
    rows = 0
    after: list[int] = []
    most = 0
    wait_until(lambda: "partitions assigned" in served.logs(), 60, "the worker")
    for helping in range(3):
        values = [*(case.value for case in refusable() if case.value is not None)] * 3
        values += [login()[: 40 + n % 60] for n in range(FLOOD)]
        rows += len(values)
        with broker.producer(served.settings) as producer:
            for n, value in enumerate(values):
                producer.send(served.settings.topic(LOGINS.name), value, partition=n % PARTITIONS)

        def done(rows: int = rows) -> bool:
            nonlocal most
            most = max(most, worker.memory_info().rss)
            return bool(count(served) == rows)

        wait_until(done, 120, f"{rows} rows of rejects, there are {count(served)}")
        read_to_the_end(served)
        after.append(worker.memory_info().rss)
        print(f"helping {helping}: {len(values)} refused, RSS {after[-1] >> 20} MiB, at most {most >> 20} MiB")  # noqa: T201
    assert Counter(reasons(served).values()).total() == rows
    assert after[2] - after[1] < 64 << 20
    assert most - after[0] < 512 << 20


def test_reasons_that_depend_on_the_records_timestamp(served: Rig) -> None:
    """Good and bad lie a millisecond apart; with the wall clock, what is very old is refused, too."""
    now = clock.now_ms()
    times = {
        "odd-ahead": (now + FUTURE_MS, now, None),
        "hostile-ahead": (now + FUTURE_MS + 1, now, "future"),
        "odd-old": (now - OLD_MS, now, None),
        "hostile-old": (now - OLD_MS - 1, now, "too_old"),
        "hostile-unstamped": (now, -1, "future"),
        "hostile-epoch": (now, 0, "future"),
        "hostile-before": (now, -(1 << 62), "future"),
        "odd-stamped-ahead": (now, now + 3_000_000, None),
    }

    async def send(producer: AIOKafkaProducer) -> None:
        for actor, (time_ms, stamp, _) in times.items():
            at = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
            place = partition_of(actor.encode(), PARTITIONS)
            value = login({"actor": actor}, time=at, id=actor)
            batch = producer.create_batch()
            assert batch.append(timestamp=stamp, key=actor.encode(), value=value)
            await (await producer.send_batch(batch, served.settings.topic(LOGINS.name), partition=place))

    produce(served, send)
    served.start(ESN_TIME="clock")
    wait_until(lambda: count(served) == 5, 60, "rows of rejects")
    expected = {value: reason for value, (_, _, reason) in times.items() if reason}
    found = {record.key.decode(): dict(record.headers)["reason"].decode() for record in rejected(served, len(expected))}
    assert found == expected
    received = served.reader.query("SELECT received_at FROM rejects")[1]  # a client can read all of them
    assert min(at for (at,) in received) == datetime(1970, 1, 1, tzinfo=UTC)
    wait_until(lambda: len(served.people()) == 3, 60, "those who count")
    assert {name: row.last_seen for name, row in served.people().items()} == {
        name: time_ms for name, (time_ms, _, reason) in times.items() if reason is None
    }


def test_what_kafka_would_not_take_back_is_cut(served: Rig) -> None:
    """A batch's limit is that of its compressed bytes: what it holds may be any size, and so may headers."""
    large, mebibyte = b"\0" * (20 << 20), 1 << 20
    stranger = next(name for name in map(str, range(99)) if partition_of(name.encode(), PARTITIONS) == 1)
    logins = served.settings.topic(LOGINS.name)

    async def send(producer: AIOKafkaProducer) -> None:
        await producer.send_and_wait(logins, large, b"key", 0)
        await producer.send_and_wait(logins, b"{", large, 0)
        await producer.send_and_wait(logins, b"{", None, 0, headers=[("trace", large), ("none", None)])
        moved = login({"actor": stranger})
        for headers in ([("trace", large)], [("n", b"")] * 200_000, [("none", None), ("é", b"\xff")]):
            await producer.send_and_wait(logins, moved, None, 0, headers=headers)

    produce(served, send)
    served.start(ESN_LOG_LEVEL="info")
    found = sorted(rejected(served, 3, moved=True), key=lambda record: int(dict(record.headers)["offset"]))
    assert [(len(one.value), len(one.key or b"")) for one in found][2] == (1, 0)
    assert found[0].key == b"key"
    assert 3 * mebibyte < len(found[0].value) < 4 * mebibyte
    assert dict(found[0].headers)["value_bytes"] == b"%d" % len(large)
    assert found[1].value == b"{"
    assert dict(found[1].headers)["key_bytes"] == b"%d" % len(large)
    wait_until(lambda: stranger in served.people(), 60, "the one who was in another's partition")
    copies = [one for one in broker.read(served.settings, logins) if one.partition == 1]
    assert [[name for name, _ in one.headers] for one in copies] == [["esn-moved"]] * 2 + [["none", "é", "esn-moved"]]


class Raw(str):
    """A header's name that is written as other bytes."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


def test_a_header_may_have_any_name(served: Rig) -> None:
    """Kafka takes any bytes for it; with aiokafka alone the worker would end, and end again."""
    logins = served.settings.topic(LOGINS.name)
    stranger = next(name for name in map(str, range(99)) if partition_of(name.encode(), PARTITIONS) == 1)
    home = next(name for name in map(str, range(99)) if partition_of(name.encode(), PARTITIONS) == 0)
    served.start(ESN_LOG_LEVEL="info")
    with broker.producer(served.settings) as producer:
        for n in range(30):
            headers: list[tuple[str, bytes]] = [(Raw("x"), b"1")] if n % 3 == 1 else []
            value = b"{" if n % 5 == 0 else login({"actor": stranger if n % 2 else home}, id=str(n))
            producer.send(logins, value, None, 0, headers)
    wait_until(lambda: count(served) == 6, 60, "what must be refused")
    assert sorted(offset for _, _, offset in reasons(served)) == [0, 5, 10, 15, 20, 25]
    wait_until(lambda: len(served.people()) == 2, 60, "both people")
    wait_until(lambda: sum(row.logins for row in served.people().values()) == 24, 60, "every login once")
