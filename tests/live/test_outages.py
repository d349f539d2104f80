"""What a worker does while ClickHouse cannot store: it waits or says why it ends, and loses nothing either way.

The servers are the other tests' too: nothing here ends them. `tests/chaos` does that, on servers of its own.
"""

import asyncio
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from agents.kafka import broker
from agents.simulation import Company
from agents.worker import checkpoint
from agents.worker.checkpoint import Checkpoint, Outgoing
from deploy.local.service import Service
from deploy.local.stack import Stack
from schemas.topics import CONTENT, DIRECTORY, LOGINS, REJECTS
from tests.chaos.site import family
from tests.live.rig import Json, Rig, is_change, rig, wait_until
from tests.recount import recount

pytestmark = pytest.mark.timeout(300)
TABLE = "active_people_rows"
NO_SPACE = f"ALTER TABLE {TABLE} MODIFY SETTING min_free_disk_bytes_to_perform_insert = {1 << 60}"
SPACE = f"ALTER TABLE {TABLE} RESET SETTING min_free_disk_bytes_to_perform_insert"
READ_ONLY = f"ALTER TABLE {TABLE} MODIFY SETTING table_readonly = 1"
WRITABLE = f"ALTER TABLE {TABLE} RESET SETTING table_readonly"


def company() -> tuple[list[Json], list[Json]]:
    """A small record and its directory; nothing changes in the directory."""
    made = Company(people=30, seed=5, start=datetime(2026, 3, 2, tzinfo=UTC), days=0.25, rate=0.05, step_seconds=60)
    lines = [json.loads(line) for line in made.lines()]
    return [line for line in lines if not is_change(line)], [json.loads(line) for line in made.directory()]


@pytest.fixture
def site(kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path) -> Iterator[Rig]:
    env = {
        "ESN_KAFKA": kafka,
        "ESN_CLICKHOUSE": clickhouse_url,
        "ESN_PREFIX": prefix,
        "ESN_TIME": "events",
        "ESN_CHECKPOINT_SECONDS": "1",
        "ESN_PEOPLE_SECONDS": "1",
        "ESN_HOME": str(tmp_path),
    }
    with rig(env, tmp_path, 2) as made:
        yield made


@pytest.mark.parametrize(("begin", "end"), [(NO_SPACE, SPACE), (READ_ONLY, WRITABLE)], ids=["full", "read-only"])
def test_a_disk_that_takes_nothing_is_waited_for(site: Rig, begin: str, end: str) -> None:
    record, directory = company()
    site.start()
    site.reader.query(begin)
    site.replay(record, directory)
    wait_until(lambda: "ClickHouse stores nothing" in site.logs(), 60, "the outage in the log")
    site.reader.query(end)
    site.assert_rows(recount(record, directory))


def test_a_missing_table_ends_the_worker_with_a_line_and_loses_nothing(site: Rig) -> None:
    record, directory = company()
    worker = site.start()
    wait_until(lambda: "partitions assigned" in site.logs(), 60, "the worker's partitions")
    site.reader.query(f"RENAME TABLE {TABLE} TO hidden")
    site.replay(record, directory)
    assert worker.wait(60) == 1
    last = site.logs().splitlines()[-1]
    assert TABLE in last
    assert "esn-pulse migrate" in last
    assert "Traceback" not in site.logs()
    site.workers.clear()
    site.reader.query(f"RENAME TABLE hidden TO {TABLE}")
    site.start()
    site.assert_rows(recount(record, directory))


def test_a_worker_ends_in_time_while_nothing_can_be_stored(site: Rig) -> None:
    record, directory = company()
    worker = site.start()
    site.reader.query(NO_SPACE)
    site.replay(record, directory)
    wait_until(lambda: "ClickHouse stores nothing" in site.logs(), 60, "the outage in the log")
    worker.send_signal(signal.SIGTERM)
    try:
        assert worker.wait(10) == 0
    except subprocess.TimeoutExpired:
        pytest.fail(f"it did not end within 10 s: {site.logs()[-2000:]}")
    site.reader.query(SPACE)
    site.start()
    site.assert_rows(recount(record, directory))


def test_servers_that_a_slow_disk_holds_up_are_waited_for(site: Rig, stack: Stack) -> None:
    record, directory = company()
    site.start()
    site.replay(record, directory)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        held_up([stack.kafka, stack.clickhouse], 0.4)
        time.sleep(0.1)
    site.assert_rows(recount(record, directory))


def held_up(servers: list[Service], seconds: float) -> None:
    """Let servers do nothing for a while."""
    processes = [process for server in servers for process in family(server)]
    for process in processes:
        process.suspend()
    time.sleep(seconds)
    for process in reversed(processes):
        process.resume()


async def test_what_a_full_producer_could_not_send_is_published_once(
    site: Rig, stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    impatient = partial(AIOKafkaProducer, request_timeout_ms=1000)
    monkeypatch.setattr(checkpoint, "AIOKafkaProducer", impatient)
    ledger, state = await Checkpoint.begin(site.settings, 0, 2)
    topic = REJECTS.full_name(site.settings.prefix)
    messages = [Outgoing(topic, 0, b"%d" % number, b"x" * 4096, ()) for number in range(5000)]
    saving = asyncio.create_task(ledger.commit(state, {}, {}, messages))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(held_up, [stack.kafka], 4)
    await saving
    await ledger.close()
    assert "checkpoint not written, trying again" in caplog.messages
    found = Counter(record.key for record in broker.read(site.settings, topic))
    assert found == Counter(message.key for message in messages)


def test_a_worker_with_a_name_that_is_back_soon_moves_nothing(site: Rig) -> None:
    record, directory = company()

    def assigned(number: int) -> list[str]:
        lines = (site.folder / f"worker-{number}.log").read_text().splitlines()
        return [line.partition("partitions=")[2] for line in lines if "partitions assigned" in line]

    one = site.start(ESN_INSTANCE="one")
    site.start(ESN_INSTANCE="two")
    wait_until(lambda: {*assigned(0)[-1:], *assigned(1)[-1:]} == {"0", "1"}, 60, "a partition for each of two")
    before = assigned(0)[-1], assigned(1)
    one.send_signal(signal.SIGKILL)
    one.wait()
    site.start(ESN_INSTANCE="one")
    wait_until(lambda: assigned(2), 60, "the partition of the one that is back")
    site.replay(record, directory)
    site.assert_rows(recount(record, directory))
    assert (assigned(2)[-1], assigned(1)) == before


def test_an_orderly_end_leaves_nothing_to_read_again(site: Rig) -> None:
    record, directory = company()
    worker = site.start()
    site.replay(record, directory)
    site.wait_published(max(key.at for key in recount(record, directory).active_people) * 1000 + 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    with broker.admin(site.settings) as admin:
        topics = [topic.full_name(site.settings.prefix) for topic in (LOGINS, CONTENT, DIRECTORY)]
        done = {place: end for place, end in admin.group_offsets(site.settings.group).items() if place[0] in topics}
        ends = {(name, number): end for name in topics for number, (_, end) in admin.offsets(name).items() if end}
    assert done == ends
