"""The seam with Faust under back-pressure, and what it knows of a partition's end, on a live broker."""

import asyncio
from pathlib import Path

import psutil
import pytest
from faust.types import TP

from agents.seam.batches import Batch, Reading
from tests.live.seam_apps.recorder import SMALL_FETCH, Broker, Recorder, partitions, until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def broker(kafka: str) -> Broker:
    return Broker(kafka)


async def test_a_pause_holds_one_partition_while_others_flow(broker: Broker, prefix: str, tmp_path: Path) -> None:
    held, *_ = tps = partitions(f"{prefix}.a", count=4)
    await broker.create({held.topic: 4})
    async with Recorder(broker, prefix, [held.topic], tmp_path) as worker:
        await until(worker.owned)
        worker.batches.pause({held})
        await broker.send(dict.fromkeys(tps, 100))
        await until(lambda: worker.total() == 300)
        await broker.send(dict.fromkeys(tps, 100))
        await until(lambda: worker.total() == 600)
        assert held not in worker.seen
        assert not worker.batches.read_to_end(held).at_end
        worker.batches.resume({held})
        await until(lambda: worker.total() == 800)
        await until(lambda: worker.batches.read_to_end(held).at_end)
    assert worker.seen == {tp: list(range(200)) for tp in tps}


async def test_pausing_at_any_moment_loses_nothing(broker: Broker, prefix: str, tmp_path: Path) -> None:
    tps = partitions(f"{prefix}.a", count=4)
    await broker.create({f"{prefix}.a": 4})
    await broker.send(dict.fromkeys(tps, 800))
    worker = Recorder(broker, prefix, [f"{prefix}.a"], tmp_path, consumer_max_fetch_size=SMALL_FETCH)

    def toggle(batch: Batch) -> None:
        worker.batches.resume(tps)
        worker.batches.pause({batch.tp, tps[batch.next_offset % 4]})

    worker.on_batch = toggle
    async with worker:
        while worker.total() < 3200:
            before = worker.total()
            await asyncio.sleep(0.1)
            if worker.total() == before:
                worker.batches.resume(tps)
    assert worker.seen == {tp: list(range(800)) for tp in tps}


async def test_a_pause_stays_with_a_kept_partition_and_goes_with_one_that_goes(
    broker: Broker, prefix: str, tmp_path: Path
) -> None:
    topic = f"{prefix}.a"
    tps = partitions(topic, count=4)
    await broker.create({topic: 4})
    async with Recorder(broker, prefix, [topic], tmp_path) as first:
        await until(first.owned)
        first.batches.pause(tps)
        async with Recorder(broker, prefix, [topic], tmp_path) as second:
            await until(lambda: len(second.owned()) == 2 and len(first.owned()) == 2)
            kept, went = first.owned(), second.owned()
            await broker.send(dict.fromkeys(tps, 10))
            await until(lambda: second.total() == 20)
        await until(lambda: len(first.owned()) == 4)
        await broker.send(dict.fromkeys(tps, 10))
        await until(lambda: first.total() == 20)
        assert set(first.seen) == went
        first.batches.resume(kept)
        await until(lambda: first.total() == 60)
    assert {tp: first.seen[tp] for tp in kept} == {tp: list(range(20)) for tp in kept}


async def test_read_to_end_needs_a_living_broker(broker: Broker, prefix: str, tmp_path: Path) -> None:
    tp, empty = partitions(f"{prefix}.a", count=2)
    await broker.create({tp.topic: 2})
    await broker.send({tp: 2000})
    too_early: list[Batch] = []
    worker = Recorder(broker, prefix, [tp.topic], tmp_path, consumer_max_fetch_size=SMALL_FETCH)

    def reading(at: TP) -> Reading:
        return worker.batches.read_to_end(at, within_ms=1500)

    worker.on_batch = lambda batch: too_early.append(batch) if reading(tp).at_end else None
    async with worker:
        assert not reading(tp).at_end
        await until(lambda: reading(tp).at_end and reading(empty).at_end)
        assert worker.total() == 2000
        assert reading(tp).next_offset == 2000
        assert reading(empty).next_offset == 0
        assert await worker.batches.end_offsets([tp, empty]) == {tp: 2000, empty: 0}
        earlier = reading(tp).as_of_ms
        assert earlier is not None
        await until(lambda: (reading(tp).as_of_ms or 0) > earlier + 500)
        server = psutil.Process(listener(broker.address))
        server.suspend()
        try:
            await until(lambda: not reading(tp).at_end and not reading(empty).at_end, 7)
        finally:
            server.resume()
        await until(lambda: reading(tp).at_end and reading(empty).at_end)
        await broker.send({tp: 5})
        assert await worker.batches.end_offsets([tp]) == {tp: 2005}
        await until(lambda: worker.total() == 2005 and reading(tp).at_end)
    assert too_early == []
    assert worker.batches.failure is None


def listener(address: str) -> int:
    """Return the process that listens there."""
    port = int(address.rpartition(":")[2])
    for connection in psutil.net_connections("tcp"):
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,)
        if connection.pid and listens:
            return int(connection.pid)
    raise LookupError(address)
